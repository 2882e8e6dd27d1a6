// What is plugged into a server and how it is looked at, on models and with a guest that really runs.
import { converse } from './converse.ts';
import { serverParts } from './conversation/server-parts.ts';

converse(serverParts, { simulated: true });
converse(serverParts, {});
