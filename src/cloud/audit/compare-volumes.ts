// Volumes and snapshots in their store against their rows, attachments against servers, and work on volumes that hangs. Called by
// compare.ts; the first part also for Ceph.
import type { Servers } from './servers.ts';
import type { Records } from './store.ts';
import type { StoredVolumeThing, Things } from './things.ts';

/** Lifecycles in which a volume may not be there yet, or not any more. */
const UNSETTLED = new Set(['creating', 'downloading', 'deleting', 'error', 'error_deleting']);
/** Those in which two stores may have it. */
const MOVING = new Set(['maintenance', 'retyping']);
/** What an operation may take past its deadline before the loop that ends late ones has done so. */
const GRACE_MS = 40_000;
/** A message is retried in pauses of 10 s at most; one that is older has a receiver that fails or is absent. */
const OLD_MESSAGE_MS = 60_000;

export function compareVolumes(things: Things, servers: Servers): string[] {
  const { volumes, records } = things;
  return [
    ...(volumes && !things.inCeph ? compareStored('the volume store', volumes, records) : []),
    ...(volumes ? copies(volumes, records) : []),
    ...backups(things),
    ...attachments(records, servers),
    ...keys(records),
    ...stuck(things),
  ];
}

/** Messages after which a store has one copy less. */
const COPY_MESSAGES = new Set(['adoptCopy', 'removeStrayCopy']);

/** @param where names the store in sentences */
export function compareStored(
  where: string,
  stored: readonly StoredVolumeThing[],
  records: Pick<Records, 'volumes' | 'volumeSnapshots' | 'volumeOperations' | 'volumeOutbox'>,
): string[] {
  const adopted = records.volumeOutbox.some(({ method }) => COPY_MESSAGES.has(method));
  // What encrypts a volume anew makes a copy by its own id, which takes the volume's place by a message.
  const copying = new Set(records.volumeOperations.map(({ id }) => id));
  const rows = new Set(records.volumes.map(({ id }) => id));
  const snapshotRows = new Set(records.volumeSnapshots.map(({ id }) => id));
  const held = new Map(stored.map((volume) => [volume.volumeId, volume]));
  const orphans = stored.flatMap(({ volumeId, snapshotIds }) => [
    ...(rows.has(volumeId) || copying.has(volumeId) || adopted
      ? []
      : [`orphan: ${where} has the volume ${volumeId}, which is not there`]),
    ...snapshotIds
      .filter((id) => !snapshotRows.has(id))
      .map((id) => `orphan: ${where} has the snapshot ${id} of volume ${volumeId}, which is not there`),
  ]);
  const missing = records.volumes
    .filter(({ id, host, lifecycle }) => host !== null && !UNSETTLED.has(lifecycle) && !held.has(id))
    .filter(({ lifecycle }) => !(adopted && lifecycle === 'retyping'))
    .map(({ id }) => `missing: ${where} has no volume ${id}`);
  const lost = records.volumeSnapshots
    .filter(({ id, volume_id, status }) => {
      const volume = held.get(volume_id);
      return status === 'available' && volume !== undefined && !volume.snapshotIds.includes(id);
    })
    .map(({ id }) => `missing: ${where} has no volume snapshot ${id}`);
  return [...orphans, ...missing, ...lost];
}

/** What moves left behind: a volume is in one store, but while it moves and until the other store was told. */
function copies(stored: readonly StoredVolumeThing[], { volumes, volumeOutbox }: Records): string[] {
  if (volumeOutbox.some(({ method }) => method === 'removeStrayCopy')) return [];
  const moving = new Set(
    volumes.filter(({ lifecycle }) => MOVING.has(lifecycle) || UNSETTLED.has(lifecycle)).map(({ id }) => id),
  );
  const seen = Map.groupBy(stored, ({ volumeId }) => volumeId);
  return [...seen]
    .filter(([id, held]) => held.length > 1 && !moving.has(id))
    .map(([id]) => `orphan: more than one store has the volume ${id}`);
}

/** A key comes and goes with what it opens, in one transaction. */
function keys({ unownedKeys, keyless }: Records): string[] {
  return [
    ...unownedKeys.map(
      ({ id, owner_id }) => `orphan: encryption key ${id} is of ${owner_id}, which is not there`,
    ),
    ...keyless.map(({ id, kind }) => `missing: encrypted ${kind} ${id} has no encryption key`),
  ];
}

function backups({ backupSets, records }: Things): string[] {
  if (!backupSets) return [];
  const wanted = new Set(records.backups.map(({ data_id }) => data_id));
  const orphans = backupSets
    .filter((set) => !wanted.has(set))
    .map((set) => `orphan: the backup store has the data ${set}, which is no backup's`);
  const missing = records.backups
    .filter(({ data_id, status }) => status === 'available' && !backupSets.includes(data_id))
    .map(({ id, data_id }) => `missing: the backup store has not the data ${data_id} of backup ${id}`);
  return [...orphans, ...missing];
}

function attachments({ attachments: rows, deviceAttachments }: Records, servers: Servers): string[] {
  const known = new Set(rows.map(({ id }) => id));
  const orphans = rows.flatMap(({ id, volume_id, instance_id }) =>
    instance_id !== null && servers.isAbsent(instance_id)
      ? [`orphan: attachment ${id} of volume ${volume_id} is for ${instance_id}, no server`]
      : [],
  );
  const missing = deviceAttachments.flatMap(({ attachment_id, instance_id, volume_id }) =>
    !known.has(attachment_id) && servers.live.has(instance_id) && !servers.isBusy(instance_id)
      ? [
          `missing: server ${instance_id} has volume ${volume_id} by attachment ${attachment_id}, which is not there`,
        ]
      : [],
  );
  return [...orphans, ...missing];
}

function stuck({ at, records }: Things): string[] {
  const late = records.volumeOperations
    .filter(({ deadline_at }) => Date.parse(deadline_at) + GRACE_MS < at)
    .map(
      ({ operation, resource_type, resource_id, deadline_at }) =>
        `stuck: the ${operation} of ${resource_type} ${resource_id} should have ended at ${deadline_at}`,
    );
  const messages = records.volumeOutbox
    .filter(({ created_at }) => Date.parse(created_at) + OLD_MESSAGE_MS < at)
    .map(
      ({ method, queue, created_at, attempts }) =>
        `stuck: message ${method} to ${queue} of ${created_at} is not delivered after ${attempts} attempts`,
    );
  return [...late, ...messages];
}
