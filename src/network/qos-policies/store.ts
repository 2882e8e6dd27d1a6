// Who sees which QoS policy, what a policy hangs on, and its rules.
import { sql } from 'kysely';
import type { Engine } from '#platform/sql/database.ts';
import type { FloatingIpRow, NetworkRow, PortRow, QosPolicyRow, QosRuleRow } from '../tables.ts';
import type { Caller, Sql } from '../rest/deps.ts';
import { equals, inList, insertRow, selectRows, TRUE, type Condition } from '../rest/select.ts';

/** A project's own policies and those shared with it. */
export function visiblePolicies(caller: Caller): Condition {
  if (caller.admin) return TRUE;
  return sql`(project_id = ${caller.projectId} or id in (
    select object_id from rbac_policies where object_type = 'qos_policy' and target_project in ('*', ${caller.projectId})))`;
}

export async function findVisiblePolicy(
  db: Sql,
  caller: Caller,
  id: string,
): Promise<QosPolicyRow | undefined> {
  const rows = await selectRows(db, 'qos_policies', [equals('id', id), visiblePolicies(caller)]);
  return rows[0];
}

export async function findDefaultPolicy(db: Sql, projectId: string): Promise<QosPolicyRow | undefined> {
  const rows = await selectRows(db, 'qos_policies', [equals('default_of', projectId)]);
  return rows[0];
}

const ORDER = ['bandwidth_limit', 'dscp_marking', 'minimum_bandwidth', 'egress', 'ingress'];

export async function rulesOfPolicies(
  db: Sql,
  engine: Engine,
  ids: readonly string[],
): Promise<Map<string, QosRuleRow[]>> {
  if (ids.length === 0) return new Map();
  const rows = await selectRows(db, 'qos_rules', [inList(engine, 'qos_policy_id', ids)]);
  const place = (row: QosRuleRow): number => ORDER.indexOf(row.type) * 2 + ORDER.indexOf(row.direction);
  return Map.groupBy(
    rows.map(withNumbers).toSorted((a, b) => place(a) - place(b)),
    (row) => row.qos_policy_id,
  );
}

/** PostgreSQL gives large integers as text. */
function withNumbers(row: QosRuleRow): QosRuleRow {
  const number = (value: number | null): number | null => (value === null ? null : Number(value));
  return {
    ...row,
    max_kbps: number(row.max_kbps),
    max_burst_kbps: number(row.max_burst_kbps),
    min_kbps: number(row.min_kbps),
  };
}

/** Opens or closes the policy to all projects. */
export async function setPolicyShared(db: Sql, policy: QosPolicyRow, shared: boolean): Promise<void> {
  const open = [
    equals('object_type', 'qos_policy'),
    equals('object_id', policy.id),
    equals('target_project', '*'),
  ];
  const [existing] = await selectRows(db, 'rbac_policies', open);
  if (shared && !existing)
    await insertRow(db, 'rbac_policies', {
      id: crypto.randomUUID(),
      project_id: policy.project_id,
      object_type: 'qos_policy',
      object_id: policy.id,
      action: 'access_as_shared',
      target_project: '*',
    });
  if (!shared && existing) await db.deleteFrom('rbac_policies').where('id', '=', existing.id).execute();
}

export interface Bound {
  readonly networks: readonly NetworkRow[];
  readonly ports: readonly PortRow[];
  readonly floatingips: readonly FloatingIpRow[];
}

/** What names the policy. Ports that follow their network's are not among them. */
export async function boundTo(db: Sql, policyId: string): Promise<Bound> {
  const own = [equals('qos_policy_id', policyId)];
  return {
    networks: await selectRows(db, 'networks', own),
    ports: await selectRows(db, 'ports', own),
    floatingips: await selectRows(db, 'floatingips', own),
  };
}

/** True when what belongs to others than the owner names the policy; `only`: what belongs to that project. */
export async function isPolicyUsedByOthers(
  db: Sql,
  policy: { id: string; project_id: string },
  only?: string,
): Promise<boolean> {
  const { networks, ports, floatingips } = await boundTo(db, policy.id);
  return [...networks, ...ports, ...floatingips].some(({ project_id: project }) =>
    only === undefined ? project !== policy.project_id : project === only && project !== policy.project_id,
  );
}

/** The networks' policies, which ports and floating IPs without one of their own follow. */
export async function policiesOfNetworks(
  db: Sql,
  engine: Engine,
  ids: readonly string[],
): Promise<Map<string, string>> {
  const wanted = [...new Set(ids)];
  if (wanted.length === 0) return new Map();
  const rows = await selectRows(db, 'networks', [inList(engine, 'id', wanted)]);
  return new Map(rows.flatMap((row) => (row.qos_policy_id === null ? [] : [[row.id, row.qos_policy_id]])));
}

export async function updateRule(db: Sql, { id, ...values }: QosRuleRow): Promise<void> {
  await db.updateTable('qos_rules').set(values).where('id', '=', id).execute();
}
