// Creating, changing, deleting and showing floating IPs.
import { isUniqueViolation } from '#platform/sql/database.ts';
import type { FloatingIpRow, NetworkRow, PortForwardingRow, PortRow } from '../tables.ts';
import { badRequest, conflict, notFound } from '../errors.ts';
import { allocateWishes, allocationsOf, exhausted, subnetsOfNetwork } from '../ipam/port-addresses.ts';
import { nextFreeAddress, reserveAddress } from '../ipam/allocate.ts';
import { findVisibleNetwork } from '../networks/store.ts';
import { isForwarding } from '../port-forwardings/store.ts';
import { FLOATING_IP } from '../ports/owners.ts';
import { portStatus } from '../ports/status.ts';
import { deletePortRow, insertPort } from '../ports/store.ts';
import { readQosPolicy } from '../qos-policies/attach.ts';
import { policiesOfNetworks } from '../qos-policies/store.ts';
import { has, pickTexts, readId, readText, readTextOrNull } from '../rest/attributes.ts';
import type { Operation } from '../rest/crud.ts';
import type { Caller, Input, NetworkDeps, Sql, View } from '../rest/deps.ts';
import { deleteRows, equals, inList, insertRow, newStandard, selectRows, updateRow } from '../rest/select.ts';
import { associate, NO_ASSOCIATION, type Association } from './associate.ts';

export async function createFloatingIp(
  operation: Operation,
  input: Input,
  projectId: string,
): Promise<FloatingIpRow> {
  const { unit } = operation;
  const network = await findExternal(operation, readId(input, 'floating_network_id'));
  const base = newStandard(input, projectId, unit.now);
  const port = await insertPort(unit, {
    project_id: '',
    network_id: network.id,
    device_id: base.id,
    device_owner: FLOATING_IP,
    port_security_enabled: 0,
  });
  const address = await chooseAddress(operation, input, network, port);
  const identity = { ...base, floating_network_id: network.id };
  const portId = readTextOrNull(input, 'port_id');
  const fixed = readTextOrNull(input, 'fixed_ip_address');
  if (portId === null && fixed !== null)
    throw badRequest(
      'BadRequest',
      'Bad floatingip request: fixed_ip_address cannot be specified without a port_id.',
    );
  const row: FloatingIpRow = {
    ...identity,
    floating_ip_address: address,
    floating_port_id: port.id,
    ...(portId === null ? NO_ASSOCIATION : await associate(operation, identity, portId, fixed)),
    dns_name: readText(input, 'dns_name'),
    dns_domain: readText(input, 'dns_domain'),
    qos_policy_id: (await readQosPolicy(operation, input)).qos_policy_id ?? null,
  };
  await guarded(row, () => insertRow(unit.trx, 'floatingips', row));
  unit.touch('floatingip', row.id);
  return row;
}

async function findExternal({ unit, caller }: Operation, id: string): Promise<NetworkRow> {
  const network = await findVisibleNetwork(unit.trx, caller, id);
  if (!network) throw notFound('network', id);
  if (network.external !== 1)
    throw badRequest('BadRequest', `Bad floatingip request: Network ${id} is not a valid external network.`);
  return network;
}

async function chooseAddress(
  operation: Operation,
  input: Input,
  network: NetworkRow,
  port: PortRow,
): Promise<string> {
  const { trx } = operation.unit;
  const wanted = readTextOrNull(input, 'floating_ip_address');
  const subnetId = readTextOrNull(input, 'subnet_id');
  const all = await subnetsOfNetwork(trx, network.id);
  if (subnetId !== null && !all.some((subnet) => subnet.id === subnetId)) throw notFound('subnet', subnetId);
  const v4 = all.filter((subnet) => subnet.ip_version === 4 && (subnetId === null || subnet.id === subnetId));
  if (v4.length === 0)
    throw badRequest(
      'BadRequest',
      `Bad floatingip request: Network ${network.id} does not contain any IPv4 subnet.`,
    );
  if (wanted !== null) {
    await allocateWishes(trx, port, [
      { ip_address: wanted, ...(subnetId === null ? {} : { subnet_id: subnetId }) },
    ]);
    return (await allocationsOf(trx, port.id))[0]?.ip_address ?? wanted;
  }
  for (const subnet of v4) {
    const ip = await nextFreeAddress(trx, subnet);
    if (!ip) continue;
    await reserveAddress(trx, subnet, port.id, ip, 0);
    return (await allocationsOf(trx, port.id))[0]?.ip_address ?? '';
  }
  throw exhausted(network.id);
}

async function guarded<T>(row: Association, write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    if (isUniqueViolation(error))
      throw conflict(
        'FloatingIPPortAlreadyAssociated',
        `Cannot associate floating IP with port ${row.port_id} using fixed IP ${row.fixed_ip_address}: it was given one at the same time.`,
      );
    throw error;
  }
}

export async function updateFloatingIp(
  operation: Operation,
  row: FloatingIpRow,
  input: Input,
): Promise<FloatingIpRow> {
  const { unit } = operation;
  const association = await chooseAssociation(operation, row, input);
  const qos = await readQosPolicy(operation, input, row.qos_policy_id);
  const changes = { ...pickTexts(input, ['description', 'dns_name', 'dns_domain']), ...association, ...qos };
  const next = await guarded({ ...row, ...association }, () =>
    updateRow(unit.trx, 'floatingips', row, changes, unit.now),
  );
  unit.touch('floatingip', row.id);
  return next;
}

async function chooseAssociation(
  operation: Operation,
  row: FloatingIpRow,
  input: Input,
): Promise<Association | undefined> {
  const fixed = readTextOrNull(input, 'fixed_ip_address');
  if (!has(input, 'port_id')) {
    if (fixed === null) return undefined;
    if (row.port_id === null)
      throw badRequest(
        'BadRequest',
        'Bad floatingip request: fixed_ip_address cannot be specified without a port_id.',
      );
    return associate(operation, row, row.port_id, fixed);
  }
  const portId = readTextOrNull(input, 'port_id');
  if (portId !== null) return associate(operation, row, portId, fixed);
  // One that forwards ports keeps its router.
  return row.port_id === null ? undefined : NO_ASSOCIATION;
}

/** @throws NetworkError 409 while it forwards ports */
export async function removeFloatingIp({ unit }: Operation, row: FloatingIpRow): Promise<void> {
  if (await isForwarding(unit.trx, row.id))
    throw conflict('FipInUseByPortForwarding', `Floating IP ${row.id} in use by Port Forwarding resources.`);
  await deleteRows(unit.trx, 'floatingips', [equals('id', row.id)]);
  await deletePortRow(unit, row.floating_port_id);
  unit.touch('floatingip', row.id);
}

export async function viewFloatingIps(
  rows: readonly FloatingIpRow[],
  _caller: Caller,
  deps: NetworkDeps,
  db: Sql,
): Promise<View[]> {
  const ids = rows.flatMap((row) => row.port_id ?? []);
  const ports = ids.length === 0 ? [] : await selectRows(db, 'ports', [inList(deps.db.engine, 'id', ids)]);
  const byId = new Map(ports.map((port) => [port.id, port]));
  const forwarding = rows.filter((row) => row.port_id === null && row.router_id !== null).map(({ id }) => id);
  const forwardings =
    forwarding.length === 0
      ? []
      : await selectRows(db, 'port_forwardings', [inList(deps.db.engine, 'floatingip_id', forwarding)]);
  const networks = rows.map((row) => row.floating_network_id);
  const policies = await policiesOfNetworks(db, deps.db.engine, networks);
  return rows.map((row) => {
    const port = byId.get(row.port_id ?? '');
    return {
      floating_network_id: row.floating_network_id,
      floating_ip_address: row.floating_ip_address,
      port_id: row.port_id,
      fixed_ip_address: row.fixed_ip_address,
      router_id: row.router_id,
      status: row.router_id === null ? 'DOWN' : 'ACTIVE',
      dns_name: row.dns_name,
      dns_domain: row.dns_domain,
      qos_policy_id: row.qos_policy_id,
      qos_network_policy_id: policies.get(row.floating_network_id) ?? null,
      port_details: port ? detailsOf(port, deps) : null,
      port_forwardings: forwardings.filter((each) => each.floatingip_id === row.id).map(briefForwarding),
    };
  });
}

function briefForwarding(row: PortForwardingRow): View {
  const { id, protocol, external_port, internal_port, internal_ip_address, internal_port_id } = row;
  return { id, protocol, external_port, internal_port, internal_ip_address, internal_port_id };
}

function detailsOf(port: PortRow, deps: NetworkDeps): View {
  return {
    name: port.name,
    network_id: port.network_id,
    mac_address: port.mac_address,
    admin_state_up: port.admin_state_up === 1,
    status: portStatus(port, deps.northbound.portState(port.id)),
    device_id: port.device_id,
    device_owner: port.device_owner,
  };
}
