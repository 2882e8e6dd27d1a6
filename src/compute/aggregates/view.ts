// An aggregate as the API shows it. Pure.
import { microseconds } from '#compute/times.ts';
import { atLeast, type Microversion } from '#platform/microversion/microversion.ts';
import type { Aggregate } from './store.ts';

export function aggregateView(
  { row, hosts, metadata }: Aggregate,
  version: Microversion,
): Record<string, unknown> {
  return {
    id: row.id,
    ...(atLeast(version, '2.41') ? { uuid: row.uuid } : {}),
    name: row.name,
    availability_zone: metadata['availability_zone'] ?? null,
    hosts,
    metadata,
    created_at: microseconds(row.created_at),
    updated_at: row.updated_at === null ? null : microseconds(row.updated_at),
    deleted: false,
    deleted_at: null,
  };
}
