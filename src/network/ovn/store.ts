// All SQL of the northbound side: reads what the renderers need for a set of units, in a number of statements that does
// not depend on how many units there are, and the work that handlers have recorded.
import { sql } from 'kysely';
import type { Database, Engine, Executor } from '#platform/sql/database.ts';
import { DISTRIBUTED, ROUTER_GATEWAY, ROUTER_INTERFACE } from '../ports/owners.ts';
import { rulesOfPolicies } from '../qos-policies/store.ts';
import { equals, inList, selectColumns, selectRows, type Condition } from '../rest/select.ts';
import type { NetworkTables, NorthboundWorkRow, PortRow, StandardColumns, SubnetRow } from '../tables.ts';
import type { Unit, UnitKind } from './desired.ts';
import type { Facts } from './facts.ts';
import { trunkPlaces } from './trunk-places.ts';

type Db = Database<NetworkTables>;
type Sql = Executor<NetworkTables>;
type TableName = keyof NetworkTables & string;

export function idsOf(units: readonly Unit[], kind: UnitKind): string[] {
  return units.filter((unit) => unit.kind === kind).map((unit) => unit.id);
}

async function rowsIn<T extends TableName>(
  db: Db,
  table: T,
  column: string,
  ids: readonly string[],
  more: readonly Condition[] = [],
): Promise<NetworkTables[T][]> {
  if (ids.length === 0) return [];
  return selectRows(db.kysely, table, [inList(db.engine, column, ids), ...more]);
}

function distinct(ids: Iterable<string>): string[] {
  return [...new Set(ids)];
}

function byId<T extends StandardColumns>(rows: readonly T[]): Map<string, T> {
  return new Map(rows.map((row) => [row.id, row]));
}

function grouped<T>(rows: readonly T[], keyOf: (row: T) => string): Map<string, T[]> {
  return Map.groupBy(rows, keyOf);
}

const ROUTER_OWNERS: Condition = sql`device_owner in (${ROUTER_INTERFACE}, ${ROUTER_GATEWAY})`;
const METADATA_OWNER: Condition = sql`device_owner = ${DISTRIBUTED}`;

export async function loadFacts(db: Db, units: readonly Unit[]): Promise<Facts> {
  const routerIds = idsOf(units, 'router');
  const portIds = idsOf(units, 'port');
  const [routers, routerPorts, fips, directPorts] = await Promise.all([
    rowsIn(db, 'routers', 'id', routerIds),
    rowsIn(db, 'ports', 'device_id', routerIds, [ROUTER_OWNERS]),
    rowsIn(db, 'floatingips', 'router_id', routerIds),
    rowsIn(db, 'ports', 'id', portIds),
  ]);
  const [fipPorts, forwardings] = await Promise.all([
    rowsIn(
      db,
      'ports',
      'id',
      distinct(fips.flatMap((fip) => [fip.floating_port_id, ...(fip.port_id === null ? [] : [fip.port_id])])),
    ),
    rowsIn(
      db,
      'port_forwardings',
      'floatingip_id',
      fips.filter((fip) => fip.port_id === null).map(({ id }) => id),
    ),
  ]);
  const ports = [...directPorts, ...routerPorts];
  const { networks, subnets } = await loadNetworks(db, units, ports);
  const subnetNetworks = distinct(idsOf(units, 'subnet').flatMap((id) => subnets.get(id)?.network_id ?? []));
  // Ports with options of their own repeat their subnet's, among them the way to the metadata port.
  const ownOptions = ports.filter((port) => port.extra_dhcp_opts !== '[]').map((port) => port.network_id);
  const metadata = await rowsIn(db, 'ports', 'network_id', distinct([...subnetNetworks, ...ownOptions]), [
    METADATA_OWNER,
  ]);
  const all = [...ports, ...metadata];
  const direct = distinct(directPorts.map((port) => port.id));
  const trunkPlaceOfPort = await trunkPlaces(db, direct);
  const parents = [...trunkPlaceOfPort.values()].map(({ parent }) => parent.id);
  const [addresses, memberships, bindings] = await Promise.all([
    rowsIn(db, 'ip_allocations', 'port_id', distinct(all.map((port) => port.id))),
    rowsIn(db, 'port_security_groups', 'port_id', direct),
    rowsIn(db, 'port_bindings', 'port_id', distinct([...direct, ...parents]), [equals('prepared', 1)]),
  ]);
  const policies = [...directPorts, ...networks.values(), ...fips].flatMap((row) => row.qos_policy_id ?? []);
  return {
    networks,
    subnets,
    rulesOfPolicy: await rulesOfPolicies(db.kysely, db.engine, distinct(policies)),
    ports: byId([...fipPorts, ...all]),
    routers: byId(routers),
    ...(await loadGroups(db, units)),
    addressesOfPort: grouped(
      addresses.toSorted((a, b) => a.position - b.position),
      (row) => row.port_id,
    ),
    trunkPlaceOfPort,
    furtherHostsOfPort: new Map(
      Map.groupBy(bindings, (row) => row.port_id)
        .entries()
        .map(([id, rows]) => [id, rows.map((row) => row.host).sort()]),
    ),
    groupsOfPort: new Map(
      Map.groupBy(memberships, (row) => row.port_id)
        .entries()
        .map(([id, rows]) => [id, rows.map((row) => row.security_group_id)]),
    ),
    portsOfRouter: grouped(routerPorts, (port) => port.device_id),
    floatingIpsOfRouter: grouped(fips, (fip) => fip.router_id ?? ''),
    forwardingsOfFloatingIp: grouped(forwardings, (row) => row.floatingip_id),
    metadataPortOfNetwork: new Map(metadata.map((port) => [port.network_id, port])),
  };
}

async function loadNetworks(
  db: Db,
  units: readonly Unit[],
  ports: readonly PortRow[],
): Promise<Pick<Facts, 'networks' | 'subnets'>> {
  const named = await rowsIn(db, 'subnets', 'id', idsOf(units, 'subnet'));
  const ofPorts = distinct(ports.map((port) => port.network_id));
  const ids = distinct([...idsOf(units, 'network'), ...ofPorts, ...named.map((subnet) => subnet.network_id)]);
  const [networks, subnets] = await Promise.all([
    rowsIn(db, 'networks', 'id', ids),
    rowsIn(db, 'subnets', 'network_id', ofPorts),
  ]);
  return { networks: byId(networks), subnets: byId([...named, ...subnets]) };
}

async function loadGroups(
  db: Db,
  units: readonly Unit[],
): Promise<Pick<Facts, 'securityGroups' | 'rulesOfGroup' | 'addressGroups'>> {
  const ids = idsOf(units, 'security_group');
  const [groups, rules, addressGroups] = await Promise.all([
    rowsIn(db, 'security_groups', 'id', ids),
    rowsIn(db, 'security_group_rules', 'security_group_id', ids),
    rowsIn(db, 'address_groups', 'id', idsOf(units, 'address_group')),
  ]);
  return {
    securityGroups: byId(groups),
    rulesOfGroup: grouped(rules, (rule) => rule.security_group_id),
    addressGroups: byId(addressGroups),
  };
}

type Reference = Record<string, string>;

async function references(
  db: Db,
  table: TableName,
  columns: readonly string[],
  column: string,
  ids: readonly string[],
  more: readonly Condition[] = [],
): Promise<Reference[]> {
  if (ids.length === 0) return [];
  const conditions = [inList(db.engine, column, distinct(ids)), ...more];
  return (await selectColumns(db.kysely, table, columns, conditions)) as Reference[];
}

export interface PortReference {
  readonly id: string;
  readonly network_id: string;
  readonly device_id: string;
  readonly device_owner: string;
}

const PORT_COLUMNS = ['id', 'network_id', 'device_id', 'device_owner'];

export async function portReferences(
  db: Db,
  column: 'id' | 'network_id',
  ids: readonly string[],
  routerOwned = false,
): Promise<PortReference[]> {
  const rows = await references(db, 'ports', PORT_COLUMNS, column, ids, routerOwned ? [ROUTER_OWNERS] : []);
  return rows as unknown as PortReference[];
}

export async function subnetIdsOf(db: Db, networkIds: readonly string[]): Promise<string[]> {
  return (await references(db, 'subnets', ['id'], 'network_id', networkIds)).map((row) => row['id']!); // selected
}

export async function findSubnets(db: Db, ids: readonly string[]): Promise<Map<string, SubnetRow>> {
  return byId(await rowsIn(db, 'subnets', 'id', ids));
}

export async function portIdsOfSubnets(db: Db, subnetIds: readonly string[]): Promise<string[]> {
  const rows = await references(db, 'ip_allocations', ['port_id'], 'subnet_id', subnetIds);
  return distinct(rows.map((row) => row['port_id']!)); // selected
}

export async function portIdsOfGroups(db: Db, groupIds: readonly string[]): Promise<string[]> {
  const rows = await references(db, 'port_security_groups', ['port_id'], 'security_group_id', groupIds);
  return distinct(rows.map((row) => row['port_id']!)); // selected
}

/** Routers that have an interface with an address in one of the subnets. */
export async function routerIdsOfSubnets(db: Db, subnetIds: readonly string[]): Promise<string[]> {
  const portIds = await portIdsOfSubnets(db, subnetIds);
  const rows = await references(db, 'ports', ['device_id'], 'id', portIds, [ROUTER_OWNERS]);
  return distinct(rows.map((row) => row['device_id']!)); // selected
}

export async function routerIdsOfFloatingIps(
  db: Db,
  column: 'id' | 'port_id',
  ids: readonly string[],
): Promise<string[]> {
  const rows = await references(db, 'floatingips', ['router_id'], column, ids);
  return distinct(rows.flatMap((row) => row['router_id'] ?? []));
}

export async function groupIdsOfRules(db: Db, ruleIds: readonly string[]): Promise<string[]> {
  const rows = await references(db, 'security_group_rules', ['security_group_id'], 'id', ruleIds);
  return distinct(rows.map((row) => row['security_group_id']!)); // selected
}

/** Ports without a policy of their own, and routers of such floating IPs, on these networks. */
export async function followersOfNetworks(
  db: Db,
  networkIds: readonly string[],
): Promise<{ ports: string[]; routers: string[] }> {
  const none = [sql`qos_policy_id is null`];
  const ports = await references(db, 'ports', ['id'], 'network_id', networkIds, none);
  const fips = await references(db, 'floatingips', ['router_id'], 'floating_network_id', networkIds, none);
  return {
    ports: ports.map((row) => row['id']!), // selected
    routers: distinct(fips.flatMap((row) => row['router_id'] ?? [])),
  };
}

/** What the policies hold for: ports, and routers whose floating IPs they limit. */
export async function followersOfPolicies(
  db: Db,
  policyIds: readonly string[],
): Promise<{ ports: string[]; routers: string[] }> {
  const column = 'qos_policy_id';
  const networks = await references(db, 'networks', ['id'], column, policyIds);
  const ports = await references(db, 'ports', ['id'], column, policyIds);
  const fips = await references(db, 'floatingips', ['router_id'], column, policyIds);
  const through = await followersOfNetworks(
    db,
    networks.map((row) => row['id']!), // selected
  );
  return {
    ports: [...ports.map((row) => row['id']!), ...through.ports], // selected
    routers: [...fips.flatMap((row) => row['router_id'] ?? []), ...through.routers],
  };
}

/** Of every resource that has rows in OVN. */
export async function allUnits(db: Db): Promise<Unit[]> {
  const tables = [
    ['network', 'networks'],
    ['security_group', 'security_groups'],
    ['address_group', 'address_groups'],
    ['subnet', 'subnets'],
    ['port', 'ports'],
    ['router', 'routers'],
  ] as const;
  const lists = await Promise.all(
    tables.map(async ([kind, table]) => {
      const { rows } = await sql<{ id: string }>`select id from ${sql.table(table)} order by id`.execute(
        db.kysely,
      );
      return rows.map(({ id }) => ({ kind, id }));
    }),
  );
  return lists.flat();
}

/** Work recorded before `before` (ISO 8601), the oldest first. */
export async function listWork(db: Db, before: string, limit: number): Promise<NorthboundWorkRow[]> {
  return db.kysely
    .selectFrom('northbound_work')
    .selectAll()
    .where('marked_at', '<=', before)
    .orderBy('marked_at')
    .limit(limit)
    .execute();
}

/** Forgets work that nothing has changed since it was read. */
export async function removeWork(db: Sql, engine: Engine, marks: readonly string[]): Promise<void> {
  if (marks.length === 0) return;
  await sql`delete from northbound_work where ${inList(engine, 'mark', marks)}`.execute(db);
}
