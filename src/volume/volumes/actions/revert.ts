// revert (3.40): puts a volume back to its newest snapshot.
import type { Call } from '#platform/http/api.ts';
import { isoTime } from '#platform/context/clock.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { InvalidInput, InvalidSnapshot, InvalidVolume } from '#volume/errors.ts';
import { listOfVolume, updateSnapshot } from '#volume/snapshots/store.ts';
import { findSnapshot } from '#volume/snapshots/find.ts';
import { beginChange } from '../begin.ts';
import { findVolume } from '../find.ts';

export async function revertToSnapshot(call: Call, deps: VolumeDeps): Promise<void> {
  const { volume } = await findVolume(call, deps, 'volume:revert_to_snapshot');
  const { snapshot_id: wanted } = (call.body as { revert: { snapshot_id: string } }).revert;
  const { snapshot } = await findSnapshot(call, deps, 'volume:get_snapshot', wanted);
  await beginChange(call, deps, volume.id, {
    operation: 'revert',
    from: ['available'],
    lifecycle: 'reverting',
    deadlineMs: deps.config.operationMs,
    also: async (trx, { volume: now }) => {
      const newest = (await listOfVolume(trx, volume.id)).find(({ internal }) => internal === 0);
      if (newest?.id !== snapshot.id)
        throw new InvalidInput(
          `A volume goes back to its newest snapshot alone, ${newest?.id ?? 'which it has not'}: ${snapshot.id} is another.`,
        );
      if (newest.status !== 'available')
        throw new InvalidSnapshot(
          `the status of snapshot ${snapshot.id} must be available, and is ${newest.status}.`,
        );
      if (now.size !== newest.volume_size)
        throw new InvalidVolume(
          `the volume was extended to ${now.size} GiB since the snapshot of ${newest.volume_size} GiB, and can't go back.`,
        );
      await updateSnapshot(trx, snapshot.id, { status: 'restoring', updated_at: isoTime(deps.clock) });
    },
    message: (backend, ref) => backend.message('revertToSnapshot', { ...ref, snapshot_id: snapshot.id }),
  });
}
