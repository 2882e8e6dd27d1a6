// Which units a change in the northbound database touches, so that what somebody did by hand is put right at once.
import type { OvsdbClient } from '#platform/ovsdb/client.ts';
import type { Change } from '#platform/ovsdb/model.ts';
import { dhcpOwner } from './actual.ts';
import { sameValue } from './compare.ts';
import { DROP_UNIT, type Unit } from './desired.ts';
import { qosOwner } from './qos-rows.ts';
import { DROP_GROUP, idInGroupName, idInName, idInSetName, KEY, routerPortName, type Nb } from './model.ts';

/**
 * Columns that northd writes as it works, and those that change with every port: what is wrong there is seen in the
 * ports' own rows.
 */
const OTHERS_COLUMNS: ReadonlySet<string> = new Set([
  '_uuid',
  'ports',
  'qos_rules',
  'up',
  'dynamic_addresses',
  'ipv6_prefix',
  'nb_cfg',
  'sb_cfg',
  'hv_cfg',
]);

function isOurs(change: Change<Nb>): boolean {
  if (change.kind !== 'modify') return true;
  const [old, row] = [change.old as object, change.new as object] as ReadonlyArray<Record<string, unknown>>;
  return Object.keys(row!).some(
    (column) => !OTHERS_COLUMNS.has(column) && !sameValue(old![column], row![column]),
  ); // both are rows
}

/** The units whose rows a change is about. Parts (rules, NAT, routes) are found by the row that holds or held them. */
export function unitsOfChange(nb: OvsdbClient<Nb>, change: Change<Nb>): Unit[] {
  if (!isOurs(change)) return [];
  switch (change.table) {
    case 'Logical_Switch':
      return named('network', idInName((change.new ?? change.old).name));
    case 'Logical_Router':
      return named('router', idInName((change.new ?? change.old).name));
    case 'Logical_Switch_Port': {
      const row = change.new ?? change.old;
      if (row.type === 'localnet') return named('network', localnetOwner(row.name));
      // Without our mark it may be a port of another system; with it, or when it lost it, it is ours to look at.
      const before = change.old ?? change.new;
      return before.external_ids[KEY.revision] === undefined ? [] : [{ kind: 'port', id: row.name }];
    }
    case 'Logical_Router_Port': {
      const uuid = change.uuid;
      const router = nb.table('Logical_Router').where('ports', uuid)[0];
      const held = (change.new ?? change.old).external_ids[KEY.routerName];
      const isOwn = (change.new ?? change.old).name.startsWith(routerPortName(''));
      return isOwn ? named('router', router ? idInName(router.name) : held) : [];
    }
    case 'Port_Group':
      return groupUnit((change.new ?? change.old).name);
    case 'ACL':
      return change.kind === 'modify'
        ? nb
            .table('Port_Group')
            .where('acls', change.uuid)
            .flatMap((group) => groupUnit(group.name))
        : [];
    case 'NAT':
      return change.kind === 'modify' ? routersOf(nb, 'nat', change.uuid) : [];
    case 'Load_Balancer':
      return change.kind === 'modify' ? routersOf(nb, 'load_balancer', change.uuid) : [];
    case 'Logical_Router_Static_Route':
      return change.kind === 'modify' ? routersOf(nb, 'static_routes', change.uuid) : [];
    case 'Gateway_Chassis':
      return change.kind === 'modify' ? gatewayRouters(nb, change.uuid) : [];
    case 'Address_Set':
      return named('address_group', idInSetName((change.new ?? change.old).name));
    case 'DHCP_Options': {
      const ids = (change.old ?? change.new).external_ids;
      const [kind, id] = dhcpOwner(ids[KEY.subnet], ids[KEY.port]);
      return named(kind, id);
    }
    case 'QoS': {
      const owner = qosOwner((change.old ?? change.new).external_ids);
      return owner ? [owner] : [];
    }
    case 'NB_Global':
      return [];
  }
}

function named(kind: Unit['kind'], id: string | undefined): Unit[] {
  return id === undefined ? [] : [{ kind, id }];
}

function groupUnit(name: string): Unit[] {
  return name === DROP_GROUP ? [DROP_UNIT] : named('security_group', idInGroupName(name));
}

function localnetOwner(name: string): string | undefined {
  return name.startsWith('provnet-') ? name.slice('provnet-'.length) : undefined;
}

function routersOf(
  nb: OvsdbClient<Nb>,
  column: 'nat' | 'static_routes' | 'ports' | 'load_balancer',
  uuid: string,
): Unit[] {
  return nb
    .table('Logical_Router')
    .where(column, uuid)
    .flatMap((router) => named('router', idInName(router.name)));
}

function gatewayRouters(nb: OvsdbClient<Nb>, uuid: string): Unit[] {
  return nb
    .table('Logical_Router_Port')
    .where('gateway_chassis', uuid)
    .flatMap((port) => routersOf(nb, 'ports', port._uuid));
}

/** Switch ports that were put into or taken out of a port group. */
export function portsOfGroupChange(nb: OvsdbClient<Nb>, change: Change<Nb>): Unit[] {
  if (change.table !== 'Port_Group' || groupUnit((change.new ?? change.old).name).length === 0) return [];
  return difference(change.old?.ports ?? [], change.new?.ports ?? []).flatMap((uuid) => {
    const port = nb.table('Logical_Switch_Port').get(uuid);
    return port?.external_ids[KEY.revision] === undefined ? [] : [{ kind: 'port', id: port.name } as const];
  });
}

/** What is in one of two sorted lists. Groups have thousands of ports, of which one comes or goes at a time. */
function difference(a: readonly string[], b: readonly string[]): string[] {
  const only: string[] = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    const [x, y] = [a[i], b[j]];
    if (x === y) {
      i += 1;
      j += 1;
    } else if (y === undefined || (x !== undefined && x < y)) {
      only.push(x!); // x is there: both cannot be at their end
      i += 1;
    } else {
      only.push(y);
      j += 1;
    }
  }
  return only;
}
