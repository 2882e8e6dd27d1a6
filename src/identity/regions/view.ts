// A region as the API shows it.
import type { RegionRow } from '../database.ts';
import { parseObject } from '../resource.ts';

export function regionView(row: RegionRow, baseUrl: string): Record<string, unknown> & { id: string } {
  return {
    ...parseObject(row.extra),
    id: row.id,
    description: row.description,
    parent_region_id: row.parent_region_id,
    links: { self: `${baseUrl}/v3/regions/${encodeURIComponent(row.id)}` },
  };
}
