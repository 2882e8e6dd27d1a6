// All SQL of servers: instances, their tags and their actions. Called by handlers, actions and the conductor.
import type { ComputeExecutor } from '#compute/deps.ts';
import type { InstanceActionRow, InstanceRow } from '#compute/tables.ts';

export async function findInstance(db: ComputeExecutor, id: string): Promise<InstanceRow | undefined> {
  return db
    .selectFrom('instances')
    .selectAll()
    .where('id', '=', id)
    .where('deleted', '=', 0)
    .executeTakeFirst();
}

/** Also when it is deleted: the history of a server outlives it. */
export async function findInstanceEver(db: ComputeExecutor, id: string): Promise<InstanceRow | undefined> {
  return db.selectFrom('instances').selectAll().where('id', '=', id).executeTakeFirst();
}

export async function insertInstances(db: ComputeExecutor, rows: readonly InstanceRow[]): Promise<void> {
  for (const row of rows) await db.insertInto('instances').values(row).execute();
}

/** Writes `changes` if the server is still as `seen`: same states, same lock. @returns false when it is not. */
export async function compareAndSet(
  db: ComputeExecutor,
  seen: Pick<InstanceRow, 'id' | 'vm_state' | 'task_state' | 'locked'>,
  changes: Partial<InstanceRow>,
): Promise<boolean> {
  const result = await db
    .updateTable('instances')
    .set(changes)
    .where('id', '=', seen.id)
    .where('deleted', '=', 0)
    .where('vm_state', '=', seen.vm_state)
    .where('task_state', seen.task_state === null ? 'is' : '=', seen.task_state)
    .where('locked', '=', seen.locked)
    .executeTakeFirst();
  return result.numUpdatedRows > 0n;
}

/** Writes attributes that no state guards. */
export async function updateInstance(
  db: ComputeExecutor,
  id: string,
  changes: Partial<InstanceRow>,
): Promise<void> {
  await db.updateTable('instances').set(changes).where('id', '=', id).where('deleted', '=', 0).execute();
}

export async function insertAction(db: ComputeExecutor, row: InstanceActionRow): Promise<void> {
  await db.insertInto('instance_actions').values(row).execute();
}

/** Servers in that state that nobody acts on. */
export async function listAtRest(
  db: ComputeExecutor,
  state: InstanceRow['vm_state'],
): Promise<InstanceRow[]> {
  return db
    .selectFrom('instances')
    .selectAll()
    .where('vm_state', '=', state)
    .where('deleted', '=', 0)
    .where('task_state', 'is', null)
    .execute();
}

/** Marks what runs on the instance as not wanted any more; its runner unwinds it. */
export async function cancelActions(db: ComputeExecutor, instanceId: string): Promise<void> {
  await db
    .updateTable('instance_actions')
    .set({ cancelled: 1 })
    .where('instance_id', '=', instanceId)
    .where('state', '=', 'running')
    .where('action', '!=', 'delete')
    .execute();
}

export async function findRunningAction(
  db: ComputeExecutor,
  instanceId: string,
  action: string,
): Promise<InstanceActionRow | undefined> {
  return db
    .selectFrom('instance_actions')
    .selectAll()
    .where('instance_id', '=', instanceId)
    .where('action', '=', action)
    .where('state', '=', 'running')
    .executeTakeFirst();
}

export async function findAction(
  db: ComputeExecutor,
  actionId: string,
): Promise<InstanceActionRow | undefined> {
  return db.selectFrom('instance_actions').selectAll().where('id', '=', actionId).executeTakeFirst();
}

/** Tags of each of `ids`, sorted. */
export async function listTags(db: ComputeExecutor, ids: readonly string[]): Promise<Map<string, string[]>> {
  const tags = new Map<string, string[]>(ids.map((id) => [id, []]));
  if (ids.length === 0) return tags;
  const rows = await db
    .selectFrom('instance_tags')
    .selectAll()
    .where('instance_id', 'in', ids)
    .orderBy('tag')
    .execute();
  for (const row of rows) tags.get(row.instance_id)?.push(row.tag);
  return tags;
}

export async function insertTags(
  db: ComputeExecutor,
  instanceId: string,
  tags: readonly string[],
): Promise<void> {
  if (tags.length === 0) return;
  await db
    .insertInto('instance_tags')
    .values(tags.map((tag) => ({ instance_id: instanceId, tag })))
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

/** Removes `tag`, or all tags when it is absent. @returns how many there were. */
export async function removeTags(db: ComputeExecutor, instanceId: string, tag?: string): Promise<number> {
  let query = db.deleteFrom('instance_tags').where('instance_id', '=', instanceId);
  if (tag !== undefined) query = query.where('tag', '=', tag);
  return Number((await query.executeTakeFirst()).numDeletedRows);
}

/** What the API knows of the hosts named: for `host_status`. */
export async function listComputeServices(
  db: ComputeExecutor,
  hosts: readonly string[],
): Promise<Array<{ host: string; disabled: number; forced_down: number; last_seen_at: string }>> {
  if (hosts.length === 0) return [];
  return db
    .selectFrom('compute_services')
    .select(['host', 'disabled', 'forced_down', 'last_seen_at'])
    .where('binary', '=', 'nova-compute')
    .where('host', 'in', hosts)
    .execute();
}

/** Names of the zones that aggregates make. */
export async function listAggregateZones(db: ComputeExecutor): Promise<string[]> {
  const rows = await db.selectFrom('aggregates').select('metadata_json').execute();
  return rows.flatMap((row) => {
    const zone = (JSON.parse(row.metadata_json) as Record<string, string>)['availability_zone'];
    return zone === undefined ? [] : [zone];
  });
}

/** The node that has this host or this hypervisor name, or both where both are given. */
export async function findNode(
  db: ComputeExecutor,
  wanted: { host?: string | undefined; node?: string | undefined },
): Promise<{ host: string; hypervisor_hostname: string; hypervisor_type: string } | undefined> {
  let query = db.selectFrom('compute_nodes').select(['host', 'hypervisor_hostname', 'hypervisor_type']);
  if (wanted.host !== undefined) query = query.where('host', '=', wanted.host);
  if (wanted.node !== undefined) query = query.where('hypervisor_hostname', '=', wanted.node);
  return query.executeTakeFirst();
}
