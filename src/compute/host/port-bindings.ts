// Binds the ports that a server has to a host, or to none: for servers that leave a host and come back on another with the
// same ports and addresses. May be repeated.
import type { InstanceEntry } from '../rpc.ts';
import type { Vif } from '../tables.ts';
import type { HostDeps } from './deps.ts';
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
        }),
      ),
  );
  return describeVifs(deps.network, token, ports, {
    owned: new Set(known.filter((vif) => vif.owned).map((vif) => vif.port_id)),
    tags: new Map(known.flatMap((vif) => (vif.tag === undefined ? [] : [[vif.port_id, vif.tag] as const]))),
  });
}

/** They stay the server's, and nothing else of them changes. `host` empty: none. @returns their ids */
export async function bindPortsTo(
  { network, serviceToken }: Pick<HostDeps, 'network' | 'serviceToken'>,
  instanceId: string,
  host: string,
): Promise<string[]> {
  const token = await serviceToken();
  const ports = await network.listPorts(token, { device_id: instanceId });
  await Promise.all(
    ports.map(async (port) => network.updatePort(token, port.id, { 'binding:host_id': host })),
  );
  return ports.map((port) => port.id);
}
