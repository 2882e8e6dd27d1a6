// An application credential as the API shows it; its secret only in the answer that makes it.
import type { AccessRuleRow, ApplicationCredentialRow } from '../database.ts';
import type { RoleGraph } from '../directory/role-graph.ts';
import { parseObject } from '../resource.ts';

export function credentialView(
  row: ApplicationCredentialRow,
  graph: RoleGraph,
  rules: readonly AccessRuleRow[],
  baseUrl: string,
): Record<string, unknown> & { id: string } {
  return {
    id: row.id,
    name: row.name,
    description: row.description,
    project_id: row.project_id,
    user_id: row.user_id,
    system: null,
    unrestricted: row.unrestricted === 1,
    expires_at: row.expires_at?.replace(/Z$/, '') ?? null, // here, unlike in tokens, without a zone
    roles: (JSON.parse(row.roles) as string[]).flatMap((id) => {
      const role = graph.roles.get(id);
      if (!role) return [];
      const { name, description } = role;
      return [{ id, name, domain_id: null, description, options: parseObject(role.options) }];
    }),
    ...(row.restricted_access === 1
      ? { access_rules: rules.map(({ id, service, method, path }) => ({ id, service, method, path })) }
      : {}),
    links: { self: `${baseUrl}/v3/users/${row.user_id}/application_credentials/${row.id}` },
  };
}
