// A user as the API shows it: never anything of the password but its expiry.
import type { UserRow } from '../database.ts';
import { parseObject } from '../resource.ts';

export function userView(row: UserRow, baseUrl: string): Record<string, unknown> & { id: string } {
  return {
    ...parseObject(row.extra),
    id: row.id,
    name: row.name,
    domain_id: row.domain_id,
    enabled: row.enabled === 1,
    ...(row.default_project_id === null ? {} : { default_project_id: row.default_project_id }),
    ...(row.description === null ? {} : { description: row.description }),
    options: parseObject(row.options),
    password_expires_at: row.password_expires_at,
    links: { self: `${baseUrl}/v3/users/${row.id}` },
  };
}
