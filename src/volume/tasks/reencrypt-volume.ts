// Retypes a volume to another encryption, or to none, on its own backend: a copy of it is made, under the operation's id. One
// transaction then makes the new type and key the volume's and leaves the message by which the copy takes its place. Until
// that transaction the volume is as it was; after it, it can only go on. Nobody is connected to it meanwhile.
import { VolumeBackendError } from '#drivers/volume/errors.ts';
import { rpcClient } from '#platform/bus/bus.ts';
import { enqueue } from '#platform/bus/outbox.ts';
import { isoTime } from '#platform/context/clock.ts';
import type { Saga } from '#platform/saga/saga.ts';
import type { Executor } from '#platform/sql/database.ts';
import { restoreConnections } from '#volume/host/connections.ts';
import { copyReencrypted, typeChanges } from '#volume/host/copy-reencrypted.ts';
import type { BackendDeps } from '#volume/host/deps.ts';
import { runVolumeOperation } from '#volume/host/run-operation.ts';
import { adoptNextKey, setNextKey } from '#volume/keys/store.ts';
import { tellOwner } from '#volume/operations/owner-message.ts';
import { VOLUME_CHANGED, volumeQueue, type VolumeChanged, type VolumeServiceRpc } from '#volume/rpc.ts';
import type { VolumeRow, VolumeTables } from '#volume/tables.ts';
import { settleVolume } from '#volume/volumes/lifecycle-store.ts';
import { findVolumeRow, updateVolume } from '#volume/volumes/store.ts';

type Input = Parameters<VolumeServiceRpc['reencryptVolume']>[0];
type Trx = Executor<VolumeTables>;

interface Outputs {
  'volume.create-copy': null;
  'volume.copy': { readonly bytes_copied: number };
}

export async function reencryptVolume(deps: BackendDeps, input: Input): Promise<void> {
  const { operation_id, volume_id, new_type } = input;
  await runVolumeOperation(deps, input, {
    saga: reencryptVolumeSaga(deps),
    changed: 'volume',
    done: async (trx) => {
      const updated_at = isoTime(deps.clock);
      const volume = await findVolumeRow(trx, volume_id);
      // Deleted or set to another status meanwhile: then it stays as it is, and the copy goes.
      if (volume?.lifecycle !== 'retyping') return giveUp(trx, deps, input);
      await updateVolume(trx, volume_id, { ...typeChanges(new_type), fault: null, updated_at });
      await adoptNextKey(trx, volume_id);
      await tellSelf(trx, deps, 'adoptCopy', { volume_id, copy_id: operation_id });
    },
    failed: async (trx, { operation, text }) => {
      await settleVolume(trx, volume_id, ['retyping'], {
        lifecycle: 'available',
        updated_at: isoTime(deps.clock),
      });
      await giveUp(trx, deps, input);
      await tellOwner(trx, deps, {
        projectId: operation.project_id,
        requestId: operation.request_id,
        resourceType: 'VOLUME',
        resourceId: volume_id,
        action: 'schedule-allocate-volume',
        detail: 'unknown',
        text: `The volume keeps its type: it could not be encrypted anew. ${text}`,
      });
    },
  });
}

export function reencryptVolumeSaga(deps: BackendDeps): Saga<Input, Outputs> {
  const { driver, config } = deps;
  return {
    name: 'reencrypt-volume',
    steps: [
      {
        name: 'volume.create-copy',
        needs: [],
        deadlineMs: config.operationMs,
        do: async ({ input: { operation_id, volume_id } }) => {
          const { size } = await retyped(deps, volume_id);
          await driver.createVolume(operation_id, size, { kind: 'blank' });
          return null;
        },
        undo: async ({ input }) => driver.deleteVolume(input.operation_id),
      },
      {
        name: 'volume.copy',
        needs: ['volume.create-copy'],
        deadlineMs: config.transferMs,
        do: async ({ input: { operation_id, volume_id, new_type }, evidence, signal, waitingFor }) => {
          await retyped(deps, volume_id);
          waitingFor('the data of the volume to be copied');
          await using from = await driver.open({ volumeId: volume_id }, 'ro');
          await using to = await driver.open({ volumeId: operation_id }, 'rw');
          const bytes = await copyReencrypted(deps, volume_id, new_type, { from, to, signal });
          evidence({ bytes_copied: bytes, encryption: new_type.encryption });
          return { bytes_copied: bytes };
        },
        // The copy goes with the step before.
      },
    ],
  };
}

/** @throws VolumeBackendError when the volume went away or somebody ended its retype */
async function retyped(deps: BackendDeps, id: string): Promise<VolumeRow> {
  const volume = await findVolumeRow(deps.db.kysely, id);
  if (volume?.lifecycle !== 'retyping')
    throw new VolumeBackendError('absent', `volume ${id} is not to be retyped any more`);
  return volume;
}

/**
 * Sent by the outbox until it is done. While there is a copy, the volume beside it is the old one, or what is left of this
 * very step: the copy goes by the volume's id from the end of it on.
 */
export async function adoptCopy(
  deps: BackendDeps,
  { volume_id, copy_id }: Parameters<VolumeServiceRpc['adoptCopy']>[0],
): Promise<void> {
  await deps.volumeLocks.run(volume_id, async () => {
    const volume = await findVolumeRow(deps.db.kysely, volume_id);
    if ((await deps.driver.list()).some(({ volumeId }) => volumeId === copy_id)) {
      if (!volume) return deps.driver.deleteVolume(copy_id);
      await restoreConnections(deps); // an export whose end was not heard
      await deps.driver.deleteVolume(volume_id);
      await deps.driver.renameVolume(copy_id, volume_id);
    }
    await settleVolume(deps.db.kysely, volume_id, ['retyping'], {
      lifecycle: 'available',
      updated_at: isoTime(deps.clock),
    });
  });
  await deps.bus.publish(VOLUME_CHANGED, { resource: 'volume', id: volume_id } satisfies VolumeChanged);
}

async function giveUp(trx: Trx, deps: BackendDeps, { operation_id, volume_id }: Input): Promise<void> {
  await setNextKey(trx, volume_id, undefined);
  await tellSelf(trx, deps, 'removeStrayCopy', { volume_id: operation_id });
}

async function tellSelf<K extends 'adoptCopy' | 'removeStrayCopy'>(
  trx: Trx,
  { bus, host }: BackendDeps,
  method: K,
  args: Parameters<VolumeServiceRpc[K]>[0],
): Promise<void> {
  await enqueue(trx, rpcClient<VolumeServiceRpc>(bus, volumeQueue(host)).message(method, args));
}
