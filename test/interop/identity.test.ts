// Identity's part of the conversation needs no guest.
import { converse } from './converse.ts';
import { identity } from './conversation/identity.ts';

converse(identity, { simulated: true });
