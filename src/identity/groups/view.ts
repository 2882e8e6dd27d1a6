// A group as the API shows it.
import type { GroupRow } from '../database.ts';
import { parseObject } from '../resource.ts';

export function groupView(row: GroupRow, baseUrl: string): Record<string, unknown> & { id: string } {
  return {
    ...parseObject(row.extra),
    id: row.id,
    name: row.name,
    domain_id: row.domain_id,
    description: row.description,
    links: { self: `${baseUrl}/v3/groups/${row.id}` },
  };
}
