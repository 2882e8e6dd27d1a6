// All SQL of servers' disks. Called by handlers, the conductor and the loop that frees the volumes of what is gone.
import type { ComputeExecutor } from '../deps.ts';
import type { BlockDeviceRow } from '../tables.ts';

/** Without those whose request has not committed. In the order of their names. */
export async function listDevices(db: ComputeExecutor, instanceId: string): Promise<BlockDeviceRow[]> {
  return (await listDevicesOf(db, [instanceId])).get(instanceId) ?? [];
}

/** The same for many servers, in one statement. */
export async function listDevicesOf(
  db: ComputeExecutor,
  instanceIds: readonly string[],
): Promise<Map<string, BlockDeviceRow[]>> {
  const found = new Map<string, BlockDeviceRow[]>();
  if (instanceIds.length === 0) return found;
  const rows = await db
    .selectFrom('block_devices')
    .selectAll()
    .where('instance_id', 'in', instanceIds)
    .where('state', '=', 'kept')
    .orderBy('device_name')
    .execute();
  for (const row of rows) {
    const of = found.get(row.instance_id) ?? [];
    found.set(row.instance_id, of);
    of.push(row);
  }
  return found;
}

/** Those too whose request has not committed: their names are taken. */
export async function listDeviceNames(db: ComputeExecutor, instanceId: string): Promise<string[]> {
  const rows = await db
    .selectFrom('block_devices')
    .select('device_name')
    .where('instance_id', '=', instanceId)
    .execute();
  return rows.map((row) => row.device_name);
}

export async function findVolumeDevice(
  db: ComputeExecutor,
  instanceId: string,
  volumeId: string,
): Promise<BlockDeviceRow | undefined> {
  return db
    .selectFrom('block_devices')
    .selectAll()
    .where('instance_id', '=', instanceId)
    .where('volume_id', '=', volumeId)
    .where('state', '=', 'kept')
    .executeTakeFirst();
}

export async function insertDevices(db: ComputeExecutor, rows: readonly BlockDeviceRow[]): Promise<void> {
  if (rows.length > 0)
    await db
      .insertInto('block_devices')
      .values([...rows])
      .execute();
}

export async function updateDevice(
  db: ComputeExecutor,
  id: string,
  changes: Partial<BlockDeviceRow>,
): Promise<void> {
  await db.updateTable('block_devices').set(changes).where('id', '=', id).execute();
}

/** The request that wanted them commits. @returns false when they were swept meanwhile */
export async function keepDevices(
  db: ComputeExecutor,
  instanceId: string,
  ids: readonly string[],
  state: 'kept' | 'swapping' = 'kept',
): Promise<boolean> {
  if (ids.length === 0) return true;
  const { numUpdatedRows } = await db
    .updateTable('block_devices')
    .set({ state })
    .where('instance_id', '=', instanceId)
    .where('id', 'in', ids)
    .executeTakeFirst();
  return Number(numUpdatedRows) === ids.length;
}

export async function removeDevices(db: ComputeExecutor, ids: readonly string[]): Promise<void> {
  if (ids.length > 0) await db.deleteFrom('block_devices').where('id', 'in', ids).execute();
}

/**
 * The disk goes on with the volume of `otherId`'s row, and that row has the one it had, to be given up. Also when it was done
 * before, or one of the rows is gone: then nothing changes.
 */
export async function exchangeVolumes(
  db: ComputeExecutor,
  deviceId: string,
  otherId: string,
  now: string,
): Promise<void> {
  const rows = await db
    .selectFrom('block_devices')
    .selectAll()
    .where('id', 'in', [deviceId, otherId])
    .execute();
  const device = rows.find((row) => row.id === deviceId);
  // `made` tells of a row under `swapping` that it was done.
  const other = rows.find((row) => row.id === otherId && row.state === 'swapping' && row.made === 0);
  if (!device || !other) return;
  const volumeOf = (row: BlockDeviceRow): Partial<BlockDeviceRow> => ({
    volume_id: row.volume_id,
    volume_size: row.volume_size,
    multiattach: row.multiattach,
    attachment_id: row.attachment_id,
    connection_json: row.connection_json,
    updated_at: now,
  });
  await updateDevice(db, otherId, { volume_id: null }); // no volume is twice in a server
  const source = { source_type: 'volume', image_id: null, snapshot_id: null, made: 0 } as const;
  await updateDevice(db, deviceId, { ...volumeOf(other), ...source });
  await updateDevice(db, otherId, { ...volumeOf(device), made: 1 });
}

/** Disks of servers that are deleted, of swaps that have ended, and of requests that died before `before`. */
export async function listAbandonedDevices(db: ComputeExecutor, before: string): Promise<BlockDeviceRow[]> {
  return db
    .selectFrom('block_devices')
    .selectAll()
    .where((eb) =>
      eb.or([
        eb.and([eb('state', '=', 'reserving'), eb('created_at', '<', before)]),
        eb.and([
          eb('state', '=', 'swapping'),
          eb.not(
            eb.exists(
              eb
                .selectFrom('instance_actions')
                .select('instance_actions.id')
                .whereRef('instance_actions.instance_id', '=', 'block_devices.instance_id')
                .where('action', '=', 'swap_volume')
                .where('instance_actions.state', '=', 'running'),
            ),
          ),
        ]),
        eb.and([
          eb('state', '=', 'kept'),
          eb.not(
            eb.exists(
              eb
                .selectFrom('instances')
                .select('id')
                .whereRef('instances.id', '=', 'block_devices.instance_id')
                .where('deleted', '=', 0),
            ),
          ),
        ]),
      ]),
    )
    .execute();
}

/** Also of a server that is deleted: whether it ever was there for its owner. */
export async function wasLaunched(db: ComputeExecutor, instanceId: string): Promise<boolean> {
  const row = await db
    .selectFrom('instances')
    .select('launched_at')
    .where('id', '=', instanceId)
    .executeTakeFirst();
  return (row?.launched_at ?? null) !== null;
}
