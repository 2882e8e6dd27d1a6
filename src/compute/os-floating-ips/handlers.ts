// Floating IPs in compute's old words: each call is one on the network service, with the caller's token.
import type { FloatingIp, Network } from '#platform/clients/network.ts';
import { DomainError } from '#platform/errors/domain-error.ts';
import { Reply, type Call } from '#platform/http/api.ts';
import type { ComputeDeps } from '#compute/deps.ts';
import { NotFound } from '#compute/errors.ts';

const tokenOf = (call: Call): string => call.token ?? '';

const poolsOf = async (call: Call, { network }: ComputeDeps): Promise<Network[]> =>
  network.listNetworks(tokenOf(call), { 'router:external': 'true' });

/** Pools are shown by the name of their network, servers by the port that an address is on. */
async function views(call: Call, deps: ComputeDeps, floating: readonly FloatingIp[]): Promise<unknown[]> {
  if (floating.length === 0) return [];
  const pools = new Map((await poolsOf(call, deps)).map(({ id, name }) => [id, name]));
  const id = floating.flatMap(({ port_id }) => port_id ?? []);
  const ports = id.length === 0 ? [] : await deps.network.listPorts(tokenOf(call), { id });
  const servers = new Map(
    ports
      .filter(({ device_owner }) => device_owner.startsWith('compute:'))
      .map((port) => [port.id, port.device_id]),
  );
  return floating.map((each) => ({
    id: each.id,
    ip: each.floating_ip_address,
    pool: pools.get(each.floating_network_id) ?? each.floating_network_id,
    fixed_ip: each.fixed_ip_address,
    instance_id: servers.get(each.port_id ?? '') ?? null,
  }));
}

/** Those of the caller's project, an administrator's too. */
export async function listAll(call: Call, deps: ComputeDeps): Promise<unknown> {
  const filter = { project_id: call.principal.projectId ?? '' };
  return { floating_ips: await views(call, deps, await deps.network.listFloatingIps(tokenOf(call), filter)) };
}

async function requireFloatingIp(call: Call, { network }: ComputeDeps): Promise<FloatingIp> {
  const id = call.params['id'] ?? '';
  const [floating] = await network.listFloatingIps(tokenOf(call), { id });
  if (!floating)
    throw new NotFound(`Floating IP not found for ID ${id.slice(0, 255)}`, 'floating-ip-not-found');
  return floating;
}

export async function show(call: Call, deps: ComputeDeps): Promise<unknown> {
  const [view] = await views(call, deps, [await requireFloatingIp(call, deps)]);
  return { floating_ip: view };
}

/** Of the pool of that name or id; when null, of the first one. */
export async function create(call: Call, deps: ComputeDeps): Promise<unknown> {
  const { pool } = call.body as { readonly pool: string | null };
  const pools = await poolsOf(call, deps);
  const found = pools.find(({ id, name }) => (pool ?? name) === name || pool === id);
  if (!found) throw new NotFound('Floating IP pool not found.', 'no-such-pool');
  const made = await allocate(async () =>
    deps.network.createFloatingIp(tokenOf(call), { floating_network_id: found.id }),
  );
  const [view] = await views(call, deps, [made]);
  return { floating_ip: view };
}

export async function remove(call: Call, deps: ComputeDeps): Promise<Reply> {
  const { id } = await requireFloatingIp(call, deps);
  await deps.network.deleteFloatingIp(tokenOf(call), id);
  return new Reply(202);
}

export async function listPools(call: Call, deps: ComputeDeps): Promise<unknown> {
  return { floating_ip_pools: (await poolsOf(call, deps)).map(({ name }) => ({ name })) };
}

/** Compute answered 403 for a quota and 404 for a pool that is empty, where the network service answers 409. */
async function allocate<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof DomainError) || error.kind !== 'conflict') throw error;
    if (/[Qq]uota/.test(error.message)) throw new DomainError('over-limit', 'quota-exceeded', error.message);
    throw new NotFound(error.message, 'pool-empty');
  }
}
