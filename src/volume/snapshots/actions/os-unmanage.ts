// os-unmanage: the service forgets a snapshot, and the backend keeps it, until its volume is deleted.
import type { Call } from '#platform/http/api.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { InvalidSnapshot, SnapshotNotFound } from '#volume/errors.ts';
import { findSnapshot } from '../find.ts';
import { findWholeSnapshot, removeSnapshot } from '../store.ts';

const FROM = ['available', 'error'];

export async function unmanageSnapshot(call: Call, deps: VolumeDeps): Promise<void> {
  const { snapshot } = await findSnapshot(call, deps, 'snapshot_extension:snapshot_unmanage');
  await deps.db.transaction(async (trx) => {
    const whole = await findWholeSnapshot(trx, snapshot.id);
    if (!whole) throw new SnapshotNotFound(snapshot.id);
    const { status } = whole.snapshot;
    if (!FROM.includes(status))
      throw new InvalidSnapshot(
        `the status of ${snapshot.id} must be ${FROM.join(' or ')} to unmanage it, and is ${status}.`,
      );
    if (whole.groupSnapshotId)
      throw new InvalidSnapshot(`${snapshot.id} is part of group snapshot ${whole.groupSnapshotId}.`);
    await removeSnapshot(trx, snapshot.id);
  });
}
