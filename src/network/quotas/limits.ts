// How much a project may have and has. Usage is counted from the tables each time, never kept.
import type { NetworkTables, QuotaRow } from '../tables.ts';
import { conflict } from '../errors.ts';
import type { NetworkDeps, Sql } from '../rest/deps.ts';
import { countRows, equals, selectRows } from '../rest/select.ts';

const TABLE_OF: Readonly<Record<string, keyof NetworkTables & string>> = {
  network: 'networks',
  subnet: 'subnets',
  subnetpool: 'subnetpools',
  port: 'ports',
  router: 'routers',
  floatingip: 'floatingips',
  security_group: 'security_groups',
  security_group_rule: 'security_group_rules',
  rbac_policy: 'rbac_policies',
  trunk: 'trunks',
};

export const QUOTA_RESOURCES: readonly string[] = Object.keys(TABLE_OF);

export function defaultLimits(deps: NetworkDeps): Record<string, number> {
  return Object.fromEntries(QUOTA_RESOURCES.map((name) => [name, deps.config.quotas[name] ?? -1]));
}

export function withOverrides(deps: NetworkDeps, rows: readonly QuotaRow[]): Record<string, number> {
  const limits = defaultLimits(deps);
  for (const row of rows) if (row.resource in limits) limits[row.resource] = row.quota;
  return limits;
}

export async function limitsOf(
  db: Sql,
  deps: NetworkDeps,
  projectId: string,
): Promise<Record<string, number>> {
  return withOverrides(deps, await selectRows(db, 'quotas', [equals('project_id', projectId)]));
}

export async function usageOf(db: Sql, resource: string, projectId: string): Promise<number> {
  const table = TABLE_OF[resource];
  return table ? countRows(db, table, [equals('project_id', projectId)]) : 0;
}

/** Call inside the transaction that adds. @throws NetworkError 409 OverQuota */
export async function checkQuota(
  db: Sql,
  deps: NetworkDeps,
  resource: string,
  projectId: string,
  adding: number,
): Promise<void> {
  const overrides = await selectRows(db, 'quotas', [
    equals('project_id', projectId),
    equals('resource', resource),
  ]);
  const limit = overrides[0]?.quota ?? deps.config.quotas[resource] ?? -1;
  if (limit < 0) return;
  if ((await usageOf(db, resource, projectId)) + adding > limit)
    throw conflict('OverQuota', `Quota exceeded for resources: ['${resource}'].`);
}
