// The conversation about placement needs no guest.
import { converse } from './converse.ts';
import { placement } from './conversation/placement.ts';

converse(placement, { simulated: true });
