// SQL of group types and their specs.
import { isoTime, type Clock } from '#platform/context/clock.ts';
import { isUniqueViolation, type Executor } from '#platform/sql/database.ts';
import type { GroupTypeRow, VolumeTables } from '#volume/tables.ts';

type Db = Executor<VolumeTables>;

/** Spec of a group type, and what a backend offers: snapshots of all volumes at one moment. */
export const CONSISTENT_SNAPSHOTS = 'consistent_group_snapshot_enabled';

/** Of the groups that `/consistencygroups` makes; `/groups` leaves them alone. */
export const CONSISTENCY_GROUP_TYPE = 'default_cgsnapshot_type';

export interface GroupType extends GroupTypeRow {
  readonly specs: Readonly<Record<string, string>>;
}

async function withSpecs(db: Db, rows: readonly GroupTypeRow[]): Promise<GroupType[]> {
  if (rows.length === 0) return [];
  const ids = rows.map(({ id }) => id);
  const specs = await db
    .selectFrom('group_type_specs')
    .selectAll()
    .where('group_type_id', 'in', ids)
    .orderBy('key')
    .execute();
  const byType = Map.groupBy(specs, ({ group_type_id }) => group_type_id);
  return rows.map((row) => ({
    ...row,
    specs: Object.fromEntries((byType.get(row.id) ?? []).map(({ key, value }) => [key, value])),
  }));
}

/** `isPublic` null: both. */
export async function listGroupTypes(db: Db, isPublic: boolean | null): Promise<GroupType[]> {
  let query = db.selectFrom('group_types').selectAll();
  if (isPublic !== null) query = query.where('is_public', '=', isPublic ? 1 : 0);
  return withSpecs(db, await query.execute());
}

/** By id, or by name with `byName`. */
export async function findGroupType(
  db: Db,
  idOrName: string,
  { byName = false } = {},
): Promise<GroupType | undefined> {
  const rows = await db
    .selectFrom('group_types')
    .selectAll()
    .where((eb) =>
      byName ? eb.or([eb('id', '=', idOrName), eb('name', '=', idOrName)]) : eb('id', '=', idOrName),
    )
    .execute();
  const row = rows.find(({ id }) => id === idOrName) ?? rows[0];
  return row && (await withSpecs(db, [row]))[0];
}

export async function insertGroupType(
  trx: Db,
  row: GroupTypeRow,
  specs: Readonly<Record<string, string>>,
): Promise<void> {
  await trx.insertInto('group_types').values(row).execute();
  await saveGroupSpecs(trx, row.id, specs);
}

export async function updateGroupType(
  db: Db,
  id: string,
  changes: Partial<Omit<GroupTypeRow, 'id'>>,
): Promise<void> {
  await db.updateTable('group_types').set(changes).where('id', '=', id).execute();
}

export async function isGroupTypeInUse(db: Db, id: string): Promise<boolean> {
  for (const table of ['volume_groups', 'group_snapshots'] as const) {
    const row = await db
      .selectFrom(table)
      .select('id')
      .where('group_type_id', '=', id)
      .limit(1)
      .executeTakeFirst();
    if (row) return true;
  }
  return false;
}

export async function removeGroupType(trx: Db, id: string): Promise<void> {
  await trx.deleteFrom('group_type_specs').where('group_type_id', '=', id).execute();
  await trx.deleteFrom('group_types').where('id', '=', id).execute();
}

export async function saveGroupSpecs(
  trx: Db,
  typeId: string,
  specs: Readonly<Record<string, string>>,
): Promise<void> {
  for (const [key, value] of Object.entries(specs))
    await trx
      .insertInto('group_type_specs')
      .values({ group_type_id: typeId, key, value })
      .onConflict((conflict) => conflict.columns(['group_type_id', 'key']).doUpdateSet({ value }))
      .execute();
}

export async function removeGroupSpec(db: Db, typeId: string, key: string): Promise<boolean> {
  const { numDeletedRows } = await db
    .deleteFrom('group_type_specs')
    .where('group_type_id', '=', typeId)
    .where('key', '=', key)
    .executeTakeFirst();
  return numDeletedRows > 0n;
}

/** Makes the type that consistency groups are of: there always is one. */
export async function seedConsistencyGroupType(db: Db, clock: Clock): Promise<void> {
  if (await findGroupType(db, CONSISTENCY_GROUP_TYPE, { byName: true })) return;
  const row: GroupTypeRow = {
    id: crypto.randomUUID(),
    name: CONSISTENCY_GROUP_TYPE,
    description: 'Default group type for migrating cgsnapshot',
    is_public: 1,
    created_at: isoTime(clock),
    updated_at: null,
  };
  await insertGroupType(db, row, { [CONSISTENT_SNAPSHOTS]: '<is> True' }).catch((error: unknown) => {
    if (!isUniqueViolation(error)) throw error; // another process of the service was faster
  });
}
