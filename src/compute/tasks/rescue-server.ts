// Rescuing a server and ending that: the guest boots a disk made from an image, with its own root disk beside it. Nothing of
// its own disks is touched.
import { rm } from 'node:fs/promises';
import type { Saga, StepContext } from '#platform/saga/saga.ts';
import { powerOn } from '../host/power-on.ts';
import type { HostDeps } from '../host/deps.ts';
import { writeInstanceConfigDrive } from '../host/metadata/config-drive.ts';
import { instancePaths } from '../host/paths.ts';
import { makeRescueDisk } from '../host/root-disk/make.ts';
import { runAction } from '../host/run-action.ts';
import type { ActionRef, AgentRpc, InstanceEntry } from '../rpc.ts';
import { changedSystemMetadata, rescueOf, type Rescue } from '../system-metadata.ts';
import { POWER_STATE, type Vif } from '../tables.ts';
import { locate } from './launch/image.ts';

type RescueMessage = Parameters<AgentRpc['rescueServer']>[0];

interface RescueOutputs {
  'rescue.disk': { readonly at: string };
  'guest.stop': { readonly stopped: true };
  'guest.rescue': { readonly running: true };
}

export function rescueServerSaga(deps: HostDeps, entry: InstanceEntry): Saga<RescueMessage, RescueOutputs> {
  return {
    name: 'rescue-server',
    steps: [
      {
        name: 'rescue.disk',
        needs: [],
        deadlineMs: deps.config.imageDeadlineMs,
        do: async (context) => ({ at: await makeDisk(deps, entry, context) }),
        undo: async () => removeRescueDisk(deps, entry.id),
      },
      {
        name: 'guest.stop',
        needs: ['rescue.disk'],
        deadlineMs: deps.config.shutdownGraceMs + 30_000,
        do: async ({ evidence }) => {
          const { state } = await deps.hypervisor.serverState(entry.id);
          if (state === 'running') {
            const graceMs = deps.config.shutdownGraceMs;
            evidence({ ended_by: await deps.hypervisor.stopServer(entry.id, { graceMs }) });
          }
          await deps.hypervisor.destroyServer(entry.id);
          return { stopped: true };
        },
        undo: async () => {
          if (entry.vm_state === 'active') await powerOn(deps, entry, { anew: false });
        },
      },
      {
        name: 'guest.rescue',
        needs: ['guest.stop'],
        volatile: true,
        deadlineMs: deps.config.spawnDeadlineMs,
        do: async ({ input, evidence }) => {
          await powerOn(deps, entry, { anew: true, rescue: input.rescue });
          const disks = await deps.hypervisor.listDisks(entry.id);
          evidence({
            stable: input.rescue.stable,
            disks: disks.map(({ target, device }) => ({ target, device })),
          });
          return { running: true };
        },
        undo: async () => deps.hypervisor.destroyServer(entry.id),
      },
    ],
  };
}

async function makeDisk(
  deps: HostDeps,
  entry: InstanceEntry,
  { input, evidence, signal, waitingFor }: StepContext<RescueMessage, RescueOutputs>,
): Promise<string> {
  const { user_token, rescue } = input;
  const image = await locate(deps, rescue.image_id, user_token);
  waitingFor(`image ${image.id} (${image.size} bytes)`);
  const service = await deps.serviceToken();
  const made = await makeRescueDisk(deps, entry, image, {
    load: async () =>
      deps.imageCache.load(
        image,
        image.location,
        async () => deps.image.openData(user_token, image.id, service),
        signal,
      ),
  });
  waitingFor(null);
  if (entry.config_drive === 1)
    await writeInstanceConfigDrive(deps, input, JSON.parse(entry.vifs_json) as Vif[], 'rescueDrive');
  evidence({ image_id: image.id, cache_hit: made.base?.hit ?? null, bytes_copied: made.bytesCopied });
  return made.at;
}

async function removeRescueDisk(deps: HostDeps, instanceId: string): Promise<void> {
  await deps.rootDisks.rescue.remove(instanceId);
  await rm(instancePaths(deps.config, instanceId).rescueDrive, { force: true });
}

export async function rescueServer(deps: HostDeps, message: RescueMessage): Promise<void> {
  await runAction(deps, message, {
    saga: (entry) => rescueServerSaga(deps, entry),
    result: async (_outputs, entry) => ({
      vm_state: 'rescued',
      power_state: POWER_STATE.running,
      changes: await noted(deps, entry, message.rescue),
    }),
    failedState: { vm_state: 'error', power_state: POWER_STATE.nostate },
  });
}

/** Of the entry as it is now: others may have noted something since. */
async function noted(deps: HostDeps, entry: InstanceEntry, rescue: Rescue | undefined) {
  const now = await deps.conductor.call('getEntry', { instance_id: entry.id });
  return changedSystemMetadata(now ?? entry, { rescue: rescue && JSON.stringify(rescue) });
}

interface UnrescueOutputs {
  'guest.restore': { readonly running: true };
  'rescue.remove': { readonly removed: true };
}

export function unrescueServerSaga(deps: HostDeps, entry: InstanceEntry): Saga<ActionRef, UnrescueOutputs> {
  return {
    name: 'unrescue-server',
    steps: [
      {
        name: 'guest.restore',
        needs: [],
        volatile: true,
        deadlineMs: deps.config.spawnDeadlineMs,
        do: async () => {
          await powerOn(deps, entry, { anew: true });
          return { running: true };
        },
        undo: async () => powerOn(deps, entry, { anew: true, rescue: rescueOf(entry) }),
      },
      {
        name: 'rescue.remove',
        needs: ['guest.restore'],
        deadlineMs: 60_000,
        do: async () => {
          await removeRescueDisk(deps, entry.id);
          return { removed: true };
        },
        // The last step, and of a disk from which nothing is wanted any more: the guest is on its own again.
      },
    ],
  };
}

export async function unrescueServer(deps: HostDeps, message: ActionRef): Promise<void> {
  await runAction(deps, message, {
    saga: (entry) => unrescueServerSaga(deps, entry),
    result: async (_outputs, entry) => ({
      vm_state: 'active',
      power_state: POWER_STATE.running,
      changes: await noted(deps, entry, undefined),
    }),
    failedState: { vm_state: 'error', power_state: POWER_STATE.nostate },
  });
}
