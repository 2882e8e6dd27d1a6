// Are the networks, ports and security groups of a request there and free to use? Nothing is made or changed here.
import type { Call } from '#platform/http/api.ts';
import type { Network, Port } from '#platform/clients/network.ts';
import { DomainError } from '#platform/errors/domain-error.ts';
import type { ComputeDeps } from '#compute/deps.ts';
import { Conflict, Forbidden, InvalidInput } from '#compute/errors.ts';
import type { NetworkRequest, RequestedNetwork } from '#compute/tables.ts';
import { tokenOf } from './check-image.ts';
import type { LaunchRequest } from './launch-request.ts';

/**
 * The request with `auto` and silence resolved to the project's one network; `auto` again where one is to be made for it.
 * @throws DomainError 400, 403, 409
 */
export async function checkNetworks(
  call: Call,
  deps: ComputeDeps,
  wanted: LaunchRequest['networks'],
): Promise<NetworkRequest | 'auto'> {
  if (wanted === 'none') return 'none';
  if (wanted === 'auto' || wanted === 'unsaid') return onlyNetwork(call, deps, wanted);
  const networkIds = wanted.flatMap((item) => (item.kind === 'network' ? [item.network_id] : []));
  const portIds = wanted.flatMap((item) => (item.kind === 'port' ? [item.port_id] : []));
  const [networks, ports] = await Promise.all([
    networkIds.length > 0 ? deps.network.listNetworks(tokenOf(call), { id: [...new Set(networkIds)] }) : [],
    portIds.length > 0 ? deps.network.listPorts(tokenOf(call), { id: portIds }) : [],
  ]);
  for (const item of wanted) {
    if (item.kind === 'network') requireNetwork(call, networks, item);
    else requireFreePort(ports, item.port_id);
  }
  for (const item of wanted) if (item.kind === 'network') await requireFreeAddress(call, deps, item);
  return wanted;
}

/** Of an address that another port has the creator hears at once, not when the launch comes to its ports. */
async function requireFreeAddress(
  call: Call,
  deps: ComputeDeps,
  { network_id, fixed_ip }: Extract<RequestedNetwork, { kind: 'network' }>,
): Promise<void> {
  if (fixed_ip === undefined) return;
  const [port] = await deps.network.listPorts(tokenOf(call), {
    network_id,
    fixed_ips: `ip_address=${fixed_ip}`,
  });
  if (port)
    throw new InvalidInput(
      `Fixed IP address ${fixed_ip} is already in use on instance ${port.device_id}.`,
      'fixed-ip-in-use',
    );
}

/** Upstream's rule: own networks first, else shared ones; exactly one, or the request must say. */
async function onlyNetwork(
  call: Call,
  deps: ComputeDeps,
  wanted: 'auto' | 'unsaid',
): Promise<NetworkRequest | 'auto'> {
  const { projectId } = call.principal;
  const visible = (await deps.network.listNetworks(tokenOf(call), {})).filter(
    (network) => !network['router:external'] && (network.project_id === projectId || network.shared),
  );
  const usable = visible.filter((network) => network.subnets.length > 0);
  const [network, ...others] = wanted === 'auto' ? usable : visible;
  if (others.length > 0)
    throw new Conflict(
      'Multiple possible networks found, use a Network ID to be more specific.',
      'network-ambiguous',
    );
  if (network) return [{ kind: 'network', network_id: network.id }];
  if (wanted === 'unsaid') return 'none';
  await autoAllocate(call, deps, { dryRun: true });
  return 'auto';
}

/** Makes the network that `checkNetworks` found could be made; a project has it once. */
export async function madeNetwork(
  call: Call,
  deps: ComputeDeps,
  checked: NetworkRequest | 'auto',
): Promise<NetworkRequest> {
  if (checked !== 'auto') return checked;
  return [{ kind: 'network', network_id: await autoAllocate(call, deps, { dryRun: false }) }];
}

async function autoAllocate(
  call: Call,
  { network }: ComputeDeps,
  wanted: { readonly dryRun: boolean },
): Promise<string> {
  const { projectId = '' } = call.principal;
  return network.autoAllocateNetwork(tokenOf(call), projectId, wanted).catch((cause: unknown) => {
    if (!(cause instanceof DomainError)) throw cause;
    throw new InvalidInput(
      `Unable to automatically allocate a network for project ${projectId}: ${cause.message}`,
      'network-not-allocated',
    );
  });
}

function requireNetwork(
  call: Call,
  networks: readonly Network[],
  item: Extract<RequestedNetwork, { kind: 'network' }>,
): void {
  const network = networks.find((each) => each.id === item.network_id);
  if (!network) throw new InvalidInput(`Network ${item.network_id} could not be found.`, 'network-not-found');
  if (network.subnets.length === 0)
    throw new InvalidInput(`Network ${network.id} requires a subnet in order to boot instances on.`);
  const foreign = network.project_id !== call.principal.projectId && !network.shared;
  if (
    network['router:external'] &&
    foreign &&
    !call.allows('os_compute_api:servers:network:attach_external_network')
  ) {
    throw new Forbidden(`It is not allowed to create an interface on external network ${network.id}`);
  }
}

export function requireFreePort(ports: readonly Port[], id: string): Port {
  const port = ports.find((each) => each.id === id);
  if (!port) throw new InvalidInput(`Port id ${id} could not be found.`, 'port-not-found');
  // A subport is reached through its parent alone: a server would wait for it in vain.
  if (port.device_id !== '' || port.device_owner === 'trunk:subport')
    throw new Conflict(`Port ${id} is still in use.`, 'port-in-use');
  if (port.fixed_ips.length === 0)
    throw new InvalidInput(`Port ${id} requires a FixedIP in order to be used.`, 'port-without-address');
  return port;
}

/** @throws InvalidInput for an unknown group, Conflict for a name that two groups have. */
export async function checkSecurityGroups(
  call: Call,
  deps: ComputeDeps,
  names: readonly string[],
): Promise<void> {
  const asked = names.filter((name) => name !== 'default'); // made with the project's first port at the latest
  if (asked.length === 0) return;
  const { projectId = '' } = call.principal;
  const groups = await deps.network.listSecurityGroups(tokenOf(call), { project_id: [projectId] });
  for (const name of asked) {
    if (groups.some((group) => group.id === name)) continue;
    const named = groups.filter((group) => group.name === name);
    if (named.length === 0)
      throw new InvalidInput(
        `Security group ${name} not found for project ${projectId}.`,
        'security-group-not-found',
      );
    if (named.length > 1)
      throw new Conflict(`Multiple security groups found matching '${name}'. Use an ID to be more specific.`);
  }
}
