// A volume has grown: the guest that has it is told the new size. Others learn it when they start.
import { targetOf } from '../block-devices/names.ts';
import type { HostDeps } from '../host/deps.ts';
import { runOperation } from '../host/run-operation.ts';
import { connectVolume, ownTokens } from '../host/volumes/connect.ts';
import type { AgentRpc } from '../rpc.ts';
import type { PowerState } from '../tables.ts';

const GIB = 2 ** 30;

export async function extendVolume(
  deps: HostDeps,
  message: Parameters<AgentRpc['extendVolume']>[0],
): Promise<void> {
  await runOperation(deps, message, {
    step: 'compute_extend_volume', // by this name clients wait for its end
    deadlineMs: 60_000,
    do: async (entry, { evidence }) => {
      const device = entry.devices.find((each) => each.id === message.device_id);
      const volume = await deps.volume.findVolume(await deps.serviceToken(), message.volume_id);
      const { state } = await deps.hypervisor.serverState(entry.id);
      if (device && volume) {
        const bytes = volume.size * GIB;
        // The connection says the size too; asked again it is the new one.
        await connectVolume(deps, device, await ownTokens(deps));
        await deps.conductor.call('writeDevice', {
          device_id: device.id,
          changes: { volume_size: volume.size },
        });
        const running = state === 'running' || state === 'paused';
        if (running) await deps.hypervisor.resizeDisk(entry.id, targetOf(device.device_name), bytes);
        evidence({ volume_id: volume.id, bytes, target: targetOf(device.device_name), told_guest: running });
      }
      return { vm_state: entry.vm_state, power_state: entry.power_state as PowerState };
    },
  });
}
