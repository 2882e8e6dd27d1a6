// Volumes, snapshots and root disks in Ceph against the rows that they are of. Image data is in compare-images.ts. Called by
// compare.ts.
import type { Servers } from './servers.ts';
import type { Things } from './things.ts';

/** Lifecycles in which a volume may not be there yet, or not any more. */
const UNSETTLED = new Set(['creating', 'downloading', 'deleting', 'error', 'error_deleting']);

export function compareCeph({ ceph, records }: Things, servers: Servers): string[] {
  if (!ceph) return [];
  const rows = new Map(records.volumes.map((volume) => [volume.id, volume]));
  const snapshotRows = new Set(records.volumeSnapshots.map(({ id }) => id));
  const stored = new Map(ceph.volumes.map((volume) => [volume.volumeId, volume]));
  const orphans = ceph.volumes.flatMap(({ volumeId, snapshotIds }) => [
    ...(rows.has(volumeId) ? [] : [`orphan: Ceph has the volume ${volumeId}, which is not there`]),
    ...snapshotIds
      .filter((id) => !snapshotRows.has(id))
      .map((id) => `orphan: Ceph has the snapshot ${id} of volume ${volumeId}, which is not there`),
  ]);
  const missing = records.volumes
    .filter(({ id, host, lifecycle }) => host !== null && !UNSETTLED.has(lifecycle) && !stored.has(id))
    .map(({ id }) => `missing: Ceph has no volume ${id}`);
  const lost = records.volumeSnapshots
    .filter(({ id, volume_id, status }) => {
      const volume = stored.get(volume_id);
      return status === 'available' && volume !== undefined && !volume.snapshotIds.includes(id);
    })
    .map(({ id }) => `missing: Ceph has no volume snapshot ${id}`);
  const disks = ceph.disks
    .filter((id) => !servers.isBusy(id) && servers.isAbsent(id))
    .map((id) => `orphan: Ceph has the root disk of ${id}, no server`);
  const cutOff = ceph.diskSnapshots
    .filter((each) => !servers.isBusy(each.split('_')[0] ?? ''))
    .map((each) => `orphan: the root disk ${each} in Ceph is of a snapshot that has ended`);
  return [...orphans, ...missing, ...lost, ...disks, ...cutOff];
}
