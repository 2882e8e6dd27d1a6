// Who sees which network, and the rows that hang on networks.
import { sql } from 'kysely';
import type { Engine } from '#platform/sql/database.ts';
import type { NetworkRow, RbacPolicyRow } from '../tables.ts';
import type { Caller, Sql } from '../rest/deps.ts';
import { equals, inList, insertRow, selectRows, TRUE, type Condition } from '../rest/select.ts';

export type NetworkAction = 'access_as_shared' | 'access_as_external';

/** Networks of the caller's project, shared with it, and external ones. */
export function visibleNetworks(caller: Caller): Condition {
  if (caller.admin) return TRUE;
  return sql`(project_id = ${caller.projectId} or id in (
    select object_id from rbac_policies where object_type = 'network' and target_project in ('*', ${caller.projectId})))`;
}

/** Ids of networks that `caller` may use for its own ports and subnets: its own and shared ones. */
export function usableNetworkIds(caller: Caller): Condition {
  return sql`(select id from networks where project_id = ${caller.projectId}
    union select object_id from rbac_policies where object_type = 'network' and action = 'access_as_shared'
      and target_project in ('*', ${caller.projectId}))`;
}

export async function findVisibleNetwork(
  db: Sql,
  caller: Caller,
  id: string,
): Promise<NetworkRow | undefined> {
  const rows = await selectRows(db, 'networks', [equals('id', id), visibleNetworks(caller)]);
  return rows[0];
}

export async function networkPolicies(
  db: Sql,
  engine: Engine,
  ids: readonly string[],
): Promise<RbacPolicyRow[]> {
  return selectRows(db, 'rbac_policies', [
    equals('object_type', 'network'),
    inList(engine, 'object_id', ids),
  ]);
}

/** Whether the network is shared with the project, or with all. */
export async function isSharedWith(db: Sql, networkId: string, projectId: string): Promise<boolean> {
  const row = await db
    .selectFrom('rbac_policies')
    .select('id')
    .where('object_type', '=', 'network')
    .where('object_id', '=', networkId)
    .where('action', '=', 'access_as_shared')
    .where('target_project', 'in', ['*', projectId])
    .executeTakeFirst();
  return row !== undefined;
}

/** Opens or closes the network to all projects for one action. */
export async function setOpenToAll(
  db: Sql,
  network: { id: string; project_id: string },
  action: NetworkAction,
  open: boolean,
): Promise<void> {
  const existing = await db
    .selectFrom('rbac_policies')
    .select('id')
    .where('object_type', '=', 'network')
    .where('object_id', '=', network.id)
    .where('action', '=', action)
    .where('target_project', '=', '*')
    .executeTakeFirst();
  if (open && !existing)
    await insertRow(db, 'rbac_policies', {
      id: crypto.randomUUID(),
      project_id: network.project_id,
      object_type: 'network',
      object_id: network.id,
      action,
      target_project: '*',
    });
  if (!open && existing) await db.deleteFrom('rbac_policies').where('id', '=', existing.id).execute();
}

/** True when ports or subnets of projects other than the owner's and `except` are on the network. */
export async function isUsedByOthers(
  db: Sql,
  network: { id: string; project_id: string },
  only?: string,
): Promise<boolean> {
  for (const table of ['ports', 'subnets'] as const) {
    let query = db
      .selectFrom(table)
      .select('id')
      .where('network_id', '=', network.id)
      .where('project_id', 'not in', [network.project_id, '']);
    if (only !== undefined) query = query.where('project_id', '=', only);
    if (await query.limit(1).executeTakeFirst()) return true;
  }
  return false;
}
