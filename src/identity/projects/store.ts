// All SQL of projects and domains, which share a table as upstream: a domain is a project that contains projects.
import type { IdentityExecutor, ProjectRow } from '../database.ts';

/** Domains lie in no domain. */
export const NO_DOMAIN = '';

export async function findProject(db: IdentityExecutor, id: string): Promise<ProjectRow | undefined> {
  return db.selectFrom('projects').selectAll().where('id', '=', id).executeTakeFirst();
}

export async function findProjectByName(
  db: IdentityExecutor,
  name: string,
  domainId: string,
): Promise<ProjectRow | undefined> {
  return db
    .selectFrom('projects')
    .selectAll()
    .where('name', '=', name)
    .where('domain_id', '=', domainId)
    .executeTakeFirst();
}

export type ProjectFilter = Partial<
  Pick<ProjectRow, 'name' | 'domain_id' | 'parent_id' | 'is_domain' | 'enabled'>
>;

export async function listProjectRows(db: IdentityExecutor, filter: ProjectFilter): Promise<ProjectRow[]> {
  let query = db.selectFrom('projects').selectAll().orderBy('name').orderBy('id');
  for (const [column, value] of Object.entries(filter)) {
    query = query.where(column as keyof ProjectFilter, '=', value);
  }
  return query.execute();
}

export async function listProjectsByIds(db: IdentityExecutor, ids: readonly string[]): Promise<ProjectRow[]> {
  if (ids.length === 0) return [];
  return db.selectFrom('projects').selectAll().where('id', 'in', ids).orderBy('name').execute();
}

export async function insertProject(db: IdentityExecutor, row: ProjectRow): Promise<void> {
  await db.insertInto('projects').values(row).execute();
}

export async function updateProject(
  db: IdentityExecutor,
  id: string,
  changes: Partial<Omit<ProjectRow, 'id'>>,
): Promise<void> {
  if (Object.keys(changes).length === 0) return;
  await db.updateTable('projects').set(changes).where('id', '=', id).execute();
}

export async function removeProject(db: IdentityExecutor, id: string): Promise<void> {
  await db.deleteFrom('projects').where('id', '=', id).execute();
}
