// A backup as the API shows it. Pure.
import type { Call } from '#platform/http/api.ts';
import { atLeast } from '#platform/microversion/microversion.ts';
import type { BackupRow } from '#volume/tables.ts';
import { shownTime, shownTimeOrNull } from '#volume/times.ts';
import { linksOf } from '#volume/volumes/view.ts';

export const metadataOf = (row: Pick<BackupRow, 'metadata_json'>): Record<string, string> =>
  JSON.parse(row.metadata_json) as Record<string, string>;

export const briefView = (call: Call, row: BackupRow): Record<string, unknown> => ({
  id: row.id,
  name: row.name,
  links: linksOf(call, 'backups', row.id),
});

/** As create and update answer it. */
export const changedView = (call: Call, row: BackupRow): Record<string, unknown> => ({
  ...briefView(call, row),
  ...(atLeast(call.microversion, '3.43') ? { metadata: metadataOf(row) } : {}),
});

export function detailView(call: Call, row: BackupRow, hasDependents: boolean): Record<string, unknown> {
  const since = (version: `${number}.${number}`, fields: Record<string, unknown>): Record<string, unknown> =>
    atLeast(call.microversion, version) ? fields : {};
  return {
    ...changedView(call, row),
    status: row.status,
    description: row.description,
    fail_reason: row.fail_reason,
    size: row.size,
    object_count: row.object_count,
    availability_zone: row.availability_zone,
    container: row.container,
    created_at: shownTime(row.created_at),
    updated_at: shownTimeOrNull(row.updated_at),
    volume_id: row.volume_id,
    snapshot_id: row.snapshot_id,
    data_timestamp: shownTime(row.data_timestamp),
    is_incremental: row.parent_id !== null,
    has_dependent_backups: hasDependents,
    ...(call.allows('backup:backup_project_attribute', { project_id: row.project_id })
      ? since('3.18', { 'os-backup-project-attr:project_id': row.project_id })
      : {}),
    ...since('3.56', { user_id: row.user_id }),
    ...(row.encryption_key_id === null ? {} : since('3.64', { encryption_key_id: row.encryption_key_id })),
  };
}
