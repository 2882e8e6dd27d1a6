// A transfer as the API shows it. Pure.
import type { Call } from '#platform/http/api.ts';
import { atLeast } from '#platform/microversion/microversion.ts';
import type { TransferRow } from '#volume/tables.ts';
import { shownTime } from '#volume/times.ts';
import { linksOf } from '#volume/volumes/view.ts';

export const briefView = (call: Call, row: TransferRow): Record<string, unknown> => ({
  id: row.id,
  volume_id: row.volume_id,
  name: row.name,
  links: linksOf(call, 'os-volume-transfer', row.id),
});

export function detailView(call: Call, row: TransferRow): Record<string, unknown> {
  return {
    ...briefView(call, row),
    created_at: shownTime(row.created_at),
    ...(atLeast(call.microversion, '3.55') ? { no_snapshots: row.no_snapshots === 1 } : {}),
    ...(atLeast(call.microversion, '3.57')
      ? {
          source_project_id: row.source_project_id,
          destination_project_id: row.destination_project_id,
          accepted: row.accepted === 1,
        }
      : {}),
  };
}
