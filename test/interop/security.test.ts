// The conversation about security groups needs no guest.
import { converse } from './converse.ts';
import { security } from './conversation/security.ts';

converse(security, { simulated: true });
