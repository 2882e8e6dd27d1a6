// Attaching and detaching a volume: its connection to this host, and the disk in a running guest. A guest that does not run
// gets it, or lacks it, when it is made next.
import { DomainError } from '#platform/errors/domain-error.ts';
import { endAttachments, releaseVolumes } from '../block-devices/release.ts';
import { serialOf, targetOf } from '../block-devices/names.ts';
import type { HostDeps } from '../host/deps.ts';
import { HostError } from '../host/errors.ts';
import { runOperation, type OperationResult } from '../host/run-operation.ts';
import { completeVolumes, connectVolume } from '../host/volumes/connect.ts';
import { maskedConnection } from '../host/volumes/connection.ts';
import { volumeDisk } from '../host/volumes/disk.ts';
import { withVolumeSecrets } from '../host/volumes/secrets.ts';
import type { AgentRpc, InstanceEntry } from '../rpc.ts';
import type { BlockDeviceRow } from '../tables.ts';

const asItWas = (entry: InstanceEntry): OperationResult => ({
  vm_state: entry.vm_state,
  power_state: entry.power_state as OperationResult['power_state'],
});

export async function attachVolume(
  deps: HostDeps,
  message: Parameters<AgentRpc['attachVolume']>[0],
): Promise<void> {
  await runOperation(deps, message, {
    step: 'volume.attach',
    deadlineMs: 120_000,
    do: async (entry, { evidence }) => {
      const device = deviceOf(entry, message.device_id);
      const serviceToken = await deps.serviceToken();
      const connected = await connectVolume(deps, device, { token: message.user_token, serviceToken });
      const plugged = await hotPlug(deps, entry, connected);
      await completeVolumes(deps, [connected]);
      evidence({
        volume_id: device.volume_id,
        attachment_id: connected.attachment_id,
        target: targetOf(device.device_name),
        serial: serialOf(device.volume_id ?? ''),
        plugged,
        connections: [maskedConnection(connected.connection_json)],
      });
      return asItWas(entry);
    },
    undo: async (entry) => {
      const device = entry.devices.find((each) => each.id === message.device_id);
      if (!device) return;
      await unplug(deps, entry.id, device, AbortSignal.timeout(UNPLUG_MS));
      await endAttachments(deps, entry.id, device.volume_id ?? '');
      await deps.conductor.call('removeDevice', { device_id: device.id });
    },
  });
}

export async function detachVolume(
  deps: HostDeps,
  message: Parameters<AgentRpc['detachVolume']>[0],
): Promise<void> {
  await runOperation(deps, message, {
    step: 'volume.detach',
    deadlineMs: 110_000,
    do: async (entry, { evidence, signal, waitingFor }) => {
      const device = entry.devices.find((each) => each.id === message.device_id);
      if (!device) return asItWas(entry); // an earlier run came this far
      waitingFor('the guest to let go of the disk');
      try {
        await unplug(deps, entry.id, device, signal);
      } catch (error) {
        // The guest still has it, so it is still attached.
        await deps.volume
          .rollDetaching(message.user_token, device.volume_id ?? '', await deps.serviceToken())
          .catch(() => undefined);
        throw error;
      }
      waitingFor(null);
      const released = await releaseVolumes(deps, [{ ...device, delete_on_termination: 0 }], true);
      await deps.conductor.call('removeDevice', { device_id: device.id });
      evidence({ volume_id: device.volume_id, target: targetOf(device.device_name), ...released });
      return asItWas(entry);
    },
  });
}

function deviceOf(entry: InstanceEntry, id: string): BlockDeviceRow {
  const device = entry.devices.find((each) => each.id === id);
  if (device) return device;
  throw new DomainError('conflict', 'no-such-device', 'The disk is not the server’s any more.');
}

const RUNS: ReadonlySet<string> = new Set(['running', 'paused']);

async function hasDisk(deps: HostDeps, instanceId: string, target: string): Promise<boolean> {
  return (await deps.hypervisor.listDisks(instanceId)).some((disk) => disk.target === target);
}

/** @returns false when there is no guest that could have it now */
async function hotPlug(deps: HostDeps, entry: InstanceEntry, device: BlockDeviceRow): Promise<boolean> {
  const { state } = await deps.hypervisor.serverState(entry.id);
  if (!RUNS.has(state)) return false;
  const image = JSON.parse(entry.image_json) as Record<string, string>;
  const disk = volumeDisk(device, image['hw_disk_bus']);
  if (!(await hasDisk(deps, entry.id, disk.target)))
    await withVolumeSecrets(deps, [device], async () => deps.hypervisor.attachDisk(entry.id, disk));
  return true;
}

const UNPLUG_MS = 30_000;
const ASK_AGAIN_MS = 1000; // a guest that boots does not hear the first request

/** Asks until the guest lets go. @throws HostError when it does not within 30 s: what it has mounted is not torn from it */
async function unplug(
  deps: HostDeps,
  instanceId: string,
  device: BlockDeviceRow,
  signal: AbortSignal,
): Promise<void> {
  const target = targetOf(device.device_name);
  const end = deps.clock.now() + UNPLUG_MS;
  for (;;) {
    const { state } = await deps.hypervisor.serverState(instanceId);
    if (!RUNS.has(state) || !(await hasDisk(deps, instanceId, target))) return;
    if ((await deps.hypervisor.detachDisk(instanceId, target)) === 'removed') return;
    if (deps.clock.now() >= end)
      throw new HostError(
        'timeout',
        'guest-keeps-disk',
        `The guest did not let go of ${device.device_name} within ${UNPLUG_MS / 1000} s: unmount it there and try again.`,
        { retriable: false },
      );
    await deps.clock.sleep(ASK_AGAIN_MS, signal);
  }
}
