// SQL of ports: rows, MAC addresses, security groups, and what must go with a port.
import { sql } from 'kysely';
import { isUniqueViolation } from '#platform/sql/database.ts';
import { removeInactiveBindings } from '../port-bindings/store.ts';
import { removeForwardingsTo } from '../port-forwardings/store.ts';
import type { PortRow } from '../tables.ts';
import { conflict } from '../errors.ts';
import type { Caller, Sql } from '../rest/deps.ts';
import type { Unit } from '../rest/northbound-work.ts';
import {
  deleteRows,
  equals,
  insertRow,
  newStandard,
  selectRows,
  TRUE,
  type Condition,
} from '../rest/select.ts';

/** A caller's own ports, and those on networks that its project owns. */
export function visiblePorts(caller: Caller): Condition {
  if (caller.admin) return TRUE;
  return sql`(project_id = ${caller.projectId} or network_id in (select id from networks where project_id = ${caller.projectId}))`;
}

const MAC_ATTEMPTS = 16; // 2^24 addresses a network: two in a row taken is already rare

async function freeMac(db: Sql, networkId: string): Promise<string> {
  for (let attempt = 0; attempt < MAC_ATTEMPTS; attempt++) {
    const tail = [...crypto.getRandomValues(new Uint8Array(3))].map((byte) =>
      byte.toString(16).padStart(2, '0'),
    );
    const mac = ['fa', '16', '3e', ...tail].join(':');
    if (!(await isMacTaken(db, networkId, mac))) return mac;
  }
  throw conflict('MacAddressGenerationFailure', `Unable to generate unique mac on network ${networkId}.`);
}

export async function isMacTaken(db: Sql, networkId: string, mac: string): Promise<boolean> {
  const row = await db
    .selectFrom('ports')
    .select('id')
    .where('network_id', '=', networkId)
    .where('mac_address', '=', mac)
    .executeTakeFirst();
  return row !== undefined;
}

export function macInUse(mac: string, networkId: string): Error {
  return conflict(
    'MacAddressInUse',
    `Unable to complete operation for network ${networkId}. The mac address ${mac} is in use.`,
  );
}

export type NewPort = Partial<PortRow> & Pick<PortRow, 'project_id' | 'network_id'>;

/** Adds a port without addresses and groups. @throws NetworkError 409 MacAddressInUse */
export async function insertPort(unit: Unit, port: NewPort): Promise<PortRow> {
  const mac = port.mac_address ?? (await freeMac(unit.trx, port.network_id));
  if (port.mac_address !== undefined && (await isMacTaken(unit.trx, port.network_id, mac)))
    throw macInUse(mac, port.network_id);
  const row: PortRow = {
    ...newStandard({}, port.project_id, unit.now),
    name: '',
    admin_state_up: 1,
    device_id: '',
    device_owner: '',
    port_security_enabled: 1,
    binding_host_id: '',
    binding_vnic_type: 'normal',
    binding_profile: '{}',
    allowed_address_pairs: '[]',
    extra_dhcp_opts: '[]',
    dns_name: '',
    dns_domain: '',
    qos_policy_id: null,
    ...port,
    mac_address: mac,
  };
  try {
    await insertRow(unit.trx, 'ports', row);
  } catch (error) {
    if (isUniqueViolation(error)) throw macInUse(mac, port.network_id);
    throw error;
  }
  unit.touch('port', row.id);
  return row;
}

export async function setSecurityGroups(db: Sql, portId: string, groups: readonly string[]): Promise<void> {
  await deleteRows(db, 'port_security_groups', [equals('port_id', portId)]);
  for (const id of new Set(groups))
    await insertRow(db, 'port_security_groups', { port_id: portId, security_group_id: id });
}

/** Removes the port with its addresses, group memberships and forwarded ports; floating IPs that pointed to it are left free. */
export async function deletePortRow(unit: Unit, portId: string): Promise<void> {
  const db = unit.trx;
  for (const fip of await selectRows(db, 'floatingips', [equals('port_id', portId)])) {
    await db
      .updateTable('floatingips')
      .set({
        port_id: null,
        fixed_ip_address: null,
        router_id: null,
        revision_number: fip.revision_number + 1,
        updated_at: unit.now,
      })
      .where('id', '=', fip.id)
      .execute();
    unit.touch('floatingip', fip.id);
  }
  await removeForwardingsTo(unit, portId);
  await deleteRows(db, 'ip_allocations', [equals('port_id', portId)]);
  await deleteRows(db, 'port_security_groups', [equals('port_id', portId)]);
  await removeInactiveBindings(db, portId);
  await deleteRows(db, 'tags', [equals('resource_id', portId)]);
  await deleteRows(db, 'ports', [equals('id', portId)]);
  unit.touch('port', portId);
}
