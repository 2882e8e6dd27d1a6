// All SQL of registered limits and of the limits of projects and domains, each of which belongs to a registered one.
import type { IdentityExecutor, LimitRow, RegisteredLimitRow } from '../database.ts';

type RegisteredFilter = Partial<
  Pick<RegisteredLimitRow, 'id' | 'service_id' | 'region_id' | 'resource_name'>
>;

/** `region_id` null: those of no region. */
export async function listRegisteredRows(
  db: IdentityExecutor,
  filter: RegisteredFilter,
): Promise<RegisteredLimitRow[]> {
  let query = db.selectFrom('registered_limits').selectAll().orderBy('resource_name').orderBy('id');
  for (const [name, value] of Object.entries(filter)) {
    const column = name as keyof RegisteredFilter;
    query = value === null ? query.where(column, 'is', null) : query.where(column, '=', value);
  }
  return query.execute();
}

export async function insertRegistered(db: IdentityExecutor, row: RegisteredLimitRow): Promise<void> {
  await db.insertInto('registered_limits').values(row).execute();
}

export async function updateRegistered(
  db: IdentityExecutor,
  id: string,
  changes: Partial<Omit<RegisteredLimitRow, 'id'>>,
): Promise<void> {
  if (Object.keys(changes).length === 0) return;
  await db.updateTable('registered_limits').set(changes).where('id', '=', id).execute();
}

export async function removeRegistered(db: IdentityExecutor, id: string): Promise<void> {
  await db.deleteFrom('registered_limits').where('id', '=', id).execute();
}

export async function isRegisteredInUse(db: IdentityExecutor, id: string): Promise<boolean> {
  const query = db.selectFrom('limits').select('id').where('registered_limit_id', '=', id);
  return (await query.limit(1).execute()).length > 0;
}

/** A limit with what its registered one says of it, and the domain of its project. */
export type FullLimit = LimitRow &
  Pick<RegisteredLimitRow, 'service_id' | 'region_id' | 'resource_name'> & {
    readonly project_domain_id: string | null;
  };

export type LimitFilter = Partial<
  Pick<FullLimit, 'id' | 'project_id' | 'domain_id' | 'service_id' | 'region_id' | 'resource_name'>
>;

const COLUMNS = {
  id: 'limits.id',
  project_id: 'limits.project_id',
  domain_id: 'limits.domain_id',
  service_id: 'registered.service_id',
  region_id: 'registered.region_id',
  resource_name: 'registered.resource_name',
} as const;

export async function listLimitRows(db: IdentityExecutor, filter: LimitFilter): Promise<FullLimit[]> {
  let query = db
    .selectFrom('limits')
    .innerJoin('registered_limits as registered', 'registered.id', 'limits.registered_limit_id')
    .leftJoin('projects', 'projects.id', 'limits.project_id')
    .selectAll('limits')
    .select(['registered.service_id', 'registered.region_id', 'registered.resource_name'])
    .select('projects.domain_id as project_domain_id')
    .orderBy('registered.resource_name')
    .orderBy('limits.id');
  for (const [name, value] of Object.entries(filter)) {
    query = query.where(COLUMNS[name as keyof typeof COLUMNS], '=', value);
  }
  return query.execute();
}

export async function insertLimit(db: IdentityExecutor, row: LimitRow): Promise<void> {
  await db.insertInto('limits').values(row).execute();
}

export async function updateLimit(
  db: IdentityExecutor,
  id: string,
  changes: Partial<Pick<LimitRow, 'resource_limit' | 'description'>>,
): Promise<void> {
  if (Object.keys(changes).length === 0) return;
  await db.updateTable('limits').set(changes).where('id', '=', id).execute();
}

export async function removeLimits(
  db: IdentityExecutor,
  filter: Partial<Pick<LimitRow, 'id' | 'project_id' | 'domain_id'>>,
): Promise<void> {
  let query = db.deleteFrom('limits');
  for (const [column, value] of Object.entries(filter)) {
    query = query.where(column as 'id' | 'project_id' | 'domain_id', '=', value);
  }
  await query.execute();
}
