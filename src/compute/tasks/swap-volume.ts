// Swapping a volume for another below a running guest: the new one is connected, filled with what the old one holds while the
// guest goes on, and takes its place; then the old one is free.
import { endAttachments } from '../block-devices/release.ts';
import { targetOf } from '../block-devices/names.ts';
import type { HostDeps } from '../host/deps.ts';
import { HostError } from '../host/errors.ts';
import { runOperation } from '../host/run-operation.ts';
import { completeVolumes, connectVolume } from '../host/volumes/connect.ts';
import { volumeDisk } from '../host/volumes/disk.ts';
import type { AgentRpc, InstanceEntry } from '../rpc.ts';
import type { BlockDeviceRow, PowerState } from '../tables.ts';

const COPY_DEADLINE_MS = 1_800_000;
const GIB = 2 ** 30;

type Message = Parameters<AgentRpc['swapVolume']>[0];

export async function swapVolume(deps: HostDeps, message: Message): Promise<void> {
  const { device_id, old_volume_id, replacement } = message;
  await runOperation(deps, message, {
    step: 'volume.swap',
    deadlineMs: COPY_DEADLINE_MS,
    do: async (entry, { evidence, signal, waitingFor }) => {
      const device = entry.devices.find((each) => each.id === device_id);
      if (!device)
        throw new HostError('conflict', 'no-such-device', 'The disk is not the server’s any more.', {
          retriable: false,
        });
      // Otherwise an earlier run came that far.
      if (device.volume_id === old_volume_id) {
        waitingFor(`the copy of volume ${old_volume_id} to volume ${replacement.volume_id}`);
        await putInPlace(deps, { entry, device, message, signal });
        waitingFor(null);
      }
      await finish(deps, entry, message);
      evidence({
        old_volume_id,
        volume_id: replacement.volume_id,
        target: targetOf(device.device_name),
        bytes: (device.volume_size ?? 0) * GIB,
      });
      return { vm_state: entry.vm_state, power_state: entry.power_state as PowerState };
    },
    undo: async () => {
      const now = await deps.conductor.call('getEntry', { instance_id: message.instance_id });
      const device = now?.devices.find((each) => each.id === device_id);
      if (device && device.volume_id === replacement.volume_id) return; // the guest is on it; the old one is freed later
      await endAttachments(deps, message.instance_id, replacement.volume_id ?? '');
      await deps.volume
        .rollDetaching(message.user_token, old_volume_id, await deps.serviceToken())
        .catch(() => undefined); // it is not attached any more, or is not being detached
      await deps.conductor.call('removeDevice', { device_id: replacement.id });
    },
  });
}

interface Swap {
  readonly entry: InstanceEntry;
  readonly device: BlockDeviceRow;
  readonly message: Message;
  readonly signal: AbortSignal;
}

async function runs({ hypervisor }: HostDeps, id: string): Promise<boolean> {
  const { state } = await hypervisor.serverState(id);
  return state === 'running' || state === 'paused';
}

async function putInPlace(deps: HostDeps, { entry, device, message, signal }: Swap): Promise<void> {
  if (!(await runs(deps, entry.id)))
    throw new HostError('conflict', 'not-running', `Server ${entry.id} does not run: its volume stays.`, {
      retriable: false,
    });
  const serviceToken = await deps.serviceToken();
  const { device_name } = device;
  const connected = await connectVolume(
    deps,
    { ...message.replacement, device_name },
    { token: message.user_token, serviceToken },
  );
  const image = JSON.parse(entry.image_json) as Record<string, string>;
  const { volume_size, connection_json, multiattach, volume_id } = connected;
  const disk = volumeDisk({ ...device, volume_id, connection_json, multiattach }, image['hw_disk_bus']);
  const larger = (volume_size ?? 0) > (device.volume_size ?? 0);
  await deps.hypervisor.replaceDisk(entry.id, disk, { larger, signal });
  // From here on there is no way back: the guest writes to the new one alone.
  await deps.conductor.call('exchangeDevices', { device_id: device.id, other_id: message.replacement.id });
}

/**
 * The guest is on the new volume by now: that it can't be told of the new size, as libvirt refuses for a disk that is only read,
 * is no reason to fail. It learns it when it is started anew.
 */
async function growDisk(deps: HostDeps, id: string, device: BlockDeviceRow): Promise<void> {
  if (!(await runs(deps, id))) return;
  const { hypervisor, log } = deps;
  const target = targetOf(device.device_name);
  const bytes = (device.volume_size ?? 0) * GIB;
  try {
    await hypervisor.resizeDisk(id, target, bytes);
  } catch (cause) {
    const disk = (await hypervisor.listDisks(id)).find((each) => each.target === target);
    if (disk?.bytes !== bytes) throw cause;
    log.warn({ err: cause, server_id: id, target }, 'the guest was not told of the size of a swapped disk');
  }
}

/** May be repeated. */
async function finish(deps: HostDeps, entry: InstanceEntry, message: Message): Promise<void> {
  const now = await deps.conductor.call('getEntry', { instance_id: entry.id });
  const device = now?.devices.find((each) => each.id === message.device_id);
  if (!device) return;
  await growDisk(deps, entry.id, device);
  await completeVolumes(deps, [device]);
  await endAttachments(deps, entry.id, message.old_volume_id);
  await deps.conductor.call('removeDevice', { device_id: message.replacement.id });
}
