// The frame of every change of a volume that its backend does: check the state and write the intent, the operation and the
// message for the backend in one transaction.
import { rpcClient, type Message, type RpcClient } from '#platform/bus/bus.ts';
import { enqueue } from '#platform/bus/outbox.ts';
import { isoTime } from '#platform/context/clock.ts';
import type { Call } from '#platform/http/api.ts';
import type { Executor } from '#platform/sql/database.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { InvalidVolume, VolumeNotFound } from '#volume/errors.ts';
import { beginOperation } from '#volume/operations/store.ts';
import { volumeQueue, type VolumeOperationRef, type VolumeServiceRpc } from '#volume/rpc.ts';
import type { VolumeLifecycle, VolumeTables } from '#volume/tables.ts';
import { backendOf } from './host-name.ts';
import { statusOf } from './status.ts';
import { findWholeVolume, updateVolume, type WholeVolume } from './store.ts';

export interface Change {
  /** `extend`: the operation's name, and the verb of the sentence that refuses. */
  readonly operation: string;
  /** Statuses from which it is allowed. */
  readonly from: readonly string[];
  readonly lifecycle: VolumeLifecycle;
  readonly deadlineMs: number;
  /** `host@backend` whose service does it; default the volume's own. */
  readonly to?: string;
  /** Checks more and writes more, in the transaction. */
  readonly also?: (trx: Executor<VolumeTables>, whole: WholeVolume) => Promise<void>;
  readonly message: (backend: RpcClient<VolumeServiceRpc>, ref: VolumeOperationRef) => Message;
}

/** @throws VolumeNotFound, InvalidVolume for a volume in another state */
export async function beginChange(call: Call, deps: VolumeDeps, id: string, change: Change): Promise<void> {
  await deps.db.transaction(async (trx) => {
    const whole = await findWholeVolume(trx, id);
    if (!whole) throw new VolumeNotFound(id);
    assertStatus(whole, change.from, change.operation);
    const host = change.to ?? backendOf(whole.volume);
    await change.also?.(trx, whole);
    await updateVolume(trx, id, {
      lifecycle: change.lifecycle,
      forced_status: null,
      fault: null,
      updated_at: isoTime(deps.clock),
    });
    const operation_id = await beginOperation(trx, call, deps, {
      resource_type: 'volume',
      resource_id: id,
      operation: change.operation,
      project_id: whole.volume.project_id,
      host,
      deadlineMs: change.deadlineMs,
    });
    const backend = rpcClient<VolumeServiceRpc>(deps.bus, volumeQueue(host));
    await enqueue(trx, change.message(backend, { operation_id, volume_id: id }));
  });
}

/** @throws InvalidVolume */
export function assertStatus(whole: WholeVolume, from: readonly string[], verb: string): void {
  const status = statusOf(whole.volume, whole.attachments);
  if (!from.includes(status))
    throw new InvalidVolume(
      `Volume ${whole.volume.id} status must be ${from.join(' or ')} to ${verb} it, but the current status is ${status}.`,
    );
}
