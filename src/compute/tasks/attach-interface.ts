// Attaching and detaching a network interface: the port, its place on the switch, and the device in a running guest.
import { describeVifs } from '../host/vifs.ts';
import { plugAll } from '../host/power-on.ts';
import { claimPorts, releasePorts } from '../host/ports.ts';
import { runOperation, type OperationResult } from '../host/run-operation.ts';
import type { HostDeps } from '../host/deps.ts';
import type { AgentRpc, InstanceEntry } from '../rpc.ts';
import type { NetworkRequest, RequestedNetwork, Vif } from '../tables.ts';
import { DomainError } from '#platform/errors/domain-error.ts';

const vifsOf = (entry: InstanceEntry): Vif[] => JSON.parse(entry.vifs_json) as Vif[];
const asItWas = (entry: InstanceEntry): OperationResult => ({
  vm_state: entry.vm_state,
  power_state: entry.power_state as OperationResult['power_state'],
});

export async function attachInterface(
  deps: HostDeps,
  message: Parameters<AgentRpc['attachInterface']>[0],
): Promise<void> {
  await runOperation(deps, message, {
    step: 'interface.attach',
    deadlineMs: 120_000,
    do: async (entry, { evidence }) => {
      const before = vifsOf(entry);
      const wanted: RequestedNetwork = message.port_id
        ? { kind: 'port', port_id: message.port_id, ...(message.tag ? { tag: message.tag } : {}) }
        : {
            kind: 'network',
            network_id: message.network_id ?? '',
            ...(message.fixed_ip ? { fixed_ip: message.fixed_ip } : {}),
            ...(message.tag ? { tag: message.tag } : {}),
          };
      // Ports that the instance has already are no answer to this wish: ask for all of them together.
      const request: NetworkRequest = [
        ...before.map((vif): RequestedNetwork => ({
          kind: 'port',
          port_id: vif.port_id,
          ...(vif.tag ? { tag: vif.tag } : {}),
        })),
        wanted,
      ];
      const claimed = await claimPorts(
        deps,
        { ...entry, networks_json: JSON.stringify(request) },
        message.user_token,
      );
      const vifs = await describeVifs(deps.network, await deps.serviceToken(), claimed.ports, claimed);
      const added = vifs.at(-1);
      if (!added) throw new DomainError('not-found', 'no-port', 'There is no port to attach.');
      await plugAll(deps, entry.id, vifs);
      await hotPlug(deps, entry.id, added);
      await deps.conductor.call('writeVifs', { instance_id: entry.id, vifs });
      evidence({ port_id: added.port_id, mac: added.mac, device: added.devname });
      return asItWas(entry);
    },
    undo: async (entry) => removeInterfaces(deps, entry, vifsOf(entry)),
  });
}

async function hotPlug(deps: HostDeps, instanceId: string, vif: Vif): Promise<void> {
  const { state } = await deps.hypervisor.serverState(instanceId);
  if (state !== 'running' && state !== 'paused') return; // a stopped guest gets it when it starts
  const diagnostics = await deps.hypervisor.diagnostics(instanceId);
  if (diagnostics.interfaces.some((nic) => nic.tapName === vif.devname)) return;
  await deps.hypervisor.attachInterface(instanceId, {
    mac: vif.mac,
    mtu: vif.mtu,
    tapName: vif.devname,
    offloads: deps.hostSwitch.offloads,
  });
}

/** Gives back every port of the instance that is not in `keep`. */
async function removeInterfaces(deps: HostDeps, entry: InstanceEntry, keep: readonly Vif[]): Promise<void> {
  const kept = new Set(keep.map((vif) => vif.port_id));
  const ports = await deps.network.listPorts(await deps.serviceToken(), { device_id: entry.id });
  for (const port of ports.filter((each) => !kept.has(each.id))) {
    const plugged = (await deps.hostSwitch.listPlugged()).find((each) => each.portId === port.id);
    if (plugged) {
      await deps.hypervisor.detachInterface(entry.id, port.mac_address).catch(() => undefined); // the guest may not have it
      await deps.hostSwitch.unplug(plugged.devname);
    }
    await releasePorts(deps, entry.id, port.id);
    await deps.conductor.call('releasePortRequest', { instance_id: entry.id, port_id: port.id });
  }
  deps.metadata.register(entry.id, keep);
}

export async function detachInterface(
  deps: HostDeps,
  message: Parameters<AgentRpc['detachInterface']>[0],
): Promise<void> {
  await runOperation(deps, message, {
    step: 'compute_detach_interface', // by this name clients wait for its end
    deadlineMs: 120_000,
    do: async (entry, { evidence, signal, waitingFor }) => {
      const before = vifsOf(entry);
      const vif = before.find((each) => each.port_id === message.port_id);
      if (vif) {
        waitingFor('the guest to let go of the device');
        await coldOrHotUnplug(deps, entry.id, vif, signal);
        await deps.hostSwitch.unplug(vif.devname);
      }
      if (!message.keep_port) await releasePorts(deps, entry.id, message.port_id);
      const freed = { instance_id: entry.id, port_id: message.port_id };
      await deps.conductor.call('releasePortRequest', freed);
      const vifs = before.filter((each) => each.port_id !== message.port_id);
      deps.metadata.register(entry.id, vifs);
      await deps.conductor.call('writeVifs', { instance_id: entry.id, vifs });
      evidence({ port_id: message.port_id, device: vif?.devname ?? null });
      return asItWas(entry);
    },
  });
}

/** A guest that does not answer (still booting) is asked again; when it never does the tap is taken away all the same. */
async function coldOrHotUnplug(
  deps: HostDeps,
  instanceId: string,
  vif: Vif,
  signal: AbortSignal,
): Promise<void> {
  for (let attempt = 0; attempt < 8; attempt++) {
    const { state } = await deps.hypervisor.serverState(instanceId);
    if (state !== 'running' && state !== 'paused') return;
    const diagnostics = await deps.hypervisor.diagnostics(instanceId);
    if (!diagnostics.interfaces.some((nic) => nic.tapName === vif.devname)) return;
    if ((await deps.hypervisor.detachInterface(instanceId, vif.mac)) === 'removed') return;
    await deps.clock.sleep(1000, signal);
  }
}
