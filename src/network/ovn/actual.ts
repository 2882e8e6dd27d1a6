// The northbound rows that are there, found the way the desired ones are named. Reads from the client's cache alone.
import type { OvsdbClient } from '#platform/ovsdb/client.ts';
import type { Row } from '#platform/ovsdb/model.ts';
import type { KeyedTable, Unit } from './desired.ts';
import {
  addressSetName,
  DROP_GROUP,
  idInGroupName,
  idInName,
  idInSetName,
  KEY,
  localnetName,
  portGroupName,
  routerName,
  routerPortName,
  switchName,
  type Nb,
} from './model.ts';
import { keyOfQos, QosRows, qosOwner } from './qos-rows.ts';
import { dhcpKey } from './render/dhcp.ts';

export type KeyedRow = Row<Nb[KeyedTable]>;
type DhcpRow = Row<Nb['DHCP_Options']>;

export interface ActualRow {
  readonly table: KeyedTable;
  readonly key: string;
  readonly row: KeyedRow;
}

export class ActualRows {
  readonly #nb: OvsdbClient<Nb>;
  /** By subnet and by port: DHCP options have no name that the cache could look up. */
  readonly #dhcp = new Map<string, Set<string>>();
  readonly #qos: QosRows;
  #indexed = false;

  constructor(nb: OvsdbClient<Nb>) {
    this.#nb = nb;
    this.#qos = new QosRows(nb);
    nb.onChange((change) => {
      if (change.table !== 'DHCP_Options' || !this.#indexed) return;
      if (change.old) this.#index(change.old, false);
      if (change.new) this.#index(change.new, true);
    });
  }

  get nb(): OvsdbClient<Nb> {
    return this.#nb;
  }

  /** Rows under a key: none, one, or more where somebody made a double of a name that OVN does not hold unique. */
  find(table: KeyedTable, key: string): KeyedRow[] {
    switch (table) {
      case 'DHCP_Options':
        return this.#dhcpRows(key).filter((row) => keyOfDhcp(row) === key);
      case 'Logical_Switch':
        return this.#nb.table('Logical_Switch').where('name', key);
      case 'Logical_Router':
        return this.#nb.table('Logical_Router').where('name', key);
      case 'Logical_Switch_Port':
        return this.#nb.table('Logical_Switch_Port').where('name', key);
      case 'Logical_Router_Port':
        return this.#nb.table('Logical_Router_Port').where('name', key);
      case 'Port_Group':
        return this.#nb.table('Port_Group').where('name', key);
      case 'Address_Set':
        return this.#nb.table('Address_Set').where('name', key);
      case 'QoS':
        return this.#qos.find(key);
    }
  }

  has(table: KeyedTable, key: string): boolean {
    return this.find(table, key).length > 0;
  }

  /** All rows of a unit, whether they should be there or not. */
  rowsOf(unit: Unit): ActualRow[] {
    const named = (table: KeyedTable, key: string): ActualRow[] =>
      this.find(table, key).map((row) => ({ table, key, row }));
    switch (unit.kind) {
      case 'network':
        return [
          ...named('Logical_Switch', switchName(unit.id)),
          ...named('Logical_Switch_Port', localnetName(unit.id)),
        ];
      case 'subnet':
        return this.#dhcpRowsAs(unit.id).filter((each) => each.key === dhcpKey(unit.id));
      case 'port':
        return [
          ...named('Logical_Switch_Port', unit.id),
          ...this.#dhcpRowsAs(unit.id),
          ...this.#qosRows(unit),
        ];
      case 'router':
        return [
          ...named('Logical_Router', routerName(unit.id)),
          ...this.#routerPorts(unit.id),
          ...this.#qosRows(unit),
        ];
      case 'security_group':
        return named('Port_Group', portGroupName(unit.id));
      case 'drop_group':
        return named('Port_Group', DROP_GROUP);
      case 'address_group':
        return ([4, 6] as const).flatMap((version) => named('Address_Set', addressSetName(unit.id, version)));
    }
  }

  #qosRows(unit: Unit): ActualRow[] {
    return this.#qos.of(unit).map((row) => ({ table: 'QoS', key: keyOfQos(row), row }));
  }

  #routerPorts(routerId: string): ActualRow[] {
    return this.#nb
      .table('Logical_Router')
      .where('name', routerName(routerId))
      .flatMap((router) => router.ports)
      .flatMap((uuid) => this.#nb.table('Logical_Router_Port').get(uuid) ?? [])
      .filter((row) => row.name.startsWith(routerPortName('')))
      .map((row) => ({ table: 'Logical_Router_Port', key: row.name, row }));
  }

  /** Ports that have DHCP options of their own in the subnet. */
  portsWithOwnOptions(subnetId: string): string[] {
    return this.#dhcpRows(subnetId).flatMap((row) => row.external_ids[KEY.port] ?? []);
  }

  /** The router that holds the port, by name; also when SQL has forgotten it. */
  routerOfPort(portId: string): string[] {
    return this.#nb
      .table('Logical_Router_Port')
      .where('name', routerPortName(portId))
      .flatMap((port) => this.#nb.table('Logical_Router').where('ports', port._uuid))
      .flatMap((router) => idInName(router.name) ?? []);
  }

  routersOfFloatingIp(fipId: string): string[] {
    return this.#nb
      .table('NAT')
      .list((nat) => nat.external_ids[KEY.fip] === fipId)
      .flatMap((nat) => this.#nb.table('Logical_Router').where('nat', nat._uuid))
      .concat(
        this.#nb
          .table('Load_Balancer')
          .list((balancer) => balancer.external_ids[KEY.fip] === fipId)
          .flatMap((balancer) => this.#nb.table('Logical_Router').where('load_balancer', balancer._uuid)),
      )
      .flatMap((router) => idInName(router.name) ?? []);
  }

  groupsOfRule(ruleId: string): string[] {
    return this.#nb
      .table('ACL')
      .list((acl) => acl.external_ids[KEY.rule] === ruleId)
      .flatMap((acl) => this.#nb.table('Port_Group').where('acls', acl._uuid))
      .flatMap((group) => idInGroupName(group.name) ?? []);
  }

  /** Of every resource that has rows here, by what the rows say of themselves. */
  allUnits(): Unit[] {
    const units: Unit[] = [];
    const add = (kind: Unit['kind'], id: string | undefined): void => {
      if (id !== undefined) units.push({ kind, id });
    };
    for (const row of this.#nb.table('Logical_Switch').list()) add('network', idInName(row.name));
    for (const row of this.#nb.table('Logical_Router').list()) add('router', idInName(row.name));
    for (const row of this.#nb.table('Port_Group').list()) add('security_group', idInGroupName(row.name));
    for (const row of this.#nb.table('Address_Set').list()) add('address_group', idInSetName(row.name));
    for (const row of this.#nb.table('DHCP_Options').list())
      add(...dhcpOwner(row.external_ids[KEY.subnet], row.external_ids[KEY.port]));
    for (const row of this.#nb.table('Logical_Switch_Port').list())
      add('port', isOwnPort(row) ? row.name : undefined);
    for (const row of this.#nb.table('QoS').list()) {
      const owner = qosOwner(row.external_ids);
      if (owner) units.push(owner);
    }
    return units;
  }

  #dhcpRowsAs(id: string): ActualRow[] {
    return this.#dhcpRows(id)
      .filter((row) => row.external_ids[KEY.port] === undefined || row.external_ids[KEY.port] === id)
      .map((row) => ({ table: 'DHCP_Options', key: keyOfDhcp(row), row }));
  }

  /** By the id of the subnet or of the port, which may be in a key together. */
  #dhcpRows(key: string): DhcpRow[] {
    if (!this.#indexed) {
      this.#indexed = true;
      for (const row of this.#nb.table('DHCP_Options').list()) this.#index(row, true);
    }
    const uuids = this.#dhcp.get(key.split(' ').at(-1) ?? key) ?? [];
    return [...uuids].flatMap((uuid) => this.#nb.table('DHCP_Options').get(uuid) ?? []);
  }

  #index(row: DhcpRow, there: boolean): void {
    for (const id of [row.external_ids[KEY.subnet], row.external_ids[KEY.port]]) {
      if (id === undefined) continue;
      const uuids = this.#dhcp.get(id) ?? new Set();
      if (there) uuids.add(row._uuid);
      else uuids.delete(row._uuid);
      if (uuids.size > 0) this.#dhcp.set(id, uuids);
      else this.#dhcp.delete(id);
    }
  }
}

export function keyOfDhcp(row: DhcpRow): string {
  return dhcpKey(row.external_ids[KEY.subnet] ?? '', row.external_ids[KEY.port]);
}

export function dhcpOwner(
  subnetId: string | undefined,
  portId: string | undefined,
): [Unit['kind'], string | undefined] {
  return portId === undefined ? ['subnet', subnetId] : ['port', portId];
}

/** Switch ports of others (an operator's, another system's on the same OVN) are not touched. */
export function isOwnPort(row: Row<Nb['Logical_Switch_Port']>): boolean {
  return row.external_ids[KEY.revision] !== undefined && row.type !== 'localnet';
}
