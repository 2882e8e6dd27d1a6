// A router's way out: the port on the external network, its addresses, source NAT.
import type { NetworkRow, RouterRow } from '../tables.ts';
import { badRequest, conflict, notFound } from '../errors.ts';
import {
  allocateAutomatically,
  allocateWishes,
  subnetsOfNetwork,
  type FixedIpWish,
} from '../ipam/port-addresses.ts';
import { overlaps, parseCidr } from '../ipam/address.ts';
import { findVisibleNetwork } from '../networks/store.ts';
import { ROUTER_GATEWAY } from '../ports/owners.ts';
import { deletePortRow, insertPort } from '../ports/store.ts';
import { has, readBool } from '../rest/attributes.ts';
import type { Operation } from '../rest/crud.ts';
import type { Input } from '../rest/deps.ts';
import { bumpRevision, equals, selectRows } from '../rest/select.ts';
import { connectionsOf } from './store.ts';

type Gateway = Pick<RouterRow, 'gateway_network_id' | 'gateway_port_id' | 'enable_snat'>;

/** Gives the router the gateway that the body asks for; the columns to store. @throws NetworkError */
export async function setGateway(
  operation: Operation,
  router: Pick<RouterRow, 'id' | 'project_id'> & Gateway,
  info: Input | null,
  rule: string,
): Promise<Gateway> {
  const networkId = info?.['network_id'];
  if (!info || typeof networkId !== 'string') {
    await dropGateway(operation, router);
    return { gateway_network_id: null, gateway_port_id: null, enable_snat: 1 };
  }
  checkInfoPolicy(operation, router, info, rule);
  const network = await findExternal(operation, networkId);
  const snat = has(info, 'enable_snat')
    ? readBool(info, 'enable_snat', true)
      ? 1
      : 0
    : router.gateway_port_id
      ? router.enable_snat
      : 1;
  const wishes = info['external_fixed_ips'] as FixedIpWish[] | undefined;
  if (router.gateway_port_id !== null && router.gateway_network_id === networkId) {
    if (wishes && wishes.length > 0) await moveGateway(operation, router.gateway_port_id, wishes);
    return { gateway_network_id: networkId, gateway_port_id: router.gateway_port_id, enable_snat: snat };
  }
  await checkNoOverlap(operation, router.id, network);
  await dropGateway(operation, router);
  const port = await insertPort(operation.unit, {
    project_id: '',
    network_id: networkId,
    device_id: router.id,
    device_owner: ROUTER_GATEWAY,
    port_security_enabled: 0,
  });
  if (wishes && wishes.length > 0) await allocateWishes(operation.unit.trx, port, wishes);
  else await allocateAutomatically(operation.unit.trx, port);
  return { gateway_network_id: networkId, gateway_port_id: port.id, enable_snat: snat };
}

function checkInfoPolicy(
  { call }: Operation,
  router: Pick<RouterRow, 'project_id'>,
  info: Input,
  rule: string,
): void {
  for (const attribute of ['enable_snat', 'external_fixed_ips'])
    if (has(info, attribute))
      call.enforce(`${rule}:external_gateway_info:${attribute}`, { project_id: router.project_id });
}

async function findExternal({ unit, caller }: Operation, id: string): Promise<NetworkRow> {
  const network = await findVisibleNetwork(unit.trx, caller, id);
  if (!network) throw notFound('network', id);
  if (network.external !== 1)
    throw badRequest('BadRequest', `Bad router request: Network ${id} is not an external network.`);
  return network;
}

async function moveGateway(
  { unit }: Operation,
  portId: string,
  wishes: readonly FixedIpWish[],
): Promise<void> {
  const [port] = await selectRows(unit.trx, 'ports', [equals('id', portId)]);
  if (!port) return;
  await allocateWishes(unit.trx, port, wishes);
  await bumpRevision(unit.trx, 'ports', portId, unit.now);
  unit.touch('port', portId);
}

async function checkNoOverlap({ unit }: Operation, routerId: string, network: NetworkRow): Promise<void> {
  const inner = (await connectionsOf(unit.trx, routerId)).filter((each) => each.owner !== ROUTER_GATEWAY);
  for (const subnet of await subnetsOfNetwork(unit.trx, network.id)) {
    const outer = parseCidr(subnet.cidr);
    const clash = inner.find((each) => {
      const cidr = parseCidr(each.subnet.cidr);
      return outer && cidr && overlaps(outer, cidr);
    });
    if (clash)
      throw badRequest(
        'BadRequest',
        `Bad router request: Cidr ${subnet.cidr} of subnet ${subnet.id} overlaps with cidr ${clash.subnet.cidr} of subnet ${clash.subnet.id}.`,
      );
  }
}

/** @throws NetworkError 409 while floating IPs go through it. */
export async function dropGateway(
  { unit }: Operation,
  router: Pick<RouterRow, 'id' | 'gateway_port_id' | 'gateway_network_id'>,
): Promise<void> {
  if (router.gateway_port_id === null) return;
  const fips = await selectRows(unit.trx, 'floatingips', [equals('router_id', router.id)]);
  if (fips.length > 0)
    throw conflict(
      'RouterExternalGatewayInUseByFloatingIp',
      `Gateway cannot be updated for router ${router.id}, since a gateway to external network ${router.gateway_network_id} is required by one or more floating IPs.`,
    );
  await deletePortRow(unit, router.gateway_port_id);
}
