// Gives out addresses. Next fit: the search goes on after the address given out last, so that a fresh address costs one
// index look-up in a /64 with 10,000 ports as in a /29, and one that was just released is not given to the next guest.
// The unique indexes of `ip_allocations` decide races.
import { isUniqueViolation } from '#platform/sql/database.ts';
import type { SubnetRow } from '../tables.ts';
import { conflict } from '../errors.ts';
import type { Sql } from '../rest/deps.ts';
import { insertRow } from '../rest/select.ts';
import { formatIp, ipKey, ipOfKey, parseIp, type Ip, type IpVersion, type Range } from './address.ts';

const BATCH = 500; // allocated addresses read at once while looking for a gap

export interface Pool {
  readonly start: string;
  readonly end: string;
}

export function poolRanges(subnet: Pick<SubnetRow, 'allocation_pools'>): Range[] {
  return (JSON.parse(subnet.allocation_pools) as Pool[]).flatMap(({ start, end }) => {
    const [first, last] = [parseIp(start), parseIp(end)];
    return first && last ? [{ first: first.value, last: last.value }] : [];
  });
}

/** The next address of the subnet's pools that nobody has; undefined when all are taken. */
export async function nextFreeAddress(db: Sql, subnet: SubnetRow): Promise<Ip | undefined> {
  const version = subnet.ip_version;
  const pools = poolRanges(subnet);
  const current = await db
    .selectFrom('subnets')
    .select('ipam_cursor')
    .where('id', '=', subnet.id)
    .executeTakeFirst();
  const cursor = current?.ipam_cursor ? ipOfKey(current.ipam_cursor, version) : -1n;
  const ahead = pools.flatMap((pool) =>
    pool.last <= cursor ? [] : [{ first: pool.first > cursor ? pool.first : cursor + 1n, last: pool.last }],
  );
  const behind = pools.flatMap((pool) =>
    pool.first > cursor ? [] : [{ first: pool.first, last: pool.last < cursor ? pool.last : cursor }],
  );
  for (const range of [...ahead, ...behind]) {
    const free = await firstGap(db, subnet.id, version, range);
    if (free === undefined) continue;
    const ip = { version, value: free };
    await db
      .updateTable('subnets')
      .set({ ipam_cursor: ipKey(ip) })
      .where('id', '=', subnet.id)
      .execute();
    return ip;
  }
  return undefined;
}

async function firstGap(
  db: Sql,
  subnetId: string,
  version: IpVersion,
  range: Range,
): Promise<bigint | undefined> {
  let candidate = range.first;
  const end = ipKey({ version, value: range.last });
  for (let size = 1; candidate <= range.last; size = BATCH) {
    const taken = await db
      .selectFrom('ip_allocations')
      .select('ip_key')
      .where('subnet_id', '=', subnetId)
      .where('ip_key', '>=', ipKey({ version, value: candidate }))
      .where('ip_key', '<=', end)
      .orderBy('ip_key')
      .limit(size)
      .execute();
    for (const row of taken) {
      if (ipOfKey(row.ip_key, version) !== candidate) return candidate;
      candidate += 1n;
    }
    if (taken.length < size) return candidate <= range.last ? candidate : undefined;
  }
  return undefined;
}

/** Records that the port has the address. @throws NetworkError 409 when somebody else has. */
export async function reserveAddress(
  db: Sql,
  subnet: SubnetRow,
  portId: string,
  ip: Ip,
  position: number,
): Promise<void> {
  const taken = await db
    .selectFrom('ip_allocations')
    .select('port_id')
    .where('network_id', '=', subnet.network_id)
    .where('ip_key', '=', ipKey(ip))
    .executeTakeFirst();
  if (taken) throw alreadyAllocated(ip, subnet.id);
  try {
    await insertRow(db, 'ip_allocations', {
      subnet_id: subnet.id,
      network_id: subnet.network_id,
      port_id: portId,
      ip_address: formatIp(ip),
      ip_key: ipKey(ip),
      position,
    });
  } catch (error) {
    if (isUniqueViolation(error)) throw alreadyAllocated(ip, subnet.id);
    throw error;
  }
}

function alreadyAllocated(ip: Ip, subnetId: string): Error {
  return conflict(
    'IpAddressAlreadyAllocated',
    `IP address ${formatIp(ip)} already allocated in subnet ${subnetId}.`,
  );
}
