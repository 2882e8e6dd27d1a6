// An endpoint as the API shows it.
import type { EndpointRow } from '../database.ts';
import { parseObject } from '../resource.ts';

export function endpointView(row: EndpointRow, baseUrl: string): Record<string, unknown> & { id: string } {
  return {
    ...parseObject(row.extra),
    id: row.id,
    service_id: row.service_id,
    interface: row.interface,
    region: row.region_id,
    region_id: row.region_id,
    url: row.url,
    enabled: row.enabled === 1,
    links: { self: `${baseUrl}/v3/endpoints/${row.id}` },
  };
}
