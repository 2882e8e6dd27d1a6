// All SQL of flavors and of who may use the private ones.
import type { ComputeExecutor } from '#compute/deps.ts';
import type { FlavorAccessRow, FlavorRow } from './tables.ts';
import { sql } from 'kysely';

/** Whose eyes look: an administrator sees every flavor, others the public ones and those they were given. */
export interface Viewer {
  readonly projectId: string | undefined;
  readonly all: boolean;
}

export interface FlavorFilter {
  /** Null: both. */
  readonly isPublic: boolean | null;
  readonly minRam: number;
  readonly minDisk: number;
  readonly sortKey: FlavorSortColumn;
  readonly descending: boolean;
}

export type FlavorSortColumn = Exclude<keyof FlavorRow, 'extra_specs_json'>;

/** Undefined when there is none or it is hidden from the viewer. */
export async function findFlavor(
  db: ComputeExecutor,
  id: string,
  viewer: Viewer,
): Promise<FlavorRow | undefined> {
  const flavor = await db.selectFrom('flavors').selectAll().where('flavor_id', '=', id).executeTakeFirst();
  if (!flavor || viewer.all || flavor.is_public === 1) return flavor;
  const access = await db
    .selectFrom('flavor_access')
    .select('flavor_id')
    .where('flavor_id', '=', id)
    .where('project_id', '=', viewer.projectId ?? '')
    .executeTakeFirst();
  return access ? flavor : undefined;
}

export async function listFlavors(
  db: ComputeExecutor,
  filter: FlavorFilter,
  viewer: Viewer,
): Promise<FlavorRow[]> {
  const isPublic = viewer.all ? filter.isPublic : true;
  let query = db
    .selectFrom('flavors')
    .selectAll()
    .where('ram', '>=', filter.minRam)
    .where('disk', '>=', filter.minDisk);
  if (!viewer.all) query = query.where('disabled', '=', 0);
  // Asking for public flavors brings those that the project was given as well, as upstream.
  if (isPublic === true)
    query = query.where((eb) =>
      eb.or([
        eb('is_public', '=', 1),
        eb(
          'flavor_id',
          'in',
          eb
            .selectFrom('flavor_access')
            .select('flavor_access.flavor_id')
            .where('project_id', '=', viewer.projectId ?? ''),
        ),
      ]),
    );
  if (isPublic === false) query = query.where('is_public', '=', 0);
  return query
    .orderBy(filter.sortKey, filter.descending ? 'desc' : 'asc')
    .orderBy('id', filter.descending ? 'desc' : 'asc')
    .execute();
}

/** Call in a transaction: the number is the next free one. Unique indexes guard id and name. */
export async function insertFlavor(trx: ComputeExecutor, flavor: Omit<FlavorRow, 'id'>): Promise<FlavorRow> {
  const { next } = await trx
    .selectFrom('flavors')
    .select(sql<number>`coalesce(max(id), 0) + 1`.as('next'))
    .executeTakeFirstOrThrow();
  const row = { id: Number(next), ...flavor };
  await trx.insertInto('flavors').values(row).execute();
  return row;
}

export async function findTaken(
  db: ComputeExecutor,
  id: string,
  name: string,
): Promise<'ID' | 'name' | undefined> {
  const rows = await db
    .selectFrom('flavors')
    .select(['flavor_id', 'name'])
    .where((eb) => eb.or([eb('flavor_id', '=', id), eb('name', '=', name)]))
    .execute();
  if (rows.some((row) => row.name === name)) return 'name';
  return rows.length > 0 ? 'ID' : undefined;
}

export async function updateFlavor(
  db: ComputeExecutor,
  id: string,
  changes: Partial<Pick<FlavorRow, 'description' | 'extra_specs_json'>>,
): Promise<void> {
  await db.updateTable('flavors').set(changes).where('flavor_id', '=', id).execute();
}

export async function removeFlavor(trx: ComputeExecutor, id: string): Promise<boolean> {
  await trx.deleteFrom('flavor_access').where('flavor_id', '=', id).execute();
  const { numDeletedRows } = await trx.deleteFrom('flavors').where('flavor_id', '=', id).executeTakeFirst();
  return numDeletedRows > 0n;
}

export async function listAccess(db: ComputeExecutor, id: string): Promise<FlavorAccessRow[]> {
  return db
    .selectFrom('flavor_access')
    .selectAll()
    .where('flavor_id', '=', id)
    .orderBy('project_id')
    .execute();
}

export async function insertAccess(db: ComputeExecutor, row: FlavorAccessRow): Promise<void> {
  await db.insertInto('flavor_access').values(row).execute();
}

export async function removeAccess(db: ComputeExecutor, row: FlavorAccessRow): Promise<boolean> {
  const { numDeletedRows } = await db
    .deleteFrom('flavor_access')
    .where('flavor_id', '=', row.flavor_id)
    .where('project_id', '=', row.project_id)
    .executeTakeFirst();
  return numDeletedRows > 0n;
}

export async function hasFlavors(db: ComputeExecutor): Promise<boolean> {
  return (await db.selectFrom('flavors').select('id').limit(1).executeTakeFirst()) !== undefined;
}

/** Flavor's id → the number that it has inside: what the list of migrations names flavors by. */
export async function listFlavorNumbers(db: ComputeExecutor): Promise<Map<string, number>> {
  const rows = await db.selectFrom('flavors').select(['id', 'flavor_id']).execute();
  return new Map(rows.map((row) => [row.flavor_id, row.id]));
}
