// Listens on port 80 in the network namespace it is started in, hands the listening socket to its parent, and ends.
// So one process serves every network of a host: a socket keeps the namespace that it was made in. Started by real.ts.
import { createServer } from 'node:net';

// The parent disconnects when it has the socket; ours then closes with the process.
process.once('disconnect', () => process.exit(0));
const server = createServer({ pauseOnConnect: true });
server.listen({ host: '::', port: 80, ipv6Only: false, exclusive: true }, () =>
  process.send?.('listening', server),
);
