// Launches on models, where three hosts give the scheduler a choice, and on real programs, where guests run.
import { converse } from './converse.ts';
import { serverCreate } from './conversation/server-create.ts';

converse(serverCreate, { simulated: true });
converse(serverCreate, {});
