// What a cloud's pools in Ceph hold, read as the users that the cloud's services are. Called by read-things.ts.
import { POOLS, type CephCluster } from '#drivers/rbd/access.ts';
import { openRbdPool } from '#drivers/rbd/real.ts';
import { createRbdRootDisks } from '#compute/host/root-disk/rbd.ts';
import { createRbdVolumeDriver } from '#drivers/volume-rbd/driver.ts';
import { createRbdStore } from '#image/store/rbd-store.ts';
import { createRbdObjects } from '#volume/backups/objects/rbd-objects.ts';
import type { CephThings } from './things.ts';

export async function readCeph(cluster: CephCluster): Promise<CephThings> {
  const store = createRbdStore(cluster);
  await using volumes = createRbdVolumeDriver({ cluster });
  const servers = createRbdRootDisks(cluster);
  const [names, stored, rootDisks, rescueDisks, found, backupSets] = await Promise.all([
    store.list(),
    volumes.list(),
    servers.list(),
    servers.rescue.list(),
    openRbdPool(cluster, 'nova', POOLS.disks).list(),
    createRbdObjects(async () => cluster).listSets(),
  ]);
  const images = [];
  for (const name of names) {
    const bytes = await store.size(name);
    images.push({ name, bytes: bytes ?? 0, partial: bytes === undefined });
  }
  const snapshots = found.flatMap(({ name, snapshots: kept }) => kept.map((each) => `${name}@${each}`));
  const disks = [...new Set([...rootDisks, ...rescueDisks])];
  return { images, volumes: stored, disks, diskSnapshots: snapshots, backupSets };
}
