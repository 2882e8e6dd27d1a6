// A role, and an implication, as the API shows them.
import type { RoleRow } from '../database.ts';
import { parseObject } from '../resource.ts';

export function roleView(row: RoleRow, baseUrl: string): Record<string, unknown> & { id: string } {
  return {
    ...parseObject(row.extra),
    id: row.id,
    name: row.name,
    domain_id: row.domain_id === '' ? null : row.domain_id,
    description: row.description,
    options: parseObject(row.options),
    links: { self: `${baseUrl}/v3/roles/${row.id}` },
  };
}

/** As it stands within an implication. */
export function roleRefView(row: RoleRow, baseUrl: string): Record<string, unknown> {
  return { id: row.id, name: row.name, links: { self: `${baseUrl}/v3/roles/${row.id}` } };
}
