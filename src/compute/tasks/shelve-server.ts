// Shelving a server: its guest is stopped and its root disk put into an image; then it leaves the host, with its ports and
// volumes kept. Until the image is whole all can be undone, after that it goes on to the end.
import { runSaga } from '#platform/saga/run-saga.ts';
import type { Saga, StepContext } from '#platform/saga/saga.ts';
import type { HostDeps } from '../host/deps.ts';
import { sagaRun } from '../host/saga-run.ts';
import { nextAttempt } from '../host/next-attempt.ts';
import { removeInstanceFiles } from '../host/paths.ts';
import { bindPortsTo } from '../host/port-bindings.ts';
import { powerOn } from '../host/power-on.ts';
import { runAction } from '../host/run-action.ts';
import { runOperation } from '../host/run-operation.ts';
import { removeShelvedImage } from '../host/shelved-image.ts';
import { reserveVolumesAgain } from '../host/volumes/reserve.ts';
import type { ActionRef, AgentRpc, InstanceEntry } from '../rpc.ts';
import { changedSystemMetadata } from '../system-metadata.ts';
import { POWER_STATE } from '../tables.ts';
import { unplugAll } from './delete-server.ts';

type ShelveMessage = Parameters<AgentRpc['shelveServer']>[0];

interface ShelveOutputs {
  'guest.stop': { readonly stopped: boolean };
  'image.snapshot': { readonly bytes: number | null };
}

const COPY_DEADLINE_MS = 1_800_000;

export function shelveServerSaga(
  deps: HostDeps,
  entry: InstanceEntry,
  imageId: string | null,
): Saga<ShelveMessage, ShelveOutputs> {
  const stop: Saga<ShelveMessage, ShelveOutputs>['steps'][number] = {
    name: 'guest.stop',
    needs: [],
    deadlineMs: deps.config.shutdownGraceMs + 30_000,
    do: async ({ evidence }) => {
      const { state } = await deps.hypervisor.serverState(entry.id);
      // One that stands still writes nothing: it is ended once nothing can fail any more.
      if (state !== 'running') return { stopped: false };
      const graceMs = deps.config.shutdownGraceMs;
      evidence({ ended_by: await deps.hypervisor.stopServer(entry.id, { graceMs }) });
      await deps.hypervisor.destroyServer(entry.id);
      return { stopped: true };
    },
    undo: async () => {
      if (entry.vm_state === 'active') await powerOn(deps, entry, { anew: false });
    },
  };
  const snapshot: Saga<ShelveMessage, ShelveOutputs>['steps'][number] = {
    name: 'image.snapshot',
    needs: ['guest.stop'],
    deadlineMs: COPY_DEADLINE_MS,
    do: async (context) => ({ bytes: await upload(deps, entry, context) }),
    undo: async () => {
      const token = await deps.serviceToken();
      if (imageId !== null && (await deps.image.findImage(token, imageId)))
        await deps.image.deleteImage(token, imageId);
    },
  };
  return { name: 'shelve-server', steps: imageId === null ? [stop] : [stop, snapshot] };
}

/** @returns null when an earlier run had uploaded all of it */
async function upload(
  deps: HostDeps,
  entry: InstanceEntry,
  { input, signal, evidence, waitingFor }: StepContext<ShelveMessage, ShelveOutputs>,
): Promise<number | null> {
  const { image_id, user_token } = input;
  if (image_id === null) return null;
  const serviceToken = await deps.serviceToken();
  if ((await deps.image.findImage(serviceToken, image_id))?.status === 'active') return null;
  const ref = { action_id: input.action_id, instance_id: entry.id };
  await deps.conductor.call('publishTaskState', { ...ref, task_state: 'shelving_image_pending_upload' });
  waitingFor('the copy of the root disk');
  await using copy = await deps.rootDisks.copy(entry.id, image_id, async (act) => act());
  await deps.conductor.call('publishTaskState', { ...ref, task_state: 'shelving_image_uploading' });
  waitingFor(`the upload of ${copy.size} bytes`);
  await deps.image.uploadData(user_token, image_id, copy.stream, { serviceToken, signal, size: copy.size });
  evidence({ image_id, bytes: copy.size });
  return copy.size;
}

export async function shelveServer(deps: HostDeps, message: ShelveMessage): Promise<void> {
  const { action_id, instance_id, image_id, offload } = message;
  await runAction(deps, message, {
    saga: (entry) => shelveServerSaga(deps, entry, image_id),
    result: async (_outputs, entry) => {
      const now = (await deps.conductor.call('getEntry', { instance_id })) ?? entry;
      const noted = changedSystemMetadata(now, {
        shelved_image_id: image_id ?? undefined,
        shelved_at: new Date(deps.clock.now()).toISOString(),
        shelved_host: deps.config.host,
      });
      const shelved = { vm_state: 'shelved', power_state: POWER_STATE.shutdown } as const;
      if (!offload) {
        await deps.hypervisor.destroyServer(entry.id);
        return { ...shelved, changes: noted };
      }
      const changes = { ...shelved, ...noted, task_state: 'shelving_offloading' } as const;
      await deps.conductor.call('changeEntry', { action_id, instance_id, changes });
      await offloadServer(deps, message);
      return undefined;
    },
    failedState: { vm_state: 'error', power_state: POWER_STATE.nostate },
  });
}

interface OffloadOutputs {
  'guest.destroy': { readonly destroyed: true };
  'network.unplug': { readonly devices: readonly string[] };
  'network.unbind': { readonly ports: readonly string[] };
  'volume.reserve': { readonly volumes: ReadonlyArray<string | null> };
  'disk.remove': { readonly removed: true };
}

/** No step has an undo: what the server was is in its image and on its volumes. */
export function offloadServerSaga(deps: HostDeps): Saga<ActionRef, OffloadOutputs> {
  return {
    name: 'offload-server',
    steps: [
      {
        name: 'guest.destroy',
        needs: [],
        deadlineMs: 60_000,
        do: async ({ input }) => {
          await deps.hypervisor.destroyServer(input.instance_id);
          return { destroyed: true };
        },
      },
      {
        name: 'network.unplug',
        needs: ['guest.destroy'],
        deadlineMs: 30_000,
        do: async ({ input, evidence }) => {
          const devices = await unplugAll(deps.hostSwitch, input.instance_id);
          deps.metadata.forget(input.instance_id);
          evidence({ devices });
          return { devices };
        },
      },
      {
        name: 'network.unbind',
        needs: ['network.unplug'],
        deadlineMs: 60_000,
        do: async ({ input, evidence }) => {
          const ports = await bindPortsTo(deps, input.instance_id, '');
          evidence({ ports });
          return { ports };
        },
      },
      {
        name: 'volume.reserve',
        needs: ['guest.destroy'],
        deadlineMs: 60_000,
        do: async ({ input, evidence }) => {
          const entry = await deps.conductor.call('getEntry', { instance_id: input.instance_id });
          const reserved = await reserveVolumesAgain(deps, entry?.devices ?? []);
          const volumes = reserved.map((device) => device.volume_id);
          evidence({ volumes });
          return { volumes };
        },
      },
      {
        name: 'disk.remove',
        needs: ['guest.destroy'],
        deadlineMs: 60_000,
        do: async ({ input }) => {
          await deps.rootDisks.remove(input.instance_id);
          await removeInstanceFiles(deps.config, input.instance_id);
          return { removed: true };
        },
      },
    ],
  };
}

/** @throws what failed: the message is then delivered again, until the action's time is over. */
export async function offloadServer(deps: HostDeps, message: ActionRef): Promise<void> {
  const ref = { action_id: message.action_id, instance_id: message.instance_id };
  const loaded = await deps.conductor.call('loadEntry', ref);
  if (loaded.kind !== 'go') return;
  const outcome = await runSaga(
    offloadServerSaga(deps),
    sagaRun(deps, ref, { attempt: await nextAttempt(deps, ref.action_id) }),
  );
  if (outcome.kind === 'undone') throw outcome.cause;
  await deps.conductor.call('finishOffload', ref);
}

/** Brings back a server that was shelved and is still on its host. */
export async function startShelvedServer(deps: HostDeps, message: ActionRef): Promise<void> {
  await runOperation(deps, message, {
    step: 'guest.start',
    deadlineMs: deps.config.spawnDeadlineMs,
    do: async (entry, { evidence }) => {
      await powerOn(deps, entry, { anew: true });
      evidence({ image_deleted: await removeShelvedImage(deps, entry) });
      return {
        vm_state: 'active',
        power_state: POWER_STATE.running,
        changes: changedSystemMetadata(entry, NOT_SHELVED),
      };
    },
  });
}

export const NOT_SHELVED = {
  shelved_image_id: undefined,
  shelved_at: undefined,
  shelved_host: undefined,
} as const;
