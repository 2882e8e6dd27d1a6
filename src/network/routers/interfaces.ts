// Connecting routers to subnets and taking them off again.
import { Reply, type Call } from '#platform/http/api.ts';
import { isForwardedTo } from '../port-forwardings/store.ts';
import type { PortRow, RouterRow, SubnetRow } from '../tables.ts';
import { badRequest, conflict, NetworkError, notFound } from '../errors.ts';
import { contains, overlaps, parseCidr, parseIp } from '../ipam/address.ts';
import { allocateWishes, allocationsOf } from '../ipam/port-addresses.ts';
import { ROUTER_INTERFACE } from '../ports/owners.ts';
import { deletePortRow, insertPort, setSecurityGroups } from '../ports/store.ts';
import { northboundHeaders, type Crud, type Operation } from '../rest/crud.ts';
import type { NetworkDeps, View } from '../rest/deps.ts';
import { bumpRevision, equals, inList, selectRows, updateRow } from '../rest/select.ts';
import { subnets } from '../subnets/routes.ts';
import { visiblePorts } from '../ports/store.ts';
import { connectionsOf, type Connection } from './store.ts';
import type { Route } from '../subnets/checks.ts';

interface Named {
  readonly subnet_id?: string;
  readonly port_id?: string;
}

interface Outcome {
  readonly router: RouterRow;
  readonly port: PortRow;
  readonly subnetIds: readonly string[];
}

export function addInterface(routers: Crud<'routers'>) {
  return async (call: Call, deps: NetworkDeps): Promise<Reply> => {
    const named = (call.body ?? {}) as Named;
    if ((named.subnet_id === undefined) === (named.port_id === undefined))
      throw badRequest(
        'BadRequest',
        'Bad router request: Either subnet_id or port_id must be specified, not both.',
      );
    const done = await routers.change(call, deps, async (operation, router): Promise<Outcome> => {
      call.enforce('add_router_interface', { project_id: router.project_id });
      const outcome =
        named.port_id === undefined
          ? await addBySubnet(operation, router, named.subnet_id ?? '')
          : await addByPort(operation, router, named.port_id);
      await finishChange(operation, router, outcome.port.id);
      return outcome;
    });
    return new Reply(200, viewInterface(done.result), northboundHeaders(done));
  };
}

/** Adds an interface on the subnet within a larger change. */
export async function connectSubnet(
  operation: Operation,
  router: RouterRow,
  subnetId: string,
): Promise<void> {
  const { port } = await addBySubnet(operation, router, subnetId);
  await finishChange(operation, router, port.id);
}

async function finishChange({ unit }: Operation, router: RouterRow, portId: string): Promise<void> {
  await bumpRevision(unit.trx, 'routers', router.id, unit.now);
  unit.touch('router', router.id);
  unit.touch('port', portId);
  unit.touch('router_interface', portId);
}

function viewInterface({ router, port, subnetIds }: Outcome): View {
  return {
    id: router.id,
    tenant_id: router.project_id,
    network_id: port.network_id,
    port_id: port.id,
    subnet_id: subnetIds[0],
    subnet_ids: subnetIds,
  };
}

async function addBySubnet(operation: Operation, router: RouterRow, subnetId: string): Promise<Outcome> {
  const { unit, caller } = operation;
  const subnet = await subnets.find(caller, unit.trx, subnetId);
  if (!subnet) throw notFound('subnet', subnetId);
  if (subnet.gateway_ip === null)
    throw badRequest('BadRequest', 'Bad router request: Subnet for router interface must have a gateway IP.');
  const connections = await connectionsOf(unit.trx, router.id);
  checkConnectable(router, [subnet], connections);
  const sibling =
    subnet.ip_version === 6
      ? connections.find(
          (each) =>
            each.networkId === subnet.network_id &&
            each.subnet.ip_version === 6 &&
            each.owner === ROUTER_INTERFACE,
        )
      : undefined;
  if (sibling) return joinPort(operation, router, sibling.portId, subnet);
  const port = await insertPort(unit, {
    project_id: router.project_id,
    network_id: subnet.network_id,
    device_id: router.id,
    device_owner: ROUTER_INTERFACE,
    port_security_enabled: 0,
  });
  await allocateWishes(unit.trx, port, [{ subnet_id: subnet.id, ip_address: subnet.gateway_ip }]);
  return { router, port, subnetIds: [subnet.id] };
}

/** IPv6 subnets of one network share the router's port, as their prefixes share its announcements. */
async function joinPort(
  { unit }: Operation,
  router: RouterRow,
  portId: string,
  subnet: SubnetRow,
): Promise<Outcome> {
  const [port] = await selectRows(unit.trx, 'ports', [equals('id', portId)]);
  if (!port) throw notFound('port', portId);
  const existing = await allocationsOf(unit.trx, portId);
  const wishes = existing.map(({ subnet_id, ip_address }) => ({ subnet_id, ip_address }));
  await allocateWishes(unit.trx, port, [
    ...wishes,
    { subnet_id: subnet.id, ...(subnet.gateway_ip ? { ip_address: subnet.gateway_ip } : {}) },
  ]);
  await bumpRevision(unit.trx, 'ports', portId, unit.now);
  return { router, port, subnetIds: [subnet.id] };
}

async function addByPort(operation: Operation, router: RouterRow, portId: string): Promise<Outcome> {
  const { unit, caller, deps } = operation;
  const [port] = await selectRows(unit.trx, 'ports', [equals('id', portId), visiblePorts(caller)]);
  if (!port || (!caller.admin && port.project_id !== router.project_id)) throw notFound('port', portId);
  if (port.device_id !== '')
    throw conflict(
      'PortInUse',
      `Unable to complete operation on port ${port.id} for network ${port.network_id}. Port already has an attached device ${port.device_id}.`,
    );
  const allocations = await allocationsOf(unit.trx, port.id);
  if (allocations.length === 0)
    throw badRequest('BadRequest', 'Bad router request: Router port must have at least one fixed IP.');
  const rows = await selectRows(unit.trx, 'subnets', [
    inList(
      deps.db.engine,
      'id',
      allocations.map((row) => row.subnet_id),
    ),
  ]);
  if (rows.filter((row) => row.ip_version === 4).length > 1)
    throw badRequest('BadRequest', 'Bad router request: Cannot have multiple IPv4 subnets on router port.');
  checkConnectable(router, rows, await connectionsOf(unit.trx, router.id));
  const next = await updateRow(
    unit.trx,
    'ports',
    port,
    {
      device_id: router.id,
      device_owner: ROUTER_INTERFACE,
      port_security_enabled: 0,
      allowed_address_pairs: '[]',
    },
    unit.now,
  );
  await setSecurityGroups(unit.trx, port.id, []);
  return { router, port: next, subnetIds: allocations.map((row) => row.subnet_id) };
}

/** @throws NetworkError 400 when the router is on the subnet already, or on one that overlaps. */
function checkConnectable(
  router: RouterRow,
  wanted: readonly SubnetRow[],
  connections: readonly Connection[],
): void {
  for (const subnet of wanted) {
    const cidr = parseCidr(subnet.cidr);
    for (const { subnet: other, networkId } of connections) {
      if (other.id === subnet.id)
        throw badRequest(
          'BadRequest',
          `Bad router request: Router already has a port on subnet ${subnet.id}.`,
        );
      const there = parseCidr(other.cidr);
      if (cidr && there && overlaps(cidr, there))
        throw badRequest(
          'BadRequest',
          `Bad router request: Cidr ${subnet.cidr} of subnet ${subnet.id} overlaps with cidr ${other.cidr} of subnet ${other.id}.`,
        );
      if (networkId === subnet.network_id && router.gateway_network_id === subnet.network_id)
        throw badRequest(
          'BadRequest',
          `Bad router request: network ${networkId} is the gateway network of the router.`,
        );
    }
  }
}

export function removeInterface(routers: Crud<'routers'>) {
  return async (call: Call, deps: NetworkDeps): Promise<Reply> => {
    const named = (call.body ?? {}) as Named;
    if (named.subnet_id === undefined && named.port_id === undefined)
      throw badRequest('BadRequest', 'Bad router request: Either subnet_id or port_id must be specified.');
    const done = await routers.change(call, deps, async (operation, router): Promise<Outcome> => {
      call.enforce('remove_router_interface', { project_id: router.project_id });
      const outcome = await disconnect(operation, router, named);
      await finishChange(operation, router, outcome.port.id);
      return outcome;
    });
    return new Reply(200, viewInterface(done.result), northboundHeaders(done));
  };
}

export async function disconnect({ unit }: Operation, router: RouterRow, named: Named): Promise<Outcome> {
  const connections = (await connectionsOf(unit.trx, router.id)).filter(
    (each) => each.owner === ROUTER_INTERFACE,
  );
  const leaving = connections.filter(
    (each) =>
      (named.port_id === undefined || each.portId === named.port_id) &&
      (named.subnet_id === undefined || each.subnet.id === named.subnet_id),
  );
  const [first] = leaving;
  if (!first) throw noSuchInterface(router, named);
  for (const connection of leaving) await checkUnused(unit.trx, router, connection);
  const [port] = await selectRows(unit.trx, 'ports', [equals('id', first.portId)]);
  if (!port) throw noSuchInterface(router, named);
  const staying = connections.filter((each) => each.portId === port.id && !leaving.includes(each));
  if (staying.length === 0) await deletePortRow(unit, port.id);
  else {
    await allocateWishes(
      unit.trx,
      port,
      staying.map((each) => ({ subnet_id: each.subnet.id, ip_address: each.ipAddress })),
    );
    await bumpRevision(unit.trx, 'ports', port.id, unit.now);
  }
  return { router, port, subnetIds: leaving.map((each) => each.subnet.id) };
}

function noSuchInterface(router: RouterRow, named: Named): NetworkError {
  return named.subnet_id !== undefined && named.port_id === undefined
    ? new NetworkError(
        'not-found',
        'RouterInterfaceNotFoundForSubnet',
        `Router ${router.id} has no interface on subnet ${named.subnet_id}.`,
      )
    : new NetworkError(
        'not-found',
        'RouterInterfaceNotFound',
        `Router ${router.id} does not have an interface with id ${named.port_id}.`,
      );
}

/** @throws NetworkError 409 when floating IPs or routes go through the interface. */
async function checkUnused(
  db: Operation['unit']['trx'],
  router: RouterRow,
  { subnet }: Connection,
): Promise<void> {
  const fip = await db
    .selectFrom('floatingips')
    .innerJoin('ip_allocations', (join) =>
      join
        .onRef('ip_allocations.port_id', '=', 'floatingips.port_id')
        .onRef('ip_allocations.ip_address', '=', 'floatingips.fixed_ip_address'),
    )
    .select('floatingips.id')
    .where('floatingips.router_id', '=', router.id)
    .where('ip_allocations.subnet_id', '=', subnet.id)
    .executeTakeFirst();
  if (fip || (await isForwardedTo(db, router.id, subnet.id)))
    throw conflict(
      'RouterInterfaceInUseByFloatingIP',
      `Router interface for subnet ${subnet.id} on router ${router.id} cannot be deleted, as it is required by one or more floating IPs.`,
    );
  const cidr = parseCidr(subnet.cidr);
  const route = (JSON.parse(router.routes) as Route[]).find(({ nexthop }) => {
    const ip = parseIp(nexthop);
    return cidr && ip && ip.version === cidr.version && contains(cidr, ip.value);
  });
  if (route)
    throw conflict(
      'RouterInterfaceInUseByRoute',
      `Router interface for subnet ${subnet.id} on router ${router.id} cannot be deleted, as it is required by one or more routes.`,
    );
}
