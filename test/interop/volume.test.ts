// Volumes on models, and on real programs: the storage daemon of the embedded backend or a Ceph cluster, and guests.
import { converse } from './converse.ts';
import { volume } from './conversation/volume.ts';
import { volumeAdmin } from './conversation/volume-admin.ts';
import { volumeServer } from './conversation/volume-server.ts';

converse(volume, { simulated: true });
converse(volumeAdmin, { simulated: true });
converse(volumeServer, { simulated: true });
converse(volume, {});
converse(volumeServer, {});
converse(volume, { storage: 'ceph' });
converse(volumeServer, { storage: 'ceph' });
