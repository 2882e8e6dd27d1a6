// Ties a floating IP to a port: checks the port, chooses its address and the router between.
import type { FloatingIpRow, PortRow } from '../tables.ts';
import { badRequest, conflict, NetworkError, notFound } from '../errors.ts';
import { parseIp, formatIp } from '../ipam/address.ts';
import { allocationsOf } from '../ipam/port-addresses.ts';
import { isL3Owned, ROUTER_INTERFACE } from '../ports/owners.ts';
import { isForwarding } from '../port-forwardings/store.ts';
import { visiblePorts } from '../ports/store.ts';
import type { Operation } from '../rest/crud.ts';
import type { Sql } from '../rest/deps.ts';
import { equals, selectRows } from '../rest/select.ts';

export type Association = Pick<FloatingIpRow, 'port_id' | 'fixed_ip_address' | 'router_id'>;

export const NO_ASSOCIATION: Association = { port_id: null, fixed_ip_address: null, router_id: null };

/** The address of a port that a floating IP leads to, and the router that connects both. */
export interface Inner {
  readonly port: PortRow;
  readonly ip: string;
  readonly subnetId: string;
  /** Undefined when none leads there. */
  readonly router: string | undefined;
}

/** @throws NetworkError 400 or 404 when the port cannot be led to. */
export async function findInner(
  { unit, caller }: Operation,
  fip: Pick<FloatingIpRow, 'id' | 'project_id' | 'floating_network_id'>,
  portId: string,
  fixedIp: string | null,
): Promise<Inner> {
  const db = unit.trx;
  const [port] = await selectRows(db, 'ports', [equals('id', portId), visiblePorts(caller)]);
  if (!port) throw notFound('port', portId);
  if (!caller.admin && port.project_id !== fip.project_id)
    throw badRequest(
      'BadRequest',
      `Bad floatingip request: Port ${portId} is associated with a different tenant than Floating IP ${fip.id} and therefore cannot be bound.`,
    );
  if (isL3Owned(port.device_owner))
    throw badRequest(
      'BadRequest',
      `Bad floatingip request: Port ${portId} belongs to a router or a floating IP itself.`,
    );
  const { ip, subnetId } = await chooseFixedIp(db, port, fixedIp);
  return { port, ip, subnetId, router: await routerBetween(db, subnetId, fip.floating_network_id) };
}

/** @throws NetworkError 400, 404 or 409 when the port cannot have it. */
export async function associate(
  operation: Operation,
  fip: Pick<FloatingIpRow, 'id' | 'project_id' | 'floating_network_id'>,
  portId: string,
  fixedIp: string | null,
): Promise<Association> {
  const db = operation.unit.trx;
  const { ip, subnetId, router } = await findInner(operation, fip, portId, fixedIp);
  if (await isForwarding(db, fip.id))
    throw conflict('FipInUseByPortForwarding', `Floating IP ${fip.id} in use by Port Forwarding resources.`);
  const taken = (
    await selectRows(db, 'floatingips', [equals('port_id', portId), equals('fixed_ip_address', ip)])
  ).find((other) => other.id !== fip.id);
  if (taken)
    throw conflict(
      'FloatingIPPortAlreadyAssociated',
      `Cannot associate floating IP with port ${portId} using fixed IP ${ip}, as that fixed IP already has a floating IP on external network ${taken.floating_network_id}.`,
    );
  if (router === undefined)
    throw new NetworkError(
      'not-found',
      'ExternalGatewayForFloatingIPNotFound',
      `External network ${fip.floating_network_id} is not reachable from subnet ${subnetId}. Therefore, cannot associate Port ${portId} with a Floating IP.`,
    );
  return { port_id: portId, fixed_ip_address: ip, router_id: router };
}

async function chooseFixedIp(
  db: Sql,
  port: PortRow,
  wanted: string | null,
): Promise<{ ip: string; subnetId: string }> {
  const v4 = (await allocationsOf(db, port.id)).filter((row) => !row.ip_address.includes(':'));
  const parsed = wanted === null ? undefined : parseIp(wanted);
  if (wanted !== null) {
    const text = parsed ? formatIp(parsed) : wanted;
    const row = v4.find((each) => each.ip_address === text);
    if (!row)
      throw badRequest(
        'BadRequest',
        `Bad floatingip request: Port ${port.id} does not have fixed ip ${wanted.slice(0, 64)}.`,
      );
    return { ip: row.ip_address, subnetId: row.subnet_id };
  }
  const [only] = v4;
  if (!only)
    throw badRequest(
      'BadRequest',
      `Bad floatingip request: Cannot add floating IP to port ${port.id} that has no fixed IPv4 addresses.`,
    );
  if (v4.length > 1)
    throw badRequest(
      'BadRequest',
      `Bad floatingip request: Port ${port.id} has multiple fixed IPv4 addresses. Must provide a specific IPv4 address when assigning a floating IP.`,
    );
  return { ip: only.ip_address, subnetId: only.subnet_id };
}

/** The router that connects the subnet with the external network; the one that is the subnet's gateway first. */
async function routerBetween(db: Sql, subnetId: string, networkId: string): Promise<string | undefined> {
  const rows = await db
    .selectFrom('ip_allocations')
    .innerJoin('ports', 'ports.id', 'ip_allocations.port_id')
    .innerJoin('routers', 'routers.id', 'ports.device_id')
    .innerJoin('subnets', 'subnets.id', 'ip_allocations.subnet_id')
    .select(['routers.id', 'ip_allocations.ip_address', 'subnets.gateway_ip'])
    .where('ip_allocations.subnet_id', '=', subnetId)
    .where('ports.device_owner', '=', ROUTER_INTERFACE)
    .where('routers.gateway_network_id', '=', networkId)
    .orderBy('routers.id')
    .execute();
  return (rows.find((row) => row.ip_address === row.gateway_ip) ?? rows[0])?.id;
}
