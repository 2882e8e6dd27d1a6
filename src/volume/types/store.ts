// All SQL of volume types, their extra specs and who may use the private ones. Creates and retypes of volumes ask here too.
import type { Executor } from '#platform/sql/database.ts';
import type { VolumeTables, VolumeTypeAccessRow, VolumeTypeRow } from '#volume/tables.ts';

type Db = Executor<VolumeTables>;

export interface VolumeType extends VolumeTypeRow {
  readonly extraSpecs: Readonly<Record<string, string>>;
}

/** Whose eyes look: an administrator sees every type, others the public ones and those that their project was given. */
export interface TypeViewer {
  readonly projectId: string | undefined;
  readonly all: boolean;
}

async function withSpecs(db: Db, rows: readonly VolumeTypeRow[]): Promise<VolumeType[]> {
  if (rows.length === 0) return [];
  const ids = rows.map((row) => row.id);
  const specs = await db
    .selectFrom('volume_type_extra_specs')
    .selectAll()
    .where('volume_type_id', 'in', ids)
    .orderBy('key')
    .execute();
  const byType = Map.groupBy(specs, (spec) => spec.volume_type_id);
  return rows.map((row) => ({
    ...row,
    extraSpecs: Object.fromEntries((byType.get(row.id) ?? []).map(({ key, value }) => [key, value])),
  }));
}

/** `isPublic` null: both. Asking for public ones brings those that the project was given as well, as upstream. */
export async function listTypes(db: Db, viewer: TypeViewer, isPublic: boolean | null): Promise<VolumeType[]> {
  let query = db.selectFrom('volume_types').selectAll();
  const wanted = viewer.all ? isPublic : true;
  if (wanted === false) query = query.where('is_public', '=', 0);
  if (wanted === true)
    query = query.where((eb) =>
      eb.or([
        eb('is_public', '=', 1),
        eb(
          'id',
          'in',
          eb
            .selectFrom('volume_type_access')
            .select('volume_type_access.volume_type_id')
            .where('project_id', '=', viewer.projectId ?? ''),
        ),
      ]),
    );
  return withSpecs(db, await query.execute());
}

/** By id, or by name with `byName`. Undefined when there is none or it is hidden from the viewer. */
export async function findType(
  db: Db,
  idOrName: string,
  viewer: TypeViewer,
  { byName = false } = {},
): Promise<VolumeType | undefined> {
  const rows = await db
    .selectFrom('volume_types')
    .selectAll()
    .where((eb) =>
      byName ? eb.or([eb('id', '=', idOrName), eb('name', '=', idOrName)]) : eb('id', '=', idOrName),
    )
    .execute();
  const row = rows.find((each) => each.id === idOrName) ?? rows[0];
  if (!row || !(await mayUse(db, row, viewer))) return undefined;
  return (await withSpecs(db, [row]))[0];
}

async function mayUse(db: Db, type: VolumeTypeRow, viewer: TypeViewer): Promise<boolean> {
  if (viewer.all || type.is_public === 1) return true;
  if (viewer.projectId === undefined) return false;
  return (await listAccess(db, type.id)).some((row) => row.project_id === viewer.projectId);
}

export async function insertType(
  trx: Db,
  row: VolumeTypeRow,
  extraSpecs: Readonly<Record<string, string>>,
): Promise<void> {
  await trx.insertInto('volume_types').values(row).execute();
  await saveExtraSpecs(trx, row.id, extraSpecs);
}

export async function updateType(
  db: Db,
  id: string,
  changes: Partial<Pick<VolumeTypeRow, 'name' | 'description' | 'is_public' | 'qos_specs_id' | 'updated_at'>>,
): Promise<void> {
  await db.updateTable('volume_types').set(changes).where('id', '=', id).execute();
}

/** Limits named for a type follow its new name; with no new name they go. */
export async function moveTypeQuotas(trx: Db, oldName: string, newName: string | null): Promise<void> {
  for (const resource of ['volumes', 'snapshots', 'gigabytes']) {
    const old = `${resource}_${oldName}`;
    if (newName === null) await trx.deleteFrom('volume_quotas').where('resource', '=', old).execute();
    else
      await trx
        .updateTable('volume_quotas')
        .set({ resource: `${resource}_${newName}` })
        .where('resource', '=', old)
        .execute();
  }
}

export async function isTypeInUse(db: Db, id: string): Promise<boolean> {
  const volume = await db
    .selectFrom('volumes')
    .select('id')
    .where('volume_type_id', '=', id)
    .limit(1)
    .executeTakeFirst();
  if (volume) return true;
  const snapshot = await db
    .selectFrom('snapshots')
    .select('id')
    .where('volume_type_id', '=', id)
    .limit(1)
    .executeTakeFirst();
  if (snapshot) return true;
  const group = await db
    .selectFrom('group_volume_types')
    .select('group_id')
    .where('volume_type_id', '=', id)
    .limit(1)
    .executeTakeFirst();
  return group !== undefined;
}

export async function removeType(trx: Db, id: string): Promise<void> {
  await trx.deleteFrom('volume_type_extra_specs').where('volume_type_id', '=', id).execute();
  await trx.deleteFrom('volume_type_access').where('volume_type_id', '=', id).execute();
  await trx.deleteFrom('volume_type_encryption').where('volume_type_id', '=', id).execute();
  await trx.deleteFrom('default_types').where('volume_type_id', '=', id).execute();
  await trx.deleteFrom('volume_types').where('id', '=', id).execute();
}

export async function saveExtraSpecs(
  trx: Db,
  typeId: string,
  specs: Readonly<Record<string, string>>,
): Promise<void> {
  for (const [key, value] of Object.entries(specs))
    await trx
      .insertInto('volume_type_extra_specs')
      .values({ volume_type_id: typeId, key, value })
      .onConflict((conflict) => conflict.columns(['volume_type_id', 'key']).doUpdateSet({ value }))
      .execute();
}

export async function removeExtraSpec(db: Db, typeId: string, key: string): Promise<boolean> {
  const { numDeletedRows } = await db
    .deleteFrom('volume_type_extra_specs')
    .where('volume_type_id', '=', typeId)
    .where('key', '=', key)
    .executeTakeFirst();
  return numDeletedRows > 0n;
}

export async function listAccess(db: Db, typeId: string): Promise<VolumeTypeAccessRow[]> {
  return db
    .selectFrom('volume_type_access')
    .selectAll()
    .where('volume_type_id', '=', typeId)
    .orderBy('project_id')
    .execute();
}

export async function insertAccess(db: Db, row: VolumeTypeAccessRow): Promise<void> {
  await db.insertInto('volume_type_access').values(row).execute();
}

export async function removeAccess(db: Db, row: VolumeTypeAccessRow): Promise<boolean> {
  const { numDeletedRows } = await db
    .deleteFrom('volume_type_access')
    .where('volume_type_id', '=', row.volume_type_id)
    .where('project_id', '=', row.project_id)
    .executeTakeFirst();
  return numDeletedRows > 0n;
}
