// All SQL of endpoint groups and of what a project's catalogs are limited to.
import type { EndpointGroupRow, IdentityExecutor, ProjectEndpointRow, ProjectRow } from '../database.ts';

export async function findEndpointGroup(
  db: IdentityExecutor,
  id: string,
): Promise<EndpointGroupRow | undefined> {
  return db.selectFrom('endpoint_groups').selectAll().where('id', '=', id).executeTakeFirst();
}

export async function listEndpointGroupRows(
  db: IdentityExecutor,
  filter: { name?: string },
): Promise<EndpointGroupRow[]> {
  const query = db.selectFrom('endpoint_groups').selectAll().orderBy('name').orderBy('id');
  return (filter.name === undefined ? query : query.where('name', '=', filter.name)).execute();
}

export async function insertEndpointGroup(db: IdentityExecutor, row: EndpointGroupRow): Promise<void> {
  await db.insertInto('endpoint_groups').values(row).execute();
}

export async function updateEndpointGroup(
  db: IdentityExecutor,
  id: string,
  changes: Partial<Omit<EndpointGroupRow, 'id'>>,
): Promise<void> {
  if (Object.keys(changes).length === 0) return;
  await db.updateTable('endpoint_groups').set(changes).where('id', '=', id).execute();
}

export async function removeEndpointGroup(db: IdentityExecutor, id: string): Promise<void> {
  await removeTies(db, { kind: 'group', target_id: id });
  await db.deleteFrom('endpoint_groups').where('id', '=', id).execute();
}

export type Tie = ProjectEndpointRow;

/** Each with the filters of its group, JSON. One statement, for the catalog. */
export async function listTies(
  db: IdentityExecutor,
  filter: Partial<Tie> = {},
): Promise<Array<Tie & { filters: string | null }>> {
  let query = db
    .selectFrom('project_endpoints as tie')
    .leftJoin('endpoint_groups as each', (join) =>
      join.onRef('each.id', '=', 'tie.target_id').on('tie.kind', '=', 'group'),
    )
    .select(['tie.project_id', 'tie.kind', 'tie.target_id', 'each.filters'])
    .orderBy('tie.target_id');
  for (const [column, value] of Object.entries(filter)) {
    query = query.where(`tie.${column as keyof Tie}`, '=', value);
  }
  return query.execute();
}

export async function insertTie(db: IdentityExecutor, row: Tie): Promise<void> {
  await db.insertInto('project_endpoints').values(row).execute();
}

/** How many were removed. */
export async function removeTies(db: IdentityExecutor, filter: Partial<Tie>): Promise<number> {
  let query = db.deleteFrom('project_endpoints');
  for (const [column, value] of Object.entries(filter)) {
    query = query.where(column as keyof Tie, '=', value);
  }
  return Number((await query.executeTakeFirst()).numDeletedRows);
}

/** Those of endpoints that are gone. */
export async function removeLooseTies(db: IdentityExecutor): Promise<void> {
  await db
    .deleteFrom('project_endpoints')
    .where('kind', '=', 'endpoint')
    .where('target_id', 'not in', db.selectFrom('endpoints').select('endpoints.id'))
    .execute();
}

export async function listTiedProjects(
  db: IdentityExecutor,
  tie: Pick<Tie, 'kind' | 'target_id'>,
): Promise<ProjectRow[]> {
  return db
    .selectFrom('projects')
    .innerJoin('project_endpoints as tie', 'tie.project_id', 'projects.id')
    .selectAll('projects')
    .where('tie.kind', '=', tie.kind)
    .where('tie.target_id', '=', tie.target_id)
    .orderBy('projects.name')
    .execute();
}
