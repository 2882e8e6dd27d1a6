// A service of the catalog as the API shows it.
import type { ServiceRow } from '../database.ts';
import { parseObject } from '../resource.ts';

export function serviceView(row: ServiceRow, baseUrl: string): Record<string, unknown> & { id: string } {
  return {
    ...parseObject(row.extra),
    id: row.id,
    type: row.type,
    name: row.name,
    enabled: row.enabled === 1,
    ...(row.description === null ? {} : { description: row.description }),
    links: { self: `${baseUrl}/v3/services/${row.id}` },
  };
}
