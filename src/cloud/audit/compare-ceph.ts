// Volumes, snapshots and root disks in Ceph against the rows that they are of. Image data is in compare-images.ts. Called by
// compare.ts.
import { compareStored } from './compare-volumes.ts';
import type { Servers } from './servers.ts';
import type { Things } from './things.ts';

export function compareCeph({ ceph, records }: Things, servers: Servers): string[] {
  if (!ceph) return [];
  const disks = ceph.disks
    .filter((id) => !servers.isBusy(id) && servers.isAbsent(id))
    .map((id) => `orphan: Ceph has the root disk of ${id}, no server`);
  const cutOff = ceph.diskSnapshots
    .filter(
      (each) =>
        !servers.isBusy(each.split('_')[0] ?? '') && !servers.isMoving(each.split('@before-')[1] ?? ''),
    )
    .map((each) => `orphan: the root disk ${each} in Ceph is of a snapshot that has ended`);
  return [...compareStored('Ceph', ceph.volumes, records), ...disks, ...cutOff];
}
