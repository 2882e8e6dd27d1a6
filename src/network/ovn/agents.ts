// The chassis of OVN as agents: what `openstack network agent list` shows.
import { createHash } from 'node:crypto';
import type { OvsdbClient } from '#platform/ovsdb/client.ts';
import type { Row } from '#platform/ovsdb/model.ts';
import { conflict } from '../errors.ts';
import type { AgentView } from '../northbound.ts';
import { chassisSetting, isGatewayChassis } from './gateways.ts';
import type { Nb, Sb } from './model.ts';

/** A chassis that has not answered a new `nb_cfg` for so long is taken for dead: the field's default. */
const DOWN_AFTER_MS = 75_000;

/** ML2/OVN's, in the row that outlives a chassis which its controller registers anew. */
const DESCRIPTION = 'neutron:description';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** The chassis' own name where that is a UUID, else one that follows from it: the same for ever. */
export function agentId(chassisName: string): string {
  if (UUID.test(chassisName)) return chassisName.toLowerCase();
  const digest = createHash('sha256').update(`ovn-chassis ${chassisName}`).digest();
  digest[6] = (digest[6]! & 0x0f) | 0x50; // 32 bytes long; version 5: made from a name
  digest[8] = (digest[8]! & 0x3f) | 0x80;
  const hex = digest.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join(
    '-',
  );
}

export function listAgents(nb: OvsdbClient<Nb>, sb: OvsdbClient<Sb>, now: number): AgentView[] {
  const wanted = nb.table('NB_Global').list()[0]?.nb_cfg ?? 0;
  return sb
    .table('Chassis')
    .list()
    .map((chassis) =>
      agentOf(chassis, sb.table('Chassis_Private').where('name', chassis.name)[0], wanted, now),
    )
    .toSorted((a, b) => (a.host < b.host ? -1 : 1));
}

export async function describeAgent(sb: OvsdbClient<Sb>, id: string, description: string): Promise<void> {
  const own = sb.table('Chassis_Private').find((row) => agentId(row.name) === id);
  if (!own)
    throw conflict(
      'AgentNotReady',
      `Agent ${id} has not reported yet: OVN has nothing that a text could be kept with.`,
    );
  const external_ids = { ...own.external_ids, [DESCRIPTION]: description };
  await sb.transaction().update('Chassis_Private', own._uuid, { external_ids }).commit();
}

export async function removeAgent(sb: OvsdbClient<Sb>, id: string): Promise<void> {
  const tx = sb.transaction();
  for (const table of ['Chassis', 'Chassis_Private'] as const)
    for (const row of sb.table(table).list((each) => agentId(each.name) === id)) tx.delete(table, row._uuid);
  if (tx.operations.length > 0) await tx.commit();
}

function agentOf(
  chassis: Row<Sb['Chassis']>,
  own: Row<Sb['Chassis_Private']> | undefined,
  wanted: number,
  now: number,
): AgentView {
  const heartbeat = own?.nb_cfg_timestamp ?? 0;
  const gateway = isGatewayChassis(chassis);
  const zones = chassisSetting(chassis, 'ovn-cms-options')
    .split(',')
    .filter((option) => option.startsWith('availability-zones='))
    .flatMap((option) => option.slice('availability-zones='.length).split(':'));
  return {
    id: agentId(chassis.name),
    agentType: gateway ? 'OVN Controller Gateway agent' : 'OVN Controller agent',
    binary: 'ovn-controller',
    host: chassis.hostname,
    alive: own !== undefined && (own.nb_cfg >= wanted || now - heartbeat < DOWN_AFTER_MS),
    adminStateUp: true,
    availabilityZones: zones,
    description: own?.external_ids[DESCRIPTION] ?? '',
    configurations: {
      chassis_name: chassis.name,
      'bridge-mappings': chassisSetting(chassis, 'ovn-bridge-mappings'),
      'datapath-type': chassisSetting(chassis, 'datapath-type'),
    },
    createdAt: null,
    heartbeatAt: heartbeat === 0 ? null : new Date(heartbeat).toISOString(),
  };
}
