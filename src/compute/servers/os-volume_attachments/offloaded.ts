// Volumes of a server that is on no host: nobody has to be told, the rows and the volume's reservation are all there is.
import type { Call } from '#platform/http/api.ts';
import { atLeast } from '#platform/microversion/microversion.ts';
import { releaseVolumes } from '#compute/block-devices/release.ts';
import { removeDevices } from '#compute/block-devices/store.ts';
import type { ComputeDeps, ComputeExecutor } from '#compute/deps.ts';
import { ChangedMeanwhile } from '#compute/errors.ts';
import type { BlockDeviceRow, InstanceRow, VmState } from '#compute/tables.ts';
import { recordAction } from '../action-record.ts';
import { tokenOf } from '../create/check-image.ts';
import type { StateRule } from '../states.ts';
import { compareAndSet } from '../store.ts';

const ON_HOST: readonly VmState[] = ['active', 'paused', 'stopped', 'resized'];

/** Shelved servers have been among them since 2.20. */
export const volumeStates = (call: Call): StateRule =>
  atLeast(call.microversion, '2.20')
    ? { vm: [...ON_HOST, 'shelved', 'shelved_offloaded'], host: false }
    : { vm: ON_HOST };

export const isOffloaded = (row: InstanceRow): boolean => row.vm_state === 'shelved_offloaded';

interface Change {
  readonly action: 'attach_volume' | 'detach_volume';
  readonly rule: string;
  readonly handledAt: number;
  readonly also: (trx: ComputeExecutor) => Promise<void>;
}

/** Commits the change with its record, which is over with that. @throws ChangedMeanwhile */
export async function changeOffloaded(
  call: Call,
  deps: ComputeDeps,
  row: InstanceRow,
  { action, rule, handledAt, also }: Change,
): Promise<void> {
  await deps.db.transaction(async (trx) => {
    const updated_at = new Date(deps.clock.now()).toISOString();
    if (!(await compareAndSet(trx, row, { updated_at }))) throw new ChangedMeanwhile(row.id);
    await also(trx);
    await recordAction(trx, call, deps, {
      instanceId: row.id,
      action,
      host: null,
      deadlineMs: deps.config.actionDeadlineMs,
      rule,
      handledAt,
      done: true,
    });
  });
}

/**
 * There is no guest to wait for: the volume is in use at once, as upstream. When that can't be told it stays reserved, which is
 * as good: whoever brings the server back connects and completes it anew.
 */
export async function completeOffloaded(
  call: Call,
  { volume, serviceToken, log }: ComputeDeps,
  { attachment_id, volume_id }: BlockDeviceRow,
): Promise<void> {
  if (attachment_id === null) return;
  try {
    await volume.completeAttachment(tokenOf(call), attachment_id, await serviceToken());
  } catch (cause) {
    log.warn({ err: cause, volume_id }, 'the volume of a server on no host stays reserved');
  }
}

/** The volume is free before the row goes, or it would be nobody's to free. */
export async function detachOffloaded(
  call: Call,
  deps: ComputeDeps,
  row: InstanceRow,
  device: BlockDeviceRow,
  how: Pick<Change, 'rule' | 'handledAt'>,
): Promise<void> {
  await releaseVolumes(deps, [{ ...device, delete_on_termination: 0 }], true);
  await changeOffloaded(call, deps, row, {
    ...how,
    action: 'detach_volume',
    also: async (trx) => removeDevices(trx, [device.id]),
  });
}
