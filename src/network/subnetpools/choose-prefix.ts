// Takes a prefix for a subnet out of a subnet pool: the one asked for, or the lowest free one of the wished length.
import type { SubnetPoolRow } from '../tables.ts';
import { badRequest, conflict, invalidInput, notFound } from '../errors.ts';
import {
  cidrOf,
  covers,
  overlaps,
  parseCidr,
  subtractRanges,
  type Cidr,
  type IpVersion,
} from '../ipam/address.ts';
import { readBool, readInt, readTextOrNull } from '../rest/attributes.ts';
import type { Operation } from '../rest/crud.ts';
import type { Input } from '../rest/deps.ts';
import { equals, selectRows } from '../rest/select.ts';
import { visibleSubnetPools } from './store.ts';

interface Wish {
  readonly asked: Cidr | undefined;
  readonly version: number | undefined;
}

/** Undefined when the body names no pool. */
export async function choosePrefix(
  operation: Operation,
  input: Input,
  projectId: string,
  wish: Wish,
): Promise<{ cidr: Cidr; poolId: string } | undefined> {
  const pool = await findPool(operation, input, wish);
  if (!pool) return undefined;
  const version = pool.ip_version;
  if ((wish.version ?? version) !== version)
    throw invalidInput(`ip_version ${wish.version} does not match that of subnet pool ${pool.id}`);
  const taken = (await selectRows(operation.unit.trx, 'subnets', [equals('subnetpool_id', pool.id)])).map(
    (subnet) => ({
      projectId: subnet.project_id,
      cidr: read(subnet.cidr),
    }),
  );
  const length = wish.asked?.prefix ?? readInt(input, 'prefixlen') ?? pool.default_prefixlen;
  checkLength(pool, length);
  checkPoolQuota(
    pool,
    length,
    taken.filter((each) => each.projectId === projectId).map((each) => each.cidr),
  );
  const prefixes = (JSON.parse(pool.prefixes) as string[]).map(read);
  const used = taken.map((each) => each.cidr);
  if (wish.asked) {
    const { asked } = wish;
    if (!prefixes.some((prefix) => covers(prefix, asked)) || used.some((each) => overlaps(each, asked)))
      throw conflict(
        'SubnetAllocationError',
        `Failed to allocate subnet: Cannot allocate requested subnet from the available set of prefixes.`,
      );
    return { cidr: asked, poolId: pool.id };
  }
  const cidr = lowestFree(prefixes, used, version, length);
  if (!cidr)
    throw conflict(
      'SubnetAllocationError',
      `Failed to allocate subnet: Insufficient prefix space to allocate subnet size /${length}.`,
    );
  return { cidr, poolId: pool.id };
}

async function findPool(
  { unit, caller }: Operation,
  input: Input,
  wish: Wish,
): Promise<SubnetPoolRow | undefined> {
  const id = readTextOrNull(input, 'subnetpool_id');
  if (id === 'prefix_delegation')
    throw badRequest(
      'SubnetPoolPrefixDelegation',
      'Prefix delegation is not offered; name a subnet pool or a cidr.',
    );
  if (id !== null) {
    const [pool] = await selectRows(unit.trx, 'subnetpools', [equals('id', id), visibleSubnetPools(caller)]);
    if (!pool) throw notFound('subnetpool', id);
    return pool;
  }
  if (!readBool(input, 'use_default_subnetpool', false)) return undefined;
  const version = wish.version ?? wish.asked?.version ?? 4;
  const [pool] = await selectRows(unit.trx, 'subnetpools', [
    equals('is_default', 1),
    equals('ip_version', version),
  ]);
  if (!pool) throw badRequest('DefaultSubnetPoolNotFound', `No default subnetpool found for IPv${version}.`);
  return pool;
}

function read(text: string): Cidr {
  const cidr = parseCidr(text);
  if (!cidr) throw new Error(`${text} is no CIDR`);
  return cidr;
}

function checkLength(pool: SubnetPoolRow, length: number): void {
  if (length < pool.min_prefixlen)
    throw badRequest(
      'MinPrefixSubnetAllocationError',
      `Unable to allocate subnet with prefix length ${length}, minimum allowed prefix is ${pool.min_prefixlen}.`,
    );
  if (length > pool.max_prefixlen)
    throw badRequest(
      'MaxPrefixSubnetAllocationError',
      `Unable to allocate subnet with prefix length ${length}, maximum allowed prefix is ${pool.max_prefixlen}.`,
    );
}

/** Counted in addresses for IPv4, in /64s for IPv6. */
function checkPoolQuota(pool: SubnetPoolRow, length: number, own: readonly Cidr[]): void {
  if (pool.default_quota === null) return;
  const units = (prefix: number): bigint =>
    pool.ip_version === 4 ? 1n << BigInt(32 - prefix) : prefix >= 64 ? 1n : 1n << BigInt(64 - prefix);
  const used = own.reduce((sum, cidr) => sum + units(cidr.prefix), units(length));
  if (used > BigInt(pool.default_quota))
    throw conflict('SubnetPoolQuotaExceeded', 'Per-tenant subnet pool prefix quota exceeded.');
}

function lowestFree(
  prefixes: readonly Cidr[],
  used: readonly Cidr[],
  version: IpVersion,
  length: number,
): Cidr | undefined {
  const size = 1n << BigInt((version === 4 ? 32 : 128) - length);
  for (const range of subtractRanges(prefixes, used)) {
    const first = ((range.first + size - 1n) / size) * size;
    if (first + size - 1n <= range.last) return cidrOf({ version, value: first }, length);
  }
  return undefined;
}
