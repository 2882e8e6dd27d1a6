/** What ./pileus runs, with the Node that npm installed. */
import { main } from '#cli/main.ts';

await main(process.argv);
