// The conversation about admin needs no guest.
import { converse } from './converse.ts';
import { admin } from './conversation/admin.ts';

converse(admin, { simulated: true });
