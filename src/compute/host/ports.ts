// The ports of an instance: made or taken for a launch, given back when it ends. Idempotent: what is there is found again.
import { DomainError } from '#platform/errors/domain-error.ts';
import type { Port } from '#platform/clients/network.ts';
import type { InstanceEntry } from '../rpc.ts';
import type { NetworkRequest, RequestedNetwork } from '../tables.ts';
import type { HostDeps } from './deps.ts';
import { profileOn, withoutAllocation } from './port-allocations.ts';
import type { VifFacts } from './vifs.ts';

/** Marks ports that compute made, so that only those are deleted with the instance. */
const OWNED = 'pileus:made-by-compute';

export interface ClaimedPorts extends VifFacts {
  readonly ports: readonly Port[];
}

/** Makes or takes one port for each requested network and binds it to this host. */
export async function claimPorts(
  deps: HostDeps,
  entry: InstanceEntry,
  userToken: string,
): Promise<ClaimedPorts> {
  const token = await deps.serviceToken();
  const request = JSON.parse(entry.networks_json) as NetworkRequest;
  const [wanted, existing] = await Promise.all([
    resolveRequest(deps, entry, request),
    deps.network.listPorts(token, { device_id: entry.id }),
  ]);
  const groups = await securityGroupIds(deps, entry, userToken);
  // A port that the request names is not the answer to a wish for another one on the same network.
  const named = new Set(wanted.flatMap((item) => (item.kind === 'port' ? [item.port_id] : [])));
  const unclaimed = existing.filter((port) => !named.has(port.id));
  const owned = new Set<string>();
  const tags = new Map<string, string>();
  const ports = await Promise.all(
    wanted.map(async (item) => {
      const port =
        item.kind === 'port'
          ? await takePort(deps, entry, item.port_id)
          : (reuse(unclaimed, item) ?? (await makePort(deps, entry, item, groups)));
      if (isOwned(port)) owned.add(port.id);
      if (item.tag !== undefined) tags.set(port.id, item.tag);
      return port;
    }),
  );
  return { ports, owned, tags };
}

function isOwned(port: Port): boolean {
  return port['binding:profile']?.[OWNED] === 'true';
}

/** A port that an earlier run of this step made for the same wish. */
function reuse(unclaimed: Port[], item: Extract<RequestedNetwork, { kind: 'network' }>): Port | undefined {
  const at = unclaimed.findIndex(
    (port) =>
      isOwned(port) &&
      port.network_id === item.network_id &&
      (!item.fixed_ip || port.fixed_ips.some((ip) => ip.ip_address === item.fixed_ip)),
  );
  return at < 0 ? undefined : unclaimed.splice(at, 1)[0];
}

async function resolveRequest(
  deps: HostDeps,
  entry: InstanceEntry,
  request: NetworkRequest,
): Promise<readonly RequestedNetwork[]> {
  if (request === 'none') return [];
  if (request !== 'auto') return request;
  const token = await deps.serviceToken();
  const networks = (await deps.network.listNetworks(token, { project_id: [entry.project_id] })).filter(
    (network) => !network['router:external'],
  );
  if (networks.length > 1)
    throw new DomainError(
      'conflict',
      'ambiguous-network',
      'Multiple possible networks found, use a network id to be more specific.',
    );
  return networks.map((network) => ({ kind: 'network', network_id: network.id }));
}

async function securityGroupIds(
  deps: HostDeps,
  entry: InstanceEntry,
  userToken: string,
): Promise<string[] | undefined> {
  const wanted = JSON.parse(entry.security_groups_json) as string[];
  if (wanted.length === 0 || (wanted.length === 1 && wanted[0] === 'default')) return undefined;
  const groups = await deps.network.listSecurityGroups(
    userToken,
    { project_id: [entry.project_id] },
    await deps.serviceToken(),
  );
  return wanted.map((name) => {
    const found = groups.find((group) => group.id === name) ?? groups.find((group) => group.name === name);
    if (!found)
      throw new DomainError(
        'not-found',
        'no-such-security-group',
        `Security group ${name} not found for project ${entry.project_id}.`,
      );
    return found.id;
  });
}

const bindingOf = (deps: HostDeps, entry: InstanceEntry) => ({
  device_id: entry.id,
  device_owner: `compute:${entry.availability_zone ?? 'nova'}`,
  'binding:host_id': deps.config.host,
});

async function makePort(
  deps: HostDeps,
  entry: InstanceEntry,
  item: Extract<RequestedNetwork, { kind: 'network' }>,
  groups: string[] | undefined,
): Promise<Port> {
  const token = await deps.serviceToken();
  const port = await deps.network.createPort(token, {
    network_id: item.network_id,
    project_id: entry.project_id,
    admin_state_up: true,
    ...bindingOf(deps, entry),
    'binding:profile': { [OWNED]: 'true' },
    dns_name: entry.hostname,
    ...(item.fixed_ip ? { fixed_ips: [{ ip_address: item.fixed_ip }] } : {}),
    ...(groups ? { security_groups: groups } : {}),
  });
  if (!port.resource_request) return port;
  // What it asks for was not known when the host was chosen.
  await deps.network.deletePort(token, port.id);
  throw new DomainError(
    'conflict',
    'network-with-minimum',
    `Using networks with a QoS policy that keeps bandwidth free is not supported for instance ${entry.id}: make a port on network ${item.network_id} and name that.`,
  );
}

async function takePort(deps: HostDeps, entry: InstanceEntry, portId: string): Promise<Port> {
  const token = await deps.serviceToken();
  const port = await deps.network.getPort(token, portId);
  if (port.device_id !== '' && port.device_id !== entry.id)
    throw new DomainError('conflict', 'port-in-use', `Port ${portId} is still in use.`);
  return deps.network.updatePort(token, portId, {
    ...bindingOf(deps, entry),
    ...(await profileOn(deps, entry.id, deps.config.host, port)),
  });
}

/** Deletes the instance's ports that compute made and unbinds the others. May be repeated. */
export async function releasePorts(
  deps: Pick<HostDeps, 'network' | 'serviceToken'>,
  instanceId: string,
  only?: string,
): Promise<string[]> {
  const token = await deps.serviceToken();
  const ports = (await deps.network.listPorts(token, { device_id: instanceId })).filter(
    (port) => only === undefined || port.id === only,
  );
  await Promise.all(
    ports.map(async (port) => {
      // The parent of a trunk cannot be deleted before the trunk, which is its owner's to keep.
      if (isOwned(port) && port.trunk_details === undefined) await deps.network.deletePort(token, port.id);
      else
        await deps.network.updatePort(token, port.id, {
          device_id: '',
          device_owner: '',
          'binding:host_id': '',
          ...(port['binding:profile']?.['allocation'] === undefined
            ? {}
            : { 'binding:profile': withoutAllocation(port) }),
        });
    }),
  );
  return ports.map((port) => port.id);
}
