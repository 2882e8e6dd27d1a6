// A domain as the API shows it.
import type { ProjectRow } from '../database.ts';
import { parseObject } from '../resource.ts';

export function domainView(row: ProjectRow, baseUrl: string): Record<string, unknown> & { id: string } {
  return {
    ...parseObject(row.extra),
    id: row.id,
    name: row.name,
    description: row.description,
    enabled: row.enabled === 1,
    tags: JSON.parse(row.tags) as string[],
    options: parseObject(row.options),
    links: { self: `${baseUrl}/v3/domains/${row.id}` },
  };
}
