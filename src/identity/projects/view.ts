// A project as the API shows it.
import type { ProjectRow } from '../database.ts';
import { parseObject } from '../resource.ts';

export function projectView(row: ProjectRow, baseUrl: string): Record<string, unknown> & { id: string } {
  return {
    ...parseObject(row.extra),
    id: row.id,
    name: row.name,
    domain_id: row.domain_id === '' ? null : row.domain_id,
    parent_id: row.parent_id === '' ? null : row.parent_id,
    is_domain: row.is_domain === 1,
    description: row.description,
    enabled: row.enabled === 1,
    tags: JSON.parse(row.tags) as string[],
    options: parseObject(row.options),
    links: { self: `${baseUrl}/v3/projects/${row.id}` },
  };
}
