// All SQL of server groups. Their members are the servers that name them.
import type { ComputeExecutor } from '#compute/deps.ts';
import type { ServerGroupRow } from './tables.ts';

/** In the order of their making; `projectId` undefined for all projects. */
export async function listServerGroups(
  db: ComputeExecutor,
  projectId: string | undefined,
  page: { readonly limit: number; readonly offset: number },
): Promise<ServerGroupRow[]> {
  let select = db.selectFrom('server_groups').selectAll();
  if (projectId !== undefined) select = select.where('project_id', '=', projectId);
  return select.orderBy('created_at').orderBy('id').limit(page.limit).offset(page.offset).execute();
}

export async function findServerGroup(db: ComputeExecutor, id: string): Promise<ServerGroupRow | undefined> {
  return db.selectFrom('server_groups').selectAll().where('id', '=', id).executeTakeFirst();
}

export async function insertServerGroup(db: ComputeExecutor, row: ServerGroupRow): Promise<void> {
  await db.insertInto('server_groups').values(row).execute();
}

/** Servers stay; they are in no group then. */
export async function removeServerGroup(db: ComputeExecutor, id: string): Promise<void> {
  await db.deleteFrom('server_groups').where('id', '=', id).execute();
  await db
    .updateTable('instances')
    .set({ server_group_id: null })
    .where('server_group_id', '=', id)
    .execute();
}

/** Ids of the servers in each of `groups`. */
export async function listMembers(
  db: ComputeExecutor,
  groups: readonly string[],
): Promise<Map<string, string[]>> {
  const members = new Map<string, string[]>(groups.map((id) => [id, []]));
  if (groups.length === 0) return members;
  const rows = await db
    .selectFrom('instances')
    .select(['id', 'server_group_id'])
    .where('server_group_id', 'in', groups)
    .where('deleted', '=', 0)
    .orderBy('created_at')
    .execute();
  for (const row of rows) members.get(row.server_group_id ?? '')?.push(row.id);
  return members;
}
