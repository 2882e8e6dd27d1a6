// Creating, changing and deleting subnets, and what that means for the ports of the network.
import type { NetworkRow, PortRow, SubnetRow } from '../tables.ts';
import { conflict, invalidInput, notFound } from '../errors.ts';
import { formatCidr, formatIp, parseCidr, type Cidr } from '../ipam/address.ts';
import type { Pool } from '../ipam/allocate.ts';
import { nextFreeAddress, reserveAddress } from '../ipam/allocate.ts';
import { allocationsOf, isAutoAddress, slaacAddress, subnetsOfNetwork } from '../ipam/port-addresses.ts';
import { findVisibleNetwork } from '../networks/store.ts';
import { DISTRIBUTED, isAutoDeleted, isL3Owned, ROUTER_GATEWAY, ROUTER_INTERFACE } from '../ports/owners.ts';
import { insertPort } from '../ports/store.ts';
import {
  has,
  pickFlags,
  pickTexts,
  readBool,
  readFlag,
  readId,
  readInt,
  readText,
} from '../rest/attributes.ts';
import type { Operation } from '../rest/crud.ts';
import type { Input } from '../rest/deps.ts';
import {
  bumpRevision,
  deleteRows,
  equals,
  insertRow,
  newStandard,
  selectRows,
  updateRow,
} from '../rest/select.ts';
import { choosePrefix } from '../subnetpools/choose-prefix.ts';
import {
  checkCidr,
  checkGateway,
  checkModes,
  checkNameservers,
  checkNoOverlap,
  checkPools,
  checkRoutes,
  defaultPools,
  type Route,
} from './checks.ts';

type Mode = SubnetRow['ipv6_ra_mode'];

export async function createSubnet(
  operation: Operation,
  input: Input,
  projectId: string,
): Promise<SubnetRow> {
  const { unit, caller } = operation;
  const networkId = readId(input, 'network_id');
  const network = await findVisibleNetwork(unit.trx, caller, networkId);
  if (!network) throw notFound('network', networkId);
  const enableDhcp = readBool(input, 'enable_dhcp', true);
  const { cidr, poolId } = await chooseCidr(operation, input, projectId, enableDhcp);
  const ra = (input['ipv6_ra_mode'] ?? null) as Mode;
  const address = (input['ipv6_address_mode'] ?? null) as Mode;
  checkModes(cidr, enableDhcp, ra, address);
  checkNoOverlap(cidr, await subnetsOfNetwork(unit.trx, networkId), networkId);
  const gateway = chooseGateway(cidr, input);
  const pools = input['allocation_pools'] as Pool[] | null | undefined;
  const row: SubnetRow = {
    ...newStandard(input, projectId, unit.now),
    name: readText(input, 'name'),
    network_id: networkId,
    ip_version: cidr.version,
    cidr: formatCidr(cidr),
    gateway_ip: gateway,
    enable_dhcp: enableDhcp ? 1 : 0,
    ipv6_ra_mode: ra,
    ipv6_address_mode: address,
    allocation_pools: JSON.stringify(pools ? checkPools(cidr, pools, gateway) : defaultPools(cidr, gateway)),
    dns_nameservers: JSON.stringify(checkNameservers((input['dns_nameservers'] as string[] | null) ?? [])),
    host_routes: JSON.stringify(checkRoutes(cidr.version, (input['host_routes'] as Route[] | null) ?? [])),
    service_types: JSON.stringify(input['service_types'] ?? []),
    subnetpool_id: poolId,
    dns_publish_fixed_ip: readFlag(input, 'dns_publish_fixed_ip', false),
    ipam_cursor: null,
  };
  await insertRow(unit.trx, 'subnets', row);
  unit.touch('subnet', row.id);
  await bumpRevision(unit.trx, 'networks', networkId, unit.now);
  unit.touch('network', networkId);
  if (isAutoAddress(row)) await addSlaacAddresses(operation, row);
  await serveMetadata(operation, network, row);
  return row;
}

async function chooseCidr(
  operation: Operation,
  input: Input,
  projectId: string,
  enableDhcp: boolean,
): Promise<{ cidr: Cidr; poolId: string | null }> {
  const version = readInt(input, 'ip_version');
  if (version !== undefined && version !== 4 && version !== 6)
    throw invalidInput(`ip_version ${version} is not 4 or 6`);
  const text = readText(input, 'cidr');
  const asked = text === '' ? undefined : checkCidr(text, enableDhcp);
  if (asked && version !== undefined && asked.version !== version)
    throw invalidInput(`cidr '${text}' does not match the ip_version '${version}'`);
  const fromPool = await choosePrefix(operation, input, projectId, { asked, version });
  if (fromPool) return fromPool;
  if (!asked) throw invalidInput('a subnetpool must be specified in the absence of a cidr');
  if (has(input, 'prefixlen'))
    throw invalidInput('prefixlen is for subnets from a pool: give cidr or prefixlen, not both');
  return { cidr: asked, poolId: null };
}

function chooseGateway(cidr: Cidr, input: Input): string | null {
  const wanted = input['gateway_ip'];
  if (wanted === null) return null;
  if (typeof wanted === 'string' && wanted !== '') return checkGateway(cidr, wanted);
  const single = cidr.prefix === (cidr.version === 4 ? 32 : 128);
  return single ? null : formatIp({ version: cidr.version, value: cidr.first + 1n });
}

/** Ports that are there already make themselves addresses from a new SLAAC prefix, so they are recorded. */
async function addSlaacAddresses({ unit }: Operation, subnet: SubnetRow): Promise<void> {
  const ports = await selectRows(unit.trx, 'ports', [equals('network_id', subnet.network_id)]);
  for (const port of ports) {
    if (isL3Owned(port.device_owner) || isAutoDeleted(port.device_owner)) continue;
    const position = (await allocationsOf(unit.trx, port.id)).length;
    await reserveAddress(unit.trx, subnet, port.id, slaacAddress(subnet, port.mac_address), position);
    await bumpRevision(unit.trx, 'ports', port.id, unit.now);
    unit.touch('port', port.id);
  }
}

/**
 * The network's metadata port has an address in each of its DHCPv4 subnets. By IPv6 it is asked at fe80::a9fe:a9fe, so
 * that it needs no address of a subnet there.
 */
async function serveMetadata(
  { unit, deps }: Operation,
  network: NetworkRow,
  subnet: SubnetRow,
): Promise<void> {
  const served = deps.config.metadataPorts && subnet.enable_dhcp === 1;
  const wanted = served && subnet.ip_version === 4;
  const [existing] = await selectRows(unit.trx, 'ports', [
    equals('network_id', network.id),
    equals('device_owner', DISTRIBUTED),
  ]);
  const allocations = existing ? await allocationsOf(unit.trx, existing.id) : [];
  const has = allocations.find((row) => row.subnet_id === subnet.id);
  const makePort = async (): Promise<PortRow> =>
    insertPort(unit, {
      project_id: network.project_id,
      network_id: network.id,
      device_owner: DISTRIBUTED,
      device_id: `ovnmeta-${network.id}`,
      port_security_enabled: 0,
    });
  if (!wanted) {
    if (served && !existing) unit.touch('port', (await makePort()).id);
    if (existing && has) {
      await deleteRows(unit.trx, 'ip_allocations', [
        equals('subnet_id', subnet.id),
        equals('port_id', existing.id),
      ]);
      await bumpRevision(unit.trx, 'ports', existing.id, unit.now);
      unit.touch('port', existing.id);
    }
    return;
  }
  if (has) return;
  const ip = await nextFreeAddress(unit.trx, subnet);
  if (!ip) return; // a pool too small for it: guests of this subnet use the config drive
  const port = existing ?? (await makePort());
  await reserveAddress(unit.trx, subnet, port.id, ip, allocations.length);
  if (existing) await bumpRevision(unit.trx, 'ports', existing.id, unit.now);
  unit.touch('port', port.id);
}

export async function updateSubnet(operation: Operation, row: SubnetRow, input: Input): Promise<SubnetRow> {
  const { unit } = operation;
  const cidr = parseCidr(row.cidr);
  if (!cidr) throw new Error(`subnet ${row.id} has no valid CIDR`);
  const enableDhcp = readBool(input, 'enable_dhcp', row.enable_dhcp === 1);
  checkModes(cidr, enableDhcp, row.ipv6_ra_mode, row.ipv6_address_mode);
  const gateway = has(input, 'gateway_ip') ? chooseGateway(cidr, input) : row.gateway_ip;
  if (gateway !== row.gateway_ip) await checkGatewayFree(operation, row);
  const pools = (input['allocation_pools'] ?? JSON.parse(row.allocation_pools)) as Pool[];
  const checked = checkPools(cidr, pools, gateway);
  const next = await updateRow(
    unit.trx,
    'subnets',
    row,
    {
      ...pickTexts(input, ['name', 'description']),
      ...pickFlags(input, ['enable_dhcp', 'dns_publish_fixed_ip']),
      gateway_ip: gateway,
      allocation_pools: JSON.stringify(checked),
      ...(has(input, 'dns_nameservers')
        ? {
            dns_nameservers: JSON.stringify(
              checkNameservers((input['dns_nameservers'] as string[] | null) ?? []),
            ),
          }
        : {}),
      ...(has(input, 'host_routes')
        ? {
            host_routes: JSON.stringify(
              checkRoutes(cidr.version, (input['host_routes'] as Route[] | null) ?? []),
            ),
          }
        : {}),
      ...(has(input, 'service_types') ? { service_types: JSON.stringify(input['service_types']) } : {}),
    },
    unit.now,
  );
  unit.touch('subnet', row.id);
  const [network] = await selectRows(unit.trx, 'networks', [equals('id', row.network_id)]);
  if (network) await serveMetadata(operation, network, next);
  return next;
}

async function checkGatewayFree({ unit }: Operation, row: SubnetRow): Promise<void> {
  if (row.gateway_ip === null) return;
  const holder = await unit.trx
    .selectFrom('ip_allocations')
    .innerJoin('ports', 'ports.id', 'ip_allocations.port_id')
    .select('ports.id')
    .where('ip_allocations.subnet_id', '=', row.id)
    .where('ip_allocations.ip_address', '=', row.gateway_ip)
    .where('ports.device_owner', '=', ROUTER_INTERFACE)
    .executeTakeFirst();
  if (holder)
    throw conflict(
      'GatewayIpInUse',
      `Current gateway ip ${row.gateway_ip} already in use by port ${holder.id}. Unable to update.`,
    );
}

export async function removeSubnet({ unit }: Operation, row: SubnetRow): Promise<void> {
  const holders = await unit.trx
    .selectFrom('ip_allocations')
    .innerJoin('ports', 'ports.id', 'ip_allocations.port_id')
    .select(['ports.id', 'ports.device_owner'])
    .where('ip_allocations.subnet_id', '=', row.id)
    .execute();
  const auto = isAutoAddress(row);
  const blocking = holders.filter(({ device_owner: owner }) => {
    if (isAutoDeleted(owner)) return false;
    return !(auto && owner !== ROUTER_INTERFACE && owner !== ROUTER_GATEWAY);
  });
  if (blocking.length > 0)
    throw conflict(
      'SubnetInUse',
      `Unable to complete operation on subnet ${row.id}: One or more ports have an IP allocation from this subnet.`,
    );
  await deleteRows(unit.trx, 'ip_allocations', [equals('subnet_id', row.id)]);
  for (const { id } of holders) {
    await bumpRevision(unit.trx, 'ports', id, unit.now);
    unit.touch('port', id);
  }
  await deleteRows(unit.trx, 'subnets', [equals('id', row.id)]);
  await bumpRevision(unit.trx, 'networks', row.network_id, unit.now);
  unit.touch('network', row.network_id);
  unit.touch('subnet', row.id);
}
