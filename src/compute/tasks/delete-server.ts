// Deleting a server, on its host: everything derived goes, then the conductor closes the entry and frees its claim.
// There is no way back and none is needed: each step may be repeated, and a failed run is delivered again until it ends.
import { runSaga } from '#platform/saga/run-saga.ts';
import type { Saga } from '#platform/saga/saga.ts';
import { causeChain } from '#platform/errors/domain-error.ts';
import { releaseVolumes, type Released } from '../block-devices/release.ts';
import type { HostDeps } from '../host/deps.ts';
import { sagaRun } from '../host/saga-run.ts';
import { nextAttempt } from '../host/next-attempt.ts';
import { removeInstanceFiles } from '../host/paths.ts';
import { releasePorts } from '../host/ports.ts';
import { removeShelvedImage } from '../host/shelved-image.ts';
import type { ActionRef } from '../rpc.ts';

interface DeleteOutputs {
  'guest.destroy': { readonly destroyed: true };
  'network.unplug': { readonly devices: readonly string[] };
  'network.release': { readonly ports: readonly string[] };
  'volume.release': { readonly attachments: readonly string[]; readonly deleted: readonly string[] };
  'disk.remove': { readonly removed: true };
}

export function deleteServerSaga(deps: HostDeps): Saga<ActionRef, DeleteOutputs> {
  const { hypervisor, hostSwitch, metadata, config } = deps;
  return {
    name: 'delete-server',
    steps: [
      {
        name: 'guest.destroy',
        needs: [],
        deadlineMs: 60_000,
        do: async ({ input }) => {
          await hypervisor.destroyServer(input.instance_id);
          return { destroyed: true };
        },
      },
      {
        name: 'network.unplug',
        needs: ['guest.destroy'],
        deadlineMs: 30_000,
        do: async ({ input, evidence }) => {
          const devices = await unplugAll(hostSwitch, input.instance_id);
          metadata.forget(input.instance_id);
          evidence({ devices });
          return { devices };
        },
      },
      {
        name: 'network.release',
        needs: [],
        deadlineMs: 60_000,
        do: async ({ input, evidence }) => {
          const ports = await releasePorts(deps, input.instance_id);
          evidence({ ports });
          return { ports };
        },
      },
      {
        name: 'volume.release',
        needs: ['guest.destroy'],
        deadlineMs: 60_000,
        do: async ({ input, evidence }) => {
          const released = await releaseEntryVolumes(deps, input.instance_id);
          if (released) evidence({ ...released });
          return { attachments: released?.attachments ?? [], deleted: released?.deleted ?? [] };
        },
      },
      {
        name: 'disk.remove',
        needs: ['guest.destroy'],
        deadlineMs: 60_000,
        do: async ({ input }) => {
          await deps.rootDisks.remove(input.instance_id);
          await deps.rootDisks.rescue.remove(input.instance_id);
          await removeInstanceFiles(config, input.instance_id);
          const entry = await deps.conductor.call('getEntry', { instance_id: input.instance_id });
          if (entry) await removeShelvedImage(deps, entry);
          return { removed: true };
        },
      },
    ],
  };
}

/**
 * Frees the volumes of the server. When the volume service is away the rows of the disks stay: a loop goes by them once the
 * server is gone. @returns undefined then
 */
async function releaseEntryVolumes(deps: HostDeps, instanceId: string): Promise<Released | undefined> {
  const entry = await deps.conductor.call('getEntry', { instance_id: instanceId });
  if (!entry || entry.devices.length === 0) return { attachments: [], deleted: [], kept: [] };
  try {
    const released = await releaseVolumes(deps, entry.devices, entry.launched_at !== null);
    for (const device of entry.devices) await deps.conductor.call('removeDevice', { device_id: device.id });
    return released;
  } catch (error) {
    deps.log.warn(
      { server_id: instanceId, causes: causeChain(error) },
      'volumes could not be released, the loop will',
    );
    return undefined;
  }
}

/** @throws what failed: the message is then delivered again. */
export async function deleteServer(deps: HostDeps, message: ActionRef): Promise<void> {
  const loaded = await deps.conductor.call('loadEntry', message);
  if (loaded.kind !== 'go') return;
  const outcome = await runSaga(
    deleteServerSaga(deps),
    sagaRun(deps, message, { attempt: await nextAttempt(deps, message.action_id) }),
  );
  if (outcome.kind === 'undone') throw outcome.cause;
  await deps.conductor.call('finishDelete', message);
}

export async function unplugAll(hostSwitch: HostDeps['hostSwitch'], instanceId: string): Promise<string[]> {
  const plugged = (await hostSwitch.listPlugged()).filter((port) => port.serverId === instanceId);
  await Promise.all(plugged.map(async (port) => hostSwitch.unplug(port.devname)));
  return plugged.map((port) => port.devname);
}

/** After a launch that was given up: the same removals, without an action of their own. */
export async function cleanUpServer(deps: HostDeps, message: ActionRef): Promise<void> {
  await deps.hypervisor.destroyServer(message.instance_id);
  await unplugAll(deps.hostSwitch, message.instance_id);
  deps.metadata.forget(message.instance_id);
  await releasePorts(deps, message.instance_id);
  await forgetLaunchedVolumes(deps, message.instance_id);
  await deps.rootDisks.remove(message.instance_id);
  await removeInstanceFiles(deps.config, message.instance_id);
}

/** What the launch made of volumes goes, what it had of others is given back; the disks stay the server's. */
async function forgetLaunchedVolumes(deps: HostDeps, instanceId: string): Promise<void> {
  const entry = await deps.conductor.call('getEntry', { instance_id: instanceId });
  if (!entry || entry.launched_at !== null) return;
  const kept = entry.devices.map((device) => ({ ...device, delete_on_termination: 0 }));
  await releaseVolumes(deps, kept, false);
  for (const device of entry.devices) {
    if (device.destination_type !== 'volume') continue;
    const made = device.source_type !== 'volume';
    await deps.conductor.call('writeDevice', {
      device_id: device.id,
      changes: {
        attachment_id: null,
        connection_json: null,
        ...(made ? { volume_id: null, made: 0 } : {}),
      },
    });
  }
}
