// The conversation about networks needs no guest.
import { converse } from './converse.ts';
import { network } from './conversation/network.ts';

converse(network, { simulated: true });
