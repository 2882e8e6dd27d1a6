// Volumes on models, and on real programs: the storage daemon of the embedded backend, and guests.
import { converse } from './converse.ts';
import { volume } from './conversation/volume.ts';
import { volumeAdmin } from './conversation/volume-admin.ts';

converse(volume, { simulated: true });
converse(volumeAdmin, { simulated: true });
