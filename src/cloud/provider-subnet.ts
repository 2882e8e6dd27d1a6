/**
 * Chooses the public subnet of a cloud: 172.24.4.0/24 or the next that nothing on the machine uses, once for the
 * life of its data directory. The clouds of a machine share a small registry, so that two never choose the same.
 */
import { existsSync, mkdirSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import ipaddr from 'ipaddr.js';
import { runCommand } from '#platform/supervise/run-command.ts';
import { MachineUnfit } from './errors.ts';
import { findMachineCache } from './machine/cache.ts';

export type ProviderSubnet = { cidr: string; gatewayIp: string };

const subnet = (third: number): ProviderSubnet => ({
  cidr: `172.24.${third}.0/24`,
  gatewayIp: `172.24.${third}.1`,
});

/** First is what devices and documents of the field use. */
const FIRST = 4;
const LAST = 254;

/** `use` puts the address on its interface while the registry is locked. Throws MachineUnfit. */
export async function claimProviderSubnet(
  dataPath: string,
  use: (subnet: ProviderSubnet) => Promise<void>,
): Promise<ProviderSubnet> {
  const directory = findMachineCache() ?? join(dataPath, 'cache');
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  using registry = new DatabaseSync(join(directory, 'provider-subnets.db'), { timeout: 10_000 });
  registry.exec(
    'CREATE TABLE IF NOT EXISTS chosen (third INTEGER PRIMARY KEY, data_path TEXT UNIQUE NOT NULL)',
  );
  const taken = await takenPrefixes();
  registry.exec('BEGIN IMMEDIATE');
  const third = choose(registry, dataPath, taken);
  registry.exec('COMMIT');
  await use(subnet(third));
  return subnet(third);
}

function choose(registry: DatabaseSync, dataPath: string, taken: readonly string[]): number {
  const rows = registry.prepare('SELECT third, data_path FROM chosen').all() as {
    third: number;
    data_path: string;
  }[];
  const own = rows.find((row) => row.data_path === dataPath);
  if (own) {
    if (!overlaps(own.third, taken)) return own.third;
    const { cidr } = subnet(own.third);
    throw new MachineUnfit(
      `${cidr}, this cloud's public subnet, is now in use on the machine`,
      'See: ip route',
    );
  }
  const others = new Set<number>();
  for (const row of rows) {
    // The row of a cloud whose directory was deleted is free again.
    if (existsSync(row.data_path)) others.add(row.third);
    else registry.prepare('DELETE FROM chosen WHERE third = ?').run(row.third);
  }
  for (let third = FIRST; third <= LAST; third += 1) {
    if (others.has(third) || overlaps(third, taken)) continue;
    registry.prepare('INSERT INTO chosen (third, data_path) VALUES (?, ?)').run(third, dataPath);
    return third;
  }
  throw new MachineUnfit('no subnet is free in 172.24.0.0/16', 'Free one, or use --network system');
}

export function overlaps(third: number, taken: readonly string[]): boolean {
  const { cidr } = subnet(third);
  const [address, bits] = ipaddr.IPv4.parseCIDR(cidr);
  return taken.some((other) => {
    const [otherAddress, otherBits] = ipaddr.IPv4.parseCIDR(other);
    const common = Math.min(bits, otherBits);
    return address.match(otherAddress, common);
  });
}

/** IPv4 prefixes with a route or an address; a default route takes nothing. */
export async function takenPrefixes(): Promise<string[]> {
  const { stdout } = await runCommand(['ip', '-json', '-4', 'route', 'show', 'table', 'all']);
  const routes = JSON.parse(stdout || '[]') as { dst: string }[];
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  const prefixes = [
    ...routes.map(({ dst }) => (dst.includes('/') ? dst : `${dst}/32`)),
    ...addresses.flatMap(({ family, cidr }) => (family === 'IPv4' && cidr ? [cidr] : [])),
  ];
  return prefixes.filter((prefix) => ipaddr.IPv4.isValidCIDR(prefix) && !prefix.endsWith('/0'));
}
