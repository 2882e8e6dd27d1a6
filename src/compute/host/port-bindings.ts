// Binds the ports that a server has to a host, or to none: for servers that leave a host and come back on another with the
// same ports and addresses. May be repeated.
import type { Port } from '#platform/clients/network.ts';
import { DomainError } from '#platform/errors/domain-error.ts';
import type { InstanceEntry } from '../rpc.ts';
import type { Vif } from '../tables.ts';
import type { HostDeps } from './deps.ts';
import { profileOn } from './port-allocations.ts';
import { describeVifs } from './vifs.ts';

/** Binds them here. @returns the interfaces as they are now; a port that was deleted meanwhile is left out */
export async function bindPorts(deps: HostDeps, entry: InstanceEntry): Promise<Vif[]> {
  const token = await deps.serviceToken();
  const known = JSON.parse(entry.vifs_json) as Vif[];
  const there = await deps.network.listPorts(token, { device_id: entry.id });
  const ports = await Promise.all(
    known
      .flatMap((vif) => there.find((port) => port.id === vif.port_id) ?? [])
      .map(async (port) =>
        deps.network.updatePort(token, port.id, {
          device_id: entry.id,
          device_owner: `compute:${entry.availability_zone ?? 'nova'}`,
          'binding:host_id': deps.config.host,
          ...(await profileOn(deps, entry.id, deps.config.host, port)),
        }),
      ),
  );
  return describeVifs(deps.network, token, ports, {
    owned: new Set(known.filter((vif) => vif.owned).map((vif) => vif.port_id)),
    tags: new Map(known.flatMap((vif) => (vif.tag === undefined ? [] : [[vif.port_id, vif.tag] as const]))),
  });
}

type Ports = Pick<HostDeps, 'network' | 'serviceToken' | 'conductor'>;

async function eachPort(
  { network, serviceToken }: Ports,
  instanceId: string,
  act: (token: string, port: Port) => Promise<void>,
): Promise<string[]> {
  const token = await serviceToken();
  const ports = await network.listPorts(token, { device_id: instanceId });
  await Promise.all(ports.map(async (port) => act(token, port)));
  return ports.map((port) => port.id);
}

/** They stay the server's, and nothing else of them changes. `host` empty: none. @returns their ids */
export async function bindPortsTo(deps: Ports, instanceId: string, host: string): Promise<string[]> {
  return eachPort(
    deps,
    instanceId,
    async (token, port) =>
      void (await deps.network.updatePort(token, port.id, {
        'binding:host_id': host,
        ...(await profileOn(deps, instanceId, host, port)),
      })),
  );
}

/** A second host may plug them, while they go on working on the one that they are bound to. @returns their ids */
export async function prepareBindings(deps: Ports, instanceId: string, host: string): Promise<string[]> {
  return eachPort(deps, instanceId, async (token, port) => {
    const profile =
      (await profileOn(deps, instanceId, host, port))['binding:profile'] ?? port['binding:profile'];
    await deps.network.createBinding(token, port.id, { host, ...(profile ? { profile } : {}) });
  });
}

/** From now on they are bound to `host`, where they were prepared or not. @returns their ids */
export async function activateBindings(deps: Ports, instanceId: string, host: string): Promise<string[]> {
  return eachPort(deps, instanceId, async (token, port) => {
    if (port['binding:host_id'] === host) return;
    try {
      await deps.network.activateBinding(token, port.id, host);
    } catch (error) {
      if (!(error instanceof DomainError && error.kind === 'not-found')) throw error;
      await deps.network.updatePort(token, port.id, { 'binding:host_id': host });
    }
  });
}

/** `host` has them no more. Of those that are bound there, nothing happens. */
export async function removeBindings(deps: Ports, instanceId: string, host: string): Promise<void> {
  await eachPort(deps, instanceId, async (token, port) => {
    if (port['binding:host_id'] !== host) await deps.network.deleteBinding(token, port.id, host);
  });
}
