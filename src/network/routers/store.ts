// What a router is connected to.
import type { PortRow, SubnetRow } from '../tables.ts';
import type { Sql } from '../rest/deps.ts';
import { equals, selectRows } from '../rest/select.ts';
import { ROUTER_GATEWAY, ROUTER_INTERFACE } from '../ports/owners.ts';

export interface Connection {
  readonly portId: string;
  readonly owner: string;
  readonly networkId: string;
  readonly ipAddress: string;
  readonly subnet: SubnetRow;
}

/** Each address of each port of the router, with its subnet. */
export async function connectionsOf(db: Sql, routerId: string): Promise<Connection[]> {
  const rows = await db
    .selectFrom('ports')
    .innerJoin('ip_allocations', 'ip_allocations.port_id', 'ports.id')
    .innerJoin('subnets', 'subnets.id', 'ip_allocations.subnet_id')
    .selectAll('subnets')
    .select(['ports.id as port_id', 'ports.device_owner', 'ip_allocations.ip_address'])
    .where('ports.device_id', '=', routerId)
    .where('ports.device_owner', 'in', [ROUTER_INTERFACE, ROUTER_GATEWAY])
    .execute();
  return rows.map(({ port_id, device_owner, ip_address, ...subnet }) => ({
    portId: port_id,
    owner: device_owner,
    networkId: subnet.network_id,
    ipAddress: ip_address,
    subnet,
  }));
}

export async function interfacePorts(db: Sql, routerId: string): Promise<PortRow[]> {
  return selectRows(db, 'ports', [equals('device_id', routerId), equals('device_owner', ROUTER_INTERFACE)]);
}
