// SQL of volumes, their metadata and the properties of the images they were made from.
import { sql, type RawBuilder } from 'kysely';
import type { Executor } from '#platform/sql/database.ts';
import { listKeyIds, removeKeyOf, setNextKey } from '#volume/keys/store.ts';
import type { AttachmentRow, VolumeRow, VolumeTables } from '#volume/tables.ts';
import { listClusterNames } from '../clusters/store.ts';
import { listGroupsOf } from '../groups/store.ts';
import { backendIn } from './host-name.ts';
import { STATUS_OF_ATTACHMENTS } from './status.ts';

type Db = Executor<VolumeTables>;

/** A volume with all that its views and rules need. */
export interface WholeVolume {
  readonly volume: VolumeRow;
  readonly metadata: Readonly<Record<string, string>>;
  readonly imageMetadata: Readonly<Record<string, string>>;
  readonly attachments: readonly AttachmentRow[];
  readonly typeName: string | null;
  /** Absent or null: in none. */
  readonly groupId?: string | null;
  /** Its group is a consistency group. */
  readonly inConsistencyGroup?: boolean;
  /** Of an encrypted one. */
  readonly encryptionKeyId?: string | null;
  /** `<cluster>@<backend>` of its service; absent or null: of none. */
  readonly clusterName?: string | null;
}

const when = STATUS_OF_ATTACHMENTS.map(
  ([status, derived]) =>
    sql`when exists (select 1 from attachments where attachments.volume_id = volumes.id and attachments.status = ${sql.lit(status)}) then ${sql.lit(derived)}`,
);

/** `statusOf` in SQL. */
export const derivedStatus: RawBuilder<string> = sql<string>`(case
  when volumes.forced_status is not null then volumes.forced_status
  when volumes.lifecycle <> 'available' then volumes.lifecycle
  ${sql.join(when, sql` `)}
  else 'available' end)`;

export async function findVolumeRow(db: Db, id: string): Promise<VolumeRow | undefined> {
  return db.selectFrom('volumes').selectAll().where('id', '=', id).executeTakeFirst();
}

export async function findWholeVolume(db: Db, id: string): Promise<WholeVolume | undefined> {
  const volume = await findVolumeRow(db, id);
  return volume && (await wholeVolumes(db, [volume]))[0];
}

/** Some statements, however many they are. */
export async function wholeVolumes(db: Db, volumes: readonly VolumeRow[]): Promise<WholeVolume[]> {
  if (volumes.length === 0) return [];
  const ids = volumes.map(({ id }) => id);
  const attachments = await db
    .selectFrom('attachments')
    .selectAll()
    .where('volume_id', 'in', ids)
    .orderBy('created_at')
    .execute();
  const metadata = await db.selectFrom('volume_metadata').selectAll().where('volume_id', 'in', ids).execute();
  const images = await db
    .selectFrom('volume_image_metadata')
    .selectAll()
    .where('volume_id', 'in', ids)
    .execute();
  const groupOf = await listGroupsOf(db, ids);
  const keyOf = await listKeyIds(db, ids);
  const clusterOf = await listClusterNames(db);
  const types = await db.selectFrom('volume_types').select(['id', 'name']).execute();
  const typeNames = new Map(types.map(({ id, name }) => [id, name]));
  const perVolume = <T extends { volume_id: string }>(rows: readonly T[]): Map<string, T[]> =>
    Map.groupBy(rows, ({ volume_id }) => volume_id);
  const [byAttachment, byMetadata, byImage] = [
    perVolume(attachments),
    perVolume(metadata),
    perVolume(images),
  ];
  return volumes.map((volume) => ({
    volume,
    metadata: recordOf(byMetadata.get(volume.id)),
    imageMetadata: recordOf(byImage.get(volume.id)),
    attachments: byAttachment.get(volume.id) ?? [],
    typeName: volume.volume_type_id === null ? null : (typeNames.get(volume.volume_type_id) ?? null),
    groupId: groupOf.get(volume.id)?.id ?? null,
    inConsistencyGroup: groupOf.get(volume.id)?.consistency ?? false,
    encryptionKeyId: keyOf.get(volume.id) ?? null,
    clusterName: (volume.host !== null && clusterOf.get(backendIn(volume.host))) || null,
  }));
}

function recordOf(rows: ReadonlyArray<{ key: string; value: string }> | undefined): Record<string, string> {
  return Object.fromEntries((rows ?? []).map(({ key, value }) => [key, value]));
}

export async function insertVolume(
  trx: Db,
  volume: VolumeRow,
  metadata: Readonly<Record<string, string>>,
  imageMetadata: Readonly<Record<string, string>>,
): Promise<void> {
  await trx.insertInto('volumes').values(volume).execute();
  await addMetadata(trx, 'volume_metadata', volume.id, metadata);
  await addMetadata(trx, 'volume_image_metadata', volume.id, imageMetadata);
}

/** Which of these there are. */
export async function listVolumeIds(db: Db, ids: readonly string[]): Promise<string[]> {
  if (ids.length === 0) return [];
  const rows = await db.selectFrom('volumes').select('id').where('id', 'in', ids).execute();
  return rows.map(({ id }) => id);
}

export async function updateVolume(
  db: Db,
  id: string,
  changes: Partial<Omit<VolumeRow, 'id'>>,
): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('volumes')
    .set(changes)
    .where('id', '=', id)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

/** With everything that is only about it. Its snapshots must be gone; attachments go with it. */
export async function removeVolume(trx: Db, id: string): Promise<void> {
  for (const table of [
    'volume_metadata',
    'volume_image_metadata',
    'attachments',
    'transfers',
    'group_members',
  ] as const)
    await trx.deleteFrom(table).where('volume_id', '=', id).execute();
  const snapshots = trx.selectFrom('snapshots').select('id').where('volume_id', '=', id);
  for (const table of ['snapshot_metadata', 'group_snapshot_members'] as const)
    await trx.deleteFrom(table).where('snapshot_id', 'in', snapshots).execute();
  await trx.deleteFrom('snapshots').where('volume_id', '=', id).execute();
  await removeKeyOf(trx, id);
  await setNextKey(trx, id, undefined);
  await trx.deleteFrom('volumes').where('id', '=', id).execute();
}

type MetadataTable = 'volume_metadata' | 'volume_image_metadata';

/** Adds, or replaces those that are there. */
export async function addMetadata(
  trx: Db,
  table: MetadataTable,
  volumeId: string,
  entries: Readonly<Record<string, string>>,
): Promise<void> {
  const rows = Object.entries(entries).map(([key, value]) => ({ volume_id: volumeId, key, value }));
  if (rows.length === 0) return;
  await trx
    .insertInto(table)
    .values(rows)
    .onConflict((c) =>
      c.columns(['volume_id', 'key']).doUpdateSet((e) => ({ value: e.ref('excluded.value') })),
    )
    .execute();
}

export async function clearMetadata(trx: Db, table: MetadataTable, volumeId: string): Promise<void> {
  await trx.deleteFrom(table).where('volume_id', '=', volumeId).execute();
}

/** False when there was none. */
export async function removeMetadataKey(
  trx: Db,
  table: MetadataTable,
  volumeId: string,
  key: string,
): Promise<boolean> {
  const { numDeletedRows } = await trx
    .deleteFrom(table)
    .where('volume_id', '=', volumeId)
    .where('key', '=', key)
    .executeTakeFirst();
  return numDeletedRows > 0n;
}

/** Zones that services are in. */
export async function listZones(db: Db): Promise<string[]> {
  const rows = await db
    .selectFrom('volume_services')
    .select('availability_zone')
    .distinct()
    .where('binary', '=', 'cinder-volume')
    .execute();
  return rows.map((row) => row.availability_zone);
}
