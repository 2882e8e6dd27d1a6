// Reads the servers that ran in a period.
import type { ComputeExecutor } from '#compute/deps.ts';
import type { InstanceRow } from '#compute/tables.ts';

export type UsedServer = Pick<
  InstanceRow,
  'id' | 'name' | 'project_id' | 'flavor_json' | 'vm_state' | 'launched_at' | 'terminated_at' | 'deleted'
>;

/** Servers launched before `end` and not gone before `start`, deleted ones too, in a stable order for paging. */
export async function listUsedServers(
  db: ComputeExecutor,
  period: { readonly start: string; readonly end: string },
  page: { readonly projectId?: string; readonly marker?: string; readonly limit?: number },
): Promise<UsedServer[]> {
  let query = db
    .selectFrom('instances')
    .select([
      'id',
      'name',
      'project_id',
      'flavor_json',
      'vm_state',
      'launched_at',
      'terminated_at',
      'deleted',
    ])
    .where('launched_at', '<', period.end)
    .where((eb) => eb.or([eb('terminated_at', 'is', null), eb('terminated_at', '>=', period.start)]));
  if (page.projectId !== undefined) query = query.where('project_id', '=', page.projectId);
  if (page.marker !== undefined) query = query.where('id', '>', page.marker);
  query = query.orderBy('id');
  return (page.limit === undefined ? query : query.limit(page.limit)).execute();
}

export async function serverExists(db: ComputeExecutor, id: string): Promise<boolean> {
  return (
    (await db.selectFrom('instances').select('id').where('id', '=', id).executeTakeFirst()) !== undefined
  );
}
