// Which chassis carry a router's gateway: those that reach the physical network, spread over routers by a stable hash,
// and left where they are as long as they can stay.
import { createHash } from 'node:crypto';
import type { OvsdbClient } from '#platform/ovsdb/client.ts';
import type { Row } from '#platform/ovsdb/model.ts';
import { routerPortName, type Nb, type Sb } from './model.ts';

const MOST_CHASSIS = 5; // OVN keeps a BFD session between each two of them

type Chassis = Row<Sb['Chassis']>;

/** A setting of a chassis, which newer controllers keep in `other_config` and older in `external_ids`. */
export function chassisSetting(chassis: Chassis, key: string): string {
  return chassis.other_config[key] ?? chassis.external_ids[key] ?? '';
}

export function physicalNetworksOf(chassis: Chassis): string[] {
  return chassisSetting(chassis, 'ovn-bridge-mappings')
    .split(',')
    .map((mapping) => mapping.split(':')[0]!.trim()) // split has at least one part
    .filter((name) => name !== '');
}

export function isGatewayChassis(chassis: Chassis): boolean {
  return chassisSetting(chassis, 'ovn-cms-options').split(',').includes('enable-chassis-as-gw');
}

/** Names of chassis, the master first. */
export function chooseGateways(
  nb: OvsdbClient<Nb>,
  sb: OvsdbClient<Sb>,
  gatewayPortId: string,
  physicalNetwork: string | null,
): string[] {
  const port = nb.table('Logical_Router_Port').where('name', routerPortName(gatewayPortId))[0];
  const current = (port?.gateway_chassis ?? [])
    .flatMap((uuid) => nb.table('Gateway_Chassis').get(uuid) ?? [])
    .toSorted((a, b) => b.priority - a.priority)
    .map((row) => row.chassis_name);
  // While the southbound copy is not there yet nothing is known of chassis: what is set stays.
  if (!sb.connected) return current;
  const able = sb
    .table('Chassis')
    .list((chassis) => physicalNetwork === null || physicalNetworksOf(chassis).includes(physicalNetwork));
  const marked = able.filter(isGatewayChassis);
  const names = (marked.length > 0 ? marked : able).map((chassis) => chassis.name);
  const kept = current.filter((name) => names.includes(name));
  const fresh = names.filter((name) => !kept.includes(name)).toSorted(byWeight(gatewayPortId));
  return [...kept, ...fresh].slice(0, MOST_CHASSIS);
}

/** Highest random weight: each gateway has its own order, and a chassis more or less moves only its share. */
function byWeight(key: string): (a: string, b: string) => number {
  const weight = (name: string): string => createHash('sha256').update(`${key} ${name}`).digest('hex');
  return (a, b) => (weight(a) < weight(b) ? -1 : 1);
}
