// Volumes on models, and on real programs: the storage daemon of the embedded backend. With PILEUS_TEST_FULL=1 on Ceph too,
// which test/launch/ceph.test.ts proves in less time.
import { converse } from './converse.ts';
import { volume } from './conversation/volume.ts';
import { volumeAdmin } from './conversation/volume-admin.ts';
import { volumeServer } from './conversation/volume-server.ts';

converse(volume, { simulated: true });
converse(volumeAdmin, { simulated: true });
converse(volumeServer, { simulated: true });
converse(volumeServer, {});
if (process.env['PILEUS_TEST_FULL'] === '1') {
  converse(volume, {});
  converse(volume, { storage: 'ceph' });
  converse(volumeServer, { storage: 'ceph' });
}
