// Moves a volume to this backend: a copy is made and filled here, then one transaction makes this the volume's backend and
// leaves a message that the old one forgets it. Until that transaction the volume is where it was; nobody writes to it.
import { VolumeBackendError } from '#drivers/volume/errors.ts';
import { openConnection } from '#drivers/volume/open-connection.ts';
import { bytesOf } from '#drivers/volume/port.ts';
import { rpcClient, type RpcClient } from '#platform/bus/bus.ts';
import { enqueue } from '#platform/bus/outbox.ts';
import { isoTime } from '#platform/context/clock.ts';
import { causeChain } from '#platform/errors/domain-error.ts';
import type { Saga, Step } from '#platform/saga/saga.ts';
import type { Executor } from '#platform/sql/database.ts';
import { copyContent } from '#volume/host/copy-content.ts';
import { copyReencrypted, typeChanges } from '#volume/host/copy-reencrypted.ts';
import type { BackendDeps } from '#volume/host/deps.ts';
import { COPY_STEP } from '#volume/host/migration-store.ts';
import { runVolumeOperation, type Failure } from '#volume/host/run-operation.ts';
import { adoptNextKey, setNextKey } from '#volume/keys/store.ts';
import { tellOwner } from '#volume/operations/owner-message.ts';
import { volumeQueue, type MigrateVolumeMessage, type VolumeServiceRpc } from '#volume/rpc.ts';
import type { VolumeLifecycle, VolumeRow, VolumeTables } from '#volume/tables.ts';
import { backendIn, hostIn } from '#volume/volumes/host-name.ts';
import { settleVolume } from '#volume/volumes/lifecycle-store.ts';
import { findVolumeRow, updateVolume } from '#volume/volumes/store.ts';

type Input = MigrateVolumeMessage;
type Trx = Executor<VolumeTables>;

export interface MigrateOutputs {
  'volume.create-copy': { readonly size_gib: number };
  'volume.copy': { readonly bytes_copied: number };
}

type MigrateStep<K extends keyof MigrateOutputs> = Step<Input, MigrateOutputs, K>;

const MOVING: readonly VolumeLifecycle[] = ['maintenance', 'retyping'];

export async function migrateVolume(deps: BackendDeps, input: Input): Promise<void> {
  await runVolumeOperation(deps, input, {
    saga: migrateVolumeSaga(deps),
    changed: 'volume',
    done: async (trx) => arrive(trx, deps, input),
    failed: async (trx, failure) => stay(trx, deps, input, failure),
  });
}

export function migrateVolumeSaga(deps: BackendDeps): Saga<Input, MigrateOutputs> {
  return { name: 'migrate-volume', steps: [createCopy(deps), copy(deps)] };
}

function createCopy(deps: BackendDeps): MigrateStep<'volume.create-copy'> {
  return {
    name: 'volume.create-copy',
    needs: [],
    deadlineMs: deps.config.operationMs,
    do: async ({ input, evidence }) => {
      const { id, size } = await movable(deps, input);
      await deps.driver.deleteVolume(id); // what an earlier move left: a copy is blank before it is filled
      await deps.driver.createVolume(id, size, { kind: 'blank' });
      evidence({ from: input.source, to: input.destination, size_gib: size });
      return { size_gib: size };
    },
    undo: async ({ input }) => {
      await assertElsewhere(deps, input.volume_id);
      await deps.driver.deleteVolume(input.volume_id);
    },
  };
}

function copy(deps: BackendDeps): MigrateStep<'volume.copy'> {
  return {
    name: COPY_STEP,
    needs: ['volume.create-copy'],
    deadlineMs: deps.config.transferMs,
    do: async ({ input, evidence, signal, waitingFor }) => {
      const { id, size } = await movable(deps, input);
      const { operation_id, volume_id } = input;
      waitingFor(`the data of the volume on ${input.source}`);
      const connector = { host: hostIn(deps.host) };
      const info = await sourceOf(deps, input).call('exportForMigration', {
        operation_id,
        volume_id,
        connector,
      });
      let bytes: number;
      {
        await using from = await openConnection(info);
        await using to = await deps.driver.open({ volumeId: id }, 'rw');
        if (from.size !== bytesOf(size))
          throw new VolumeBackendError('failed', `the volume has ${from.size} bytes, not ${size} GiB`);
        bytes = input.new_type?.encryption
          ? await copyReencrypted(deps, id, input.new_type, { from, to, signal })
          : await copyContent(from, to, signal);
      }
      evidence({ protocol: info.driver_volume_type, bytes_copied: bytes });
      await endExport(deps, input);
      return { bytes_copied: bytes };
    },
    // The copy goes with the step before.
    undo: async ({ input }) => endExport(deps, input),
  };
}

const sourceOf = ({ bus }: BackendDeps, { source }: Input): RpcClient<VolumeServiceRpc> =>
  rpcClient<VolumeServiceRpc>(bus, volumeQueue(source));

/** A source that does not answer ends the export itself once the operation is over. */
async function endExport(deps: BackendDeps, input: Input): Promise<void> {
  const { operation_id, volume_id } = input;
  await sourceOf(deps, input)
    .call('endMigrationExport', { operation_id, volume_id })
    .catch((error: unknown) => {
      deps.log.warn({ volume_id, causes: causeChain(error) }, 'the source did not end its export');
    });
}

/** @throws VolumeBackendError when the volume went away or somebody ended its move */
async function movable(deps: BackendDeps, { volume_id, source }: Input): Promise<VolumeRow> {
  const volume = await findVolumeRow(deps.db.kysely, volume_id);
  if (!volume || !MOVING.includes(volume.lifecycle) || backendIn(volume.host ?? '') !== source)
    throw new VolumeBackendError('absent', `volume ${volume_id} is not to be moved from ${source} any more`);
  await assertElsewhere(deps, volume_id);
  return volume;
}

/** What is removed here is never the volume itself. */
async function assertElsewhere(deps: BackendDeps, volumeId: string): Promise<void> {
  const volume = await findVolumeRow(deps.db.kysely, volumeId);
  if (volume?.host && backendIn(volume.host) === deps.host)
    throw new VolumeBackendError('busy', `volume ${volumeId} is on ${deps.host} itself`);
}

async function arrive(trx: Trx, deps: BackendDeps, input: Input): Promise<void> {
  const { volume_id, new_type } = input;
  const moved = await settleVolume(trx, volume_id, MOVING, {
    lifecycle: 'available',
    host: input.destination,
    availability_zone: deps.availabilityZone,
    migration_status: 'success',
    fault: null,
    ...(new_type && typeChanges(new_type)),
    updated_at: isoTime(deps.clock),
  });
  if (moved && new_type?.encryption) await adoptNextKey(trx, volume_id);
  // Deleted or set to another status meanwhile: then it stays where it is, and the copy goes.
  if (!moved) {
    await updateVolume(trx, volume_id, { migration_status: 'error' });
    await setNextKey(trx, volume_id, undefined);
  }
  await removeCopyOn(trx, deps, moved ? input.source : deps.host, volume_id);
}

async function stay(
  trx: Trx,
  deps: BackendDeps,
  { volume_id }: Input,
  { operation, text }: Failure,
): Promise<void> {
  const updated_at = isoTime(deps.clock);
  await updateVolume(trx, volume_id, { migration_status: 'error' });
  await setNextKey(trx, volume_id, undefined);
  await settleVolume(trx, volume_id, MOVING, { lifecycle: 'available', updated_at });
  await removeCopyOn(trx, deps, deps.host, volume_id); // of steps whose undoing failed
  if (operation.operation !== 'retype') return; // a migration is its administrator's, not the owner's
  await tellOwner(trx, deps, {
    projectId: operation.project_id,
    requestId: operation.request_id,
    resourceType: 'VOLUME',
    resourceId: volume_id,
    action: 'schedule-allocate-volume',
    detail: 'unknown',
    text: `The volume keeps its type: it could not be moved. ${text}`,
  });
}

async function removeCopyOn(trx: Trx, { bus }: BackendDeps, host: string, volume_id: string): Promise<void> {
  const service = rpcClient<VolumeServiceRpc>(bus, volumeQueue(host));
  await enqueue(trx, service.message('removeStrayCopy', { volume_id }));
}
