// A trust as the API shows it; lists leave its roles out.
import type { TrustRow } from '../database.ts';
import type { RoleGraph } from '../directory/role-graph.ts';
import { parseObject } from '../resource.ts';
import { roleView } from '../roles/view.ts';

export function trustListView(row: TrustRow, baseUrl: string): Record<string, unknown> & { id: string } {
  return {
    ...parseObject(row.extra),
    id: row.id,
    trustor_user_id: row.trustor_user_id,
    trustee_user_id: row.trustee_user_id,
    project_id: row.project_id,
    impersonation: row.impersonation === 1,
    expires_at: row.expires_at,
    remaining_uses: row.remaining_uses,
    redelegated_trust_id: row.redelegated_trust_id,
    redelegation_count: row.redelegation_count,
    deleted_at: null,
    links: { self: selfOf(row, baseUrl) },
  };
}

export function trustView(row: TrustRow, graph: RoleGraph, baseUrl: string): Record<string, unknown> {
  return {
    ...trustListView(row, baseUrl),
    roles: rolesView(row, graph, baseUrl),
    roles_links: rolesLinks(row, baseUrl),
  };
}

export function rolesView(row: TrustRow, graph: RoleGraph, baseUrl: string): object[] {
  return (JSON.parse(row.roles) as string[]).flatMap((id) => {
    const role = graph.roles.get(id);
    return role ? [roleView(role, baseUrl)] : [];
  });
}

export function rolesLinks(row: TrustRow, baseUrl: string): object {
  return { self: `${selfOf(row, baseUrl)}/roles`, previous: null, next: null };
}

function selfOf(row: TrustRow, baseUrl: string): string {
  return `${baseUrl}/v3/OS-TRUST/trusts/${row.id}`;
}
