// os-update_snapshot_status: who makes or deletes a snapshot on the volume service's behalf tells how it goes. Where the
// service does it itself nobody has a say.
import { isoTime } from '#platform/context/clock.ts';
import type { Call } from '#platform/http/api.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { InvalidSnapshot } from '#volume/errors.ts';
import { findLatest } from '#volume/operations/store.ts';
import type { SnapshotRow } from '#volume/tables.ts';
import { findSnapshot } from '../find.ts';
import { settableStatus } from '../states.ts';
import { updateSnapshot } from '../store.ts';

type Status = SnapshotRow['status'];

const ENDS: Partial<Record<Status, readonly Status[]>> = {
  creating: ['creating', 'available', 'error'],
  deleting: ['deleting', 'error_deleting'],
};
const VERBS: Partial<Record<Status, string>> = { creating: 'create', deleting: 'delete' };

export async function updateStatus(call: Call, deps: VolumeDeps): Promise<void> {
  const { snapshot } = await findSnapshot(
    call,
    deps,
    'snapshot_extension:snapshot_actions:update_snapshot_status',
  );
  const { status, progress } = (
    call.body as { 'os-update_snapshot_status': { status: string; progress?: string | null } }
  )['os-update_snapshot_status'];
  const wanted = settableStatus(status);
  const verb = VERBS[snapshot.status];
  const running = verb && (await findLatest(deps.db.kysely, snapshot.id, verb))?.state === 'running';
  if (!ENDS[snapshot.status]?.includes(wanted) || running)
    throw new InvalidSnapshot(`status ${snapshot.status} is not one from which ${wanted} can be told.`);
  await updateSnapshot(deps.db.kysely, snapshot.id, {
    status: wanted,
    ...(progress ? { progress } : {}),
    updated_at: isoTime(deps.clock),
  });
}
