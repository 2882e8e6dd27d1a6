// A snapshot as the API shows it. Pure.
import { atLeast } from '#platform/microversion/microversion.ts';
import type { Call } from '#platform/http/api.ts';
import { shownTime, shownTimeOrNull } from '#volume/times.ts';
import type { WholeSnapshot } from './store.ts';

export function briefView(call: Call, { snapshot, metadata }: WholeSnapshot): Record<string, unknown> {
  return {
    id: snapshot.id,
    name: snapshot.name,
    description: snapshot.description,
    volume_id: snapshot.volume_id,
    status: snapshot.status,
    size: snapshot.volume_size,
    created_at: shownTime(snapshot.created_at),
    updated_at: shownTimeOrNull(snapshot.updated_at),
    metadata,
    ...(atLeast(call.microversion, '3.41') ? { user_id: snapshot.user_id } : {}),
    ...(atLeast(call.microversion, '3.65') ? { consumes_quota: true } : {}),
  };
}

export function detailView(call: Call, whole: WholeSnapshot): Record<string, unknown> {
  const { snapshot } = whole;
  const extended = call.allows('volume_extension:extended_snapshot_attributes', {
    project_id: snapshot.project_id,
  });
  return {
    ...briefView(call, whole),
    ...(extended
      ? {
          'os-extended-snapshot-attributes:project_id': snapshot.project_id,
          'os-extended-snapshot-attributes:progress': snapshot.progress,
        }
      : {}),
    ...(atLeast(call.microversion, '3.14') ? { group_snapshot_id: whole.groupSnapshotId ?? null } : {}),
  };
}
