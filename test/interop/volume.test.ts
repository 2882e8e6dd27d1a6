// Volumes on models, and on real programs: the storage daemon of the embedded backend, and guests.
import { converse } from './converse.ts';
import { volume } from './conversation/volume.ts';

converse(volume, { simulated: true });
