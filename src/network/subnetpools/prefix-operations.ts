// What changes the prefixes of a pool one by one: adding, removing, and taking the subnets of a network into the pool.
import { PolicyDenied } from '#platform/policy/enforcer.ts';
import { Reply, type Call } from '#platform/http/api.ts';
import type { SubnetPoolRow, SubnetRow } from '../tables.ts';
import { badRequest, notFound } from '../errors.ts';
import { overlaps, parseCidr, type Cidr } from '../ipam/address.ts';
import { findVisibleNetwork } from '../networks/store.ts';
import { northboundHeaders, type Crud, type Operation } from '../rest/crud.ts';
import type { NetworkDeps, Sql } from '../rest/deps.ts';
import { equals, selectRows, updateRow } from '../rest/select.ts';
import { compactPrefixes, parsePrefixes, subtractPrefixes } from './prefixes.ts';

type Pools = Crud<'subnetpools'>;

/** Sets the prefixes with all checks that a change of the pool has. */
export type SetPrefixes = (
  operation: Operation,
  row: SubnetPoolRow,
  prefixes: readonly string[],
) => Promise<SubnetPoolRow>;

const prefixesIn = (row: SubnetPoolRow): string[] => JSON.parse(row.prefixes) as string[];

/** The answer is what the pool has then, not wrapped. */
export function addPrefixes(pools: Pools, set: SetPrefixes) {
  return async (call: Call, deps: NetworkDeps): Promise<Reply> => {
    const wanted = (call.body as { prefixes: string[] }).prefixes;
    const done = await pools.change(call, deps, async (operation, row) => {
      call.enforce('add_prefixes', { project_id: row.project_id });
      return set(operation, row, [...prefixesIn(row), ...wanted]);
    });
    return new Reply(200, { prefixes: prefixesIn(done.result) }, northboundHeaders(done));
  };
}

/** Parts of prefixes may go, too; what a subnet has may not. */
export function removePrefixes(pools: Pools) {
  return async (call: Call, deps: NetworkDeps): Promise<Reply> => {
    const named = (call.body as { prefixes: string[] }).prefixes;
    const done = await pools.change(call, deps, async ({ unit }, row) => {
      call.enforce('remove_prefixes', { project_id: row.project_id });
      const holes = parsePrefixes(compactPrefixes(named, row.ip_version), row.ip_version);
      const all = parsePrefixes(prefixesIn(row), row.ip_version);
      if (!anyOverlap(all, holes)) return row;
      if (anyOverlap((await subnetsOf(unit.trx, row)).map(cidrOfSubnet), holes))
        throw badRequest(
          'IllegalSubnetPoolPrefixUpdate',
          'Illegal update to prefixes: a subnet uses one or more of the prefixes that are to be removed.',
        );
      const left = JSON.stringify(compactPrefixes(subtractPrefixes(all, holes), row.ip_version));
      return updateRow(unit.trx, 'subnetpools', row, { prefixes: left }, unit.now);
    });
    return new Reply(200, { prefixes: prefixesIn(done.result) }, northboundHeaders(done));
  };
}

/** The subnets of a network, of the pool's IP version, are from now on the pool's, as if they had been taken from it. */
export function onboardSubnets(pools: Pools, set: SetPrefixes) {
  return async (call: Call, deps: NetworkDeps): Promise<Reply> => {
    const networkId = (call.body as { network_id: string }).network_id;
    const done = await pools.change(call, deps, async (operation, pool) => {
      const { unit, caller } = operation;
      call.enforce('onboard_network_subnets', { project_id: pool.project_id });
      const network = await findVisibleNetwork(unit.trx, caller, networkId);
      if (!network) throw notFound('network', networkId);
      // A subnet's pool decides of its address scope, and so of routing: that is for the network's owner.
      if (!caller.admin && network.project_id !== caller.projectId)
        throw new PolicyDenied('onboard_network_subnets');
      const subnets = await selectRows(unit.trx, 'subnets', [
        equals('network_id', networkId),
        equals('ip_version', pool.ip_version),
      ]);
      await checkUnallocated(unit.trx, pool, subnets);
      if (subnets.length > 0)
        await set(operation, pool, [...prefixesIn(pool), ...subnets.map((subnet) => subnet.cidr)]);
      for (const subnet of subnets) {
        await updateRow(unit.trx, 'subnets', subnet, { subnetpool_id: pool.id }, unit.now);
        unit.touch('subnet', subnet.id);
      }
      return subnets.map(({ id, cidr }) => ({ id, cidr }));
    });
    return new Reply(200, done.result, northboundHeaders(done));
  };
}

async function checkUnallocated(db: Sql, pool: SubnetPoolRow, subnets: readonly SubnetRow[]): Promise<void> {
  const allocated = (await subnetsOf(db, pool)).map(cidrOfSubnet);
  for (const subnet of subnets)
    if (anyOverlap(allocated, [cidrOfSubnet(subnet)]))
      throw badRequest(
        'IllegalSubnetPoolUpdate',
        `Illegal subnetpool update : onboarding subnet ${subnet.id}: ${subnet.cidr} conflicts with allocated prefixes in subnet pool ${pool.id}.`,
      );
}

async function subnetsOf(db: Sql, pool: SubnetPoolRow): Promise<SubnetRow[]> {
  return selectRows(db, 'subnets', [equals('subnetpool_id', pool.id)]);
}

function cidrOfSubnet(subnet: SubnetRow): Cidr {
  return parseCidr(subnet.cidr)!; // kept canonical
}

function anyOverlap(some: readonly Cidr[], others: readonly Cidr[]): boolean {
  return some.some((a) => others.some((b) => overlaps(a, b)));
}
