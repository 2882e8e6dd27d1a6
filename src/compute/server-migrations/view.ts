// Migrations as the API shows them: the operator's list, and a server's live migrations. Pure.
import type { Call } from '#platform/http/api.ts';
import { atLeast } from '#platform/microversion/microversion.ts';
import { linksOf } from '#compute/links.ts';
import type { MigrationRow } from './tables.ts';
import { microseconds } from '#compute/times.ts';
import { IN_PROGRESS } from './store.ts';

type Json = Record<string, unknown>;

/** A live migration that goes on. */
const isLiveNow = (row: MigrationRow): boolean =>
  row.migration_type === 'live-migration' && IN_PROGRESS.includes(row.status);

/** The field numbers flavors for this list; names of flavors that were deleted since have no number. */
export type FlavorNumber = (flavorJson: string) => number | null;

export function migrationView(call: Call, row: MigrationRow, flavorNumber: FlavorNumber): Json {
  const since = (version: Parameters<typeof atLeast>[1]): boolean => atLeast(call.microversion, version);
  const path = `servers/${row.instance_id}/migrations/${row.id}`;
  return {
    id: row.id,
    ...(since('2.59') ? { uuid: row.uuid } : {}),
    instance_uuid: row.instance_id,
    source_compute: row.source_compute,
    source_node: row.source_node,
    dest_compute: row.dest_compute,
    dest_host: row.dest_host,
    dest_node: row.dest_node,
    status: row.status,
    old_instance_type_id: flavorNumber(row.old_flavor_json),
    new_instance_type_id: flavorNumber(row.new_flavor_json),
    created_at: microseconds(row.created_at),
    updated_at: row.updated_at === null ? null : microseconds(row.updated_at),
    ...(since('2.23') ? { migration_type: row.migration_type } : {}),
    ...(since('2.23') && isLiveNow(row) ? { links: linksOf(call, path) } : {}),
    ...(since('2.80') ? { user_id: row.user_id, project_id: row.project_id } : {}),
  };
}

export function liveMigrationView(call: Call, row: MigrationRow): Json {
  return {
    id: row.id,
    ...(atLeast(call.microversion, '2.59') ? { uuid: row.uuid } : {}),
    server_uuid: row.instance_id,
    status: row.status,
    source_compute: row.source_compute,
    source_node: row.source_node,
    dest_compute: row.dest_compute,
    dest_host: row.dest_host,
    dest_node: row.dest_node,
    memory_total_bytes: row.memory_total,
    memory_processed_bytes: row.memory_processed,
    memory_remaining_bytes: row.memory_remaining,
    disk_total_bytes: row.disk_total,
    disk_processed_bytes: row.disk_processed,
    disk_remaining_bytes: row.disk_remaining,
    created_at: microseconds(row.created_at),
    updated_at: row.updated_at === null ? null : microseconds(row.updated_at),
    ...(atLeast(call.microversion, '2.80') ? { user_id: row.user_id, project_id: row.project_id } : {}),
  };
}
