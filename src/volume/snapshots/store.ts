// SQL of snapshots and their metadata.
import { sql, type RawBuilder, type SelectQueryBuilder } from 'kysely';
import type { Executor } from '#platform/sql/database.ts';
import { afterMarker, orderOf, type Page } from '#volume/paging.ts';
import type { SnapshotRow, VolumeTables } from '#volume/tables.ts';

type Db = Executor<VolumeTables>;

export interface WholeSnapshot {
  readonly snapshot: SnapshotRow;
  readonly metadata: Readonly<Record<string, string>>;
  /** Absent or null: taken by itself. */
  readonly groupSnapshotId?: string | null;
}

export async function findSnapshotRow(db: Db, id: string): Promise<SnapshotRow | undefined> {
  return db.selectFrom('snapshots').selectAll().where('id', '=', id).executeTakeFirst();
}

export async function findWholeSnapshot(db: Db, id: string): Promise<WholeSnapshot | undefined> {
  const snapshot = await findSnapshotRow(db, id);
  return snapshot && (await wholeSnapshots(db, [snapshot]))[0];
}

export async function wholeSnapshots(db: Db, snapshots: readonly SnapshotRow[]): Promise<WholeSnapshot[]> {
  if (snapshots.length === 0) return [];
  const rows = await db
    .selectFrom('snapshot_metadata')
    .selectAll()
    .where(
      'snapshot_id',
      'in',
      snapshots.map(({ id }) => id),
    )
    .execute();
  const groups = await db
    .selectFrom('group_snapshot_members')
    .selectAll()
    .where(
      'snapshot_id',
      'in',
      snapshots.map(({ id }) => id),
    )
    .execute();
  const groupOf = new Map(
    groups.map(({ snapshot_id, group_snapshot_id }) => [snapshot_id, group_snapshot_id]),
  );
  const byId = Map.groupBy(rows, ({ snapshot_id }) => snapshot_id);
  return snapshots.map((snapshot) => ({
    snapshot,
    groupSnapshotId: groupOf.get(snapshot.id) ?? null,
    metadata: Object.fromEntries((byId.get(snapshot.id) ?? []).map(({ key, value }) => [key, value])),
  }));
}

export async function insertSnapshot(
  trx: Db,
  snapshot: SnapshotRow,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  await trx.insertInto('snapshots').values(snapshot).execute();
  await addMetadata(trx, snapshot.id, metadata);
}

/** Which of these there are. */
export async function listSnapshotIds(db: Db, ids: readonly string[]): Promise<string[]> {
  if (ids.length === 0) return [];
  const rows = await db.selectFrom('snapshots').select('id').where('id', 'in', ids).execute();
  return rows.map(({ id }) => id);
}

export async function updateSnapshot(
  db: Db,
  id: string,
  changes: Partial<Omit<SnapshotRow, 'id'>>,
): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('snapshots')
    .set(changes)
    .where('id', '=', id)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

export async function removeSnapshot(trx: Db, id: string): Promise<void> {
  await trx.deleteFrom('group_snapshot_members').where('snapshot_id', '=', id).execute();
  await trx.deleteFrom('snapshot_metadata').where('snapshot_id', '=', id).execute();
  await trx.deleteFrom('snapshots').where('id', '=', id).execute();
}

/** Newest first; internal ones too. */
export async function listOfVolume(db: Db, volumeId: string): Promise<SnapshotRow[]> {
  return db
    .selectFrom('snapshots')
    .selectAll()
    .where('volume_id', '=', volumeId)
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .execute();
}

export async function addMetadata(
  trx: Db,
  snapshotId: string,
  entries: Readonly<Record<string, string>>,
): Promise<void> {
  const rows = Object.entries(entries).map(([key, value]) => ({ snapshot_id: snapshotId, key, value }));
  if (rows.length === 0) return;
  await trx
    .insertInto('snapshot_metadata')
    .values(rows)
    .onConflict((c) =>
      c.columns(['snapshot_id', 'key']).doUpdateSet((e) => ({ value: e.ref('excluded.value') })),
    )
    .execute();
}

export async function clearMetadata(trx: Db, snapshotId: string): Promise<void> {
  await trx.deleteFrom('snapshot_metadata').where('snapshot_id', '=', snapshotId).execute();
}

export async function removeMetadataKey(trx: Db, snapshotId: string, key: string): Promise<boolean> {
  const { numDeletedRows } = await trx
    .deleteFrom('snapshot_metadata')
    .where('snapshot_id', '=', snapshotId)
    .where('key', '=', key)
    .executeTakeFirst();
  return numDeletedRows > 0n;
}

export interface SnapshotFilters {
  readonly projectId?: string | undefined;
  readonly equal: Readonly<Record<string, string>>;
  readonly nameLike?: string | undefined;
  readonly zone?: string | undefined;
  readonly metadata: Readonly<Record<string, string>>;
}

function filtered<O>(
  query: SelectQueryBuilder<VolumeTables, 'snapshots', O>,
  filters: SnapshotFilters,
): SelectQueryBuilder<VolumeTables, 'snapshots', O> {
  let narrowed = query.where('snapshots.internal', '=', 0);
  if (filters.projectId !== undefined)
    narrowed = narrowed.where('snapshots.project_id', '=', filters.projectId);
  for (const [name, value] of Object.entries(filters.equal))
    narrowed = narrowed.where(sql.ref(`snapshots.${name}`), '=', value);
  if (filters.nameLike !== undefined)
    narrowed = narrowed.where(
      sql<boolean>`snapshots.name like ${`%${filters.nameLike.replaceAll(/[%_!]/g, '!$&')}%`} escape '!'`,
    );
  if (filters.zone !== undefined)
    narrowed = narrowed.where(
      sql<boolean>`exists (select 1 from volumes v where v.id = snapshots.volume_id and v.availability_zone = ${filters.zone})`,
    );
  for (const [key, value] of Object.entries(filters.metadata))
    narrowed = narrowed.where(
      sql<boolean>`exists (select 1 from snapshot_metadata m where m.snapshot_id = snapshots.id and m.key = ${key} and m.value = ${value})`,
    );
  return narrowed;
}

export const SORTABLE = [
  'id',
  'name',
  'status',
  'created_at',
  'updated_at',
  'volume_id',
  'description',
  'volume_size',
  'project_id',
  'user_id',
] as const;

const column = (key: string): RawBuilder<unknown> =>
  key === 'volume_size' ? sql`snapshots.volume_size` : sql`coalesce(snapshots.${sql.ref(key)}, '')`;

/** Undefined when the marker is none of them. */
export async function listSnapshotRows(
  db: Db,
  filters: SnapshotFilters,
  page: Page,
): Promise<SnapshotRow[] | undefined> {
  let query = filtered(db.selectFrom('snapshots').selectAll(), filters);
  if (page.marker !== undefined) {
    let marker = db
      .selectFrom('snapshots')
      .select(page.sort.map(({ key }) => sql<unknown>`${column(key)}`.as(key)))
      .where('snapshots.id', '=', page.marker);
    if (filters.projectId !== undefined) marker = marker.where('project_id', '=', filters.projectId);
    const values: Record<string, unknown> | undefined = await marker.executeTakeFirst();
    if (!values) return undefined;
    query = query.where(afterMarker(page.sort, column, values));
  }
  for (const order of orderOf(page.sort, column)) query = query.orderBy(order);
  return query.limit(page.limit).offset(page.offset).execute();
}

export async function countSnapshotRows(db: Db, filters: SnapshotFilters): Promise<number> {
  const row = await filtered(
    db.selectFrom('snapshots').select((e) => e.fn.countAll<number>().as('count')),
    filters,
  ).executeTakeFirstOrThrow();
  return Number(row.count);
}
