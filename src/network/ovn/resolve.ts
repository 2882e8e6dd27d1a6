// From what changed to what must be compared: a resource's own unit and those whose rows depend on it.
import type { Database } from '#platform/sql/database.ts';
import { DISTRIBUTED, isRouterOwned } from '../ports/owners.ts';
import type { ResourceKind, ResourceRef } from '../northbound.ts';
import type { NetworkTables } from '../tables.ts';
import type { ActualRows } from './actual.ts';
import { DROP_UNIT, unitKey, type Unit, type UnitKind } from './desired.ts';
import { hasDhcp, type Facts, type RenderOptions } from './facts.ts';
import { DROP_GROUP, idInName, KEY, portGroupName, switchName } from './model.ts';
import { dhcpKey } from './render/dhcp.ts';
import { groupsOf } from './render/port.ts';
import * as store from './store.ts';
import { subportIdsOfParents } from './trunk-places.ts';

export interface ResolveContext {
  readonly db: Database<NetworkTables>;
  readonly actual: ActualRows;
  readonly options: RenderOptions;
}

/** Units without doubles, in the order of arrival. */
export class UnitSet {
  readonly #units = new Map<string, Unit>();

  add(kind: UnitKind, ids: Iterable<string>): void {
    for (const id of ids) this.#units.set(unitKey({ kind, id }), { kind, id });
  }

  addAll(units: Iterable<Unit>): void {
    for (const unit of units) this.#units.set(unitKey(unit), unit);
  }

  has(unit: Unit): boolean {
    return this.#units.has(unitKey(unit));
  }

  list(): Unit[] {
    return [...this.#units.values()];
  }
}

/** The units that these resources, there or gone, can have changed. */
export async function resolveRefs(context: ResolveContext, refs: readonly ResourceRef[]): Promise<UnitSet> {
  const { db, actual } = context;
  const units = new UnitSet();
  const ids = (kind: ResourceKind): string[] => refs.filter((ref) => ref.kind === kind).map((ref) => ref.id);

  await resolveNetworks(context, ids('network'), units);
  await resolveSubnets(context, ids('subnet'), units);
  await resolvePorts(context, [...ids('port'), ...ids('router_interface')], units);
  units.add('router', ids('router'));
  const fips = ids('floatingip');
  units.add('router', await store.routerIdsOfFloatingIps(db, 'id', fips));
  units.add(
    'router',
    fips.flatMap((id) => actual.routersOfFloatingIp(id)),
  );
  units.add('security_group', ids('security_group'));
  const rules = ids('security_group_rule');
  units.add('security_group', await store.groupIdsOfRules(db, rules));
  units.add(
    'security_group',
    rules.flatMap((id) => actual.groupsOfRule(id)),
  );
  units.add('address_group', ids('address_group'));
  for (const followers of [
    await store.followersOfPolicies(db, ids('qos_policy')),
    await store.followersOfNetworks(db, ids('network_qos')),
  ]) {
    units.add('port', followers.ports);
    units.add('router', followers.routers);
  }
  return units;
}

async function resolveNetworks(
  { db, actual }: ResolveContext,
  ids: readonly string[],
  units: UnitSet,
): Promise<void> {
  units.add('network', ids);
  // A new network has nothing that could repeat its MTU or name.
  const known = ids.filter((id) => actual.has('Logical_Switch', switchName(id)));
  units.add('subnet', await store.subnetIdsOf(db, known));
  const routerPorts = await store.portReferences(db, 'network_id', known, true);
  units.add(
    'router',
    routerPorts.map((port) => port.device_id),
  );
}

async function resolveSubnets(
  { db, actual }: ResolveContext,
  ids: readonly string[],
  units: UnitSet,
): Promise<void> {
  units.add('subnet', ids);
  units.add('router', await store.routerIdsOfSubnets(db, ids));
  units.add(
    'port',
    ids.flatMap((id) => actual.portsWithOwnOptions(id)),
  );
  // Where DHCP comes or goes, all ports point to other options; else a change costs the same however many there are.
  const rows = await store.findSubnets(db, ids);
  const turned = ids.filter((id) => {
    const row = rows.get(id);
    return actual.has('DHCP_Options', dhcpKey(id)) !== (row !== undefined && hasDhcp(row));
  });
  units.add('port', await store.portIdsOfSubnets(db, turned));
}

async function resolvePorts(context: ResolveContext, ids: readonly string[], units: UnitSet): Promise<void> {
  if (ids.length === 0) return;
  const { db, actual, options } = context;
  units.add('port', ids);
  units.add('port', await subportIdsOfParents(db, ids));
  const rows = await store.portReferences(db, 'id', ids);
  const there = new Set(rows.map((row) => row.id));
  const metadataNetworks = rows
    .filter((row) => row.device_owner === DISTRIBUTED)
    .map((row) => row.network_id);
  units.add(
    'router',
    rows.filter((row) => isRouterOwned(row.device_owner)).map((row) => row.device_id),
  );
  for (const id of ids) {
    if (there.has(id)) continue;
    units.add('router', actual.routerOfPort(id));
    for (const row of actual.find('Logical_Switch_Port', id)) {
      const ids_ = row.external_ids;
      if (ids_[KEY.deviceOwner] === DISTRIBUTED)
        metadataNetworks.push(idInName(ids_[KEY.networkName] ?? '') ?? '');
    }
  }
  units.add('subnet', await store.subnetIdsOf(db, metadataNetworks));
  if (options.distributedFloatingIps) {
    units.add('router', await store.routerIdsOfFloatingIps(db, 'port_id', ids));
  }
}

/** Rows that others of these units hang on and that are not in OVN, though they should be; with all that hangs on them. */
export async function missingUnits(
  { db, actual }: ResolveContext,
  facts: Facts,
  units: UnitSet,
): Promise<Unit[]> {
  const absent = { networks: new Set<string>(), subnets: new Set<string>(), groups: new Set<string>() };
  let noDropGroup = false;
  for (const { kind, id } of units.list()) {
    const port = kind === 'port' ? facts.ports.get(id) : undefined;
    if (!port) continue;
    if (!actual.has('Logical_Switch', switchName(port.network_id))) absent.networks.add(port.network_id);
    for (const address of facts.addressesOfPort.get(id) ?? []) {
      const subnet = facts.subnets.get(address.subnet_id);
      if (subnet && hasDhcp(subnet) && !actual.has('DHCP_Options', dhcpKey(subnet.id)))
        absent.subnets.add(subnet.id);
    }
    const groups = groupsOf(port, facts);
    if (groups.includes(DROP_GROUP)) noDropGroup ||= !actual.has('Port_Group', DROP_GROUP);
    for (const group of facts.groupsOfPort.get(id) ?? [])
      if (groups.length > 0 && !actual.has('Port_Group', portGroupName(group))) absent.groups.add(group);
  }
  const found = new UnitSet();
  if (noDropGroup) found.addAll([DROP_UNIT]);
  await addWithDependents(db, absent, found);
  return found.list().filter((unit) => !units.has(unit));
}

async function addWithDependents(
  db: ResolveContext['db'],
  absent: { networks: Set<string>; subnets: Set<string>; groups: Set<string> },
  found: UnitSet,
): Promise<void> {
  found.add('network', absent.networks);
  found.add('subnet', await store.subnetIdsOf(db, [...absent.networks]));
  found.add(
    'port',
    (await store.portReferences(db, 'network_id', [...absent.networks])).map((port) => port.id),
  );
  found.add('subnet', absent.subnets);
  found.add('port', await store.portIdsOfSubnets(db, [...absent.subnets]));
  found.add('security_group', absent.groups);
  found.add('port', await store.portIdsOfGroups(db, [...absent.groups]));
}
