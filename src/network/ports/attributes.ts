// Reads the parts of a port's body that need checking: MAC, groups, address pairs, DHCP options, owner.
import { PolicyDenied } from '#platform/policy/enforcer.ts';
import type { NetworkRow, PortRow } from '../tables.ts';
import { badRequest, conflict, invalidInput, notFound } from '../errors.ts';
import { formatCidr, formatIp, isUnicastMac, parseCidr, parseIp } from '../ipam/address.ts';
import type { FixedIpWish } from '../ipam/port-addresses.ts';
import { has, readText } from '../rest/attributes.ts';
import type { Operation } from '../rest/crud.ts';
import type { Input } from '../rest/deps.ts';
import { inList, selectRows } from '../rest/select.ts';
import { visibleSecurityGroups } from '../security-groups/store.ts';
import { isNetworkOwned } from './owners.ts';

const MAX_PAIRS = 10; // upstream's default

export function readMac(input: Input, name = 'mac_address'): string | undefined {
  const text = readText(input, name);
  if (text === '') return undefined;
  if (!isUnicastMac(text)) throw invalidInput(`'${text}' is not a valid MAC address`);
  return text.toLowerCase().replaceAll('-', ':');
}

export interface AddressPair {
  readonly ip_address: string;
  readonly mac_address: string;
}

export function readPairs(input: Input, ownMac: string): AddressPair[] {
  const pairs =
    (input['allowed_address_pairs'] as Array<{ ip_address: string; mac_address?: string }> | null) ?? [];
  if (pairs.length > MAX_PAIRS)
    throw badRequest(
      'AllowedAddressPairExhausted',
      `The number of allowed address pair exceeds the maximum ${MAX_PAIRS}.`,
    );
  const read = pairs.map((pair) => {
    const ip = parseIp(pair.ip_address);
    const cidr = ip ? undefined : parseCidr(pair.ip_address);
    if (!ip && !cidr) throw invalidInput(`'${pair.ip_address}' is not a valid IP address or CIDR`);
    const address = ip ? formatIp(ip) : cidr ? formatCidr(cidr) : '';
    return { ip_address: address, mac_address: readMac(pair) ?? ownMac };
  });
  const keys = read.map((pair) => `${pair.ip_address} ${pair.mac_address}`);
  if (new Set(keys).size !== keys.length)
    throw badRequest('DuplicateAddressPairInRequest', 'Request contains duplicate address pair.');
  return read;
}

export interface DhcpOption {
  readonly opt_name: string;
  readonly opt_value: string;
  readonly ip_version: 4 | 6;
}

/** Options by name and version; a null value takes one away. */
export function mergeOptions(existing: readonly DhcpOption[], input: Input): DhcpOption[] {
  const wanted =
    (input['extra_dhcp_opts'] as Array<{
      opt_name: string;
      opt_value: string | null;
      ip_version?: unknown;
    }> | null) ?? [];
  const merged = new Map(existing.map((option) => [`${option.opt_name} ${option.ip_version}`, option]));
  for (const { opt_name: name, opt_value: value, ip_version: version } of wanted) {
    const ipVersion = Number(version ?? 4) === 6 ? 6 : 4;
    const key = `${name} ${ipVersion}`;
    if (value === null) merged.delete(key);
    else merged.set(key, { opt_name: name, opt_value: value, ip_version: ipVersion });
  }
  return [...merged.values()];
}

export function readWishes(input: Input): FixedIpWish[] | undefined {
  const wishes = input['fixed_ips'];
  return wishes === undefined ? undefined : ((wishes as FixedIpWish[] | null) ?? []);
}

/** Ids of groups that exist for the caller. @throws NetworkError 404 naming the first that does not. */
export async function checkGroups(
  operation: Operation,
  ids: readonly string[],
  projectId: string,
): Promise<string[]> {
  const { unit, deps, caller } = operation;
  const wanted = [...new Set(ids)];
  if (wanted.length === 0) return [];
  const rows = await selectRows(unit.trx, 'security_groups', [
    inList(deps.db.engine, 'id', wanted),
    visibleSecurityGroups(caller.admin ? caller : { admin: false, projectId }),
  ]);
  const known = new Set(rows.map((row) => row.id));
  const missing = wanted.find((id) => !known.has(id));
  if (missing !== undefined) throw notFound('security_group', missing);
  return wanted;
}

/** @throws PolicyDenied for owners that are the network service's own. */
export function checkOwner(operation: Operation, owner: string): void {
  if (isNetworkOwned(owner) && !operation.call.allows('create_network_owned_port'))
    throw new PolicyDenied('(rule:create_port and rule:create_port:device_owner)');
}

/** Choosing one's own address on somebody else's network is for the network's owner. */
export function checkFixedIpPolicy(
  operation: Operation,
  network: NetworkRow,
  projectId: string,
  wishes: readonly FixedIpWish[],
): void {
  if (!wishes.some((wish) => wish.ip_address !== undefined)) return;
  operation.call.enforce('create_port:fixed_ips:ip_address', {
    project_id: projectId,
    'network:project_id': network.project_id,
  });
}

/** @throws NetworkError when groups or address pairs are wanted on a port that is not filtered. */
export function checkPortSecurity(
  port: Pick<PortRow, 'port_security_enabled'>,
  groups: number,
  pairs: number,
): void {
  if (port.port_security_enabled === 1) return;
  if (groups > 0)
    throw badRequest(
      'PortSecurityAndIPRequiredForSecurityGroups',
      'Port security must be enabled and port must have an IP address in order to use security groups.',
    );
  if (pairs > 0)
    throw conflict(
      'AddressPairAndPortSecurityRequired',
      'Port Security must be enabled in order to have allowed address pairs on a port.',
    );
}

const VNIC_TYPES = new Set([
  'normal',
  'direct',
  'direct-physical',
  'macvtap',
  'baremetal',
  'virtio-forwarder',
  'smart-nic',
  'vdpa',
  'remote-managed',
]);

/** @throws NetworkError 400 for a kind of port that hosts cannot plug. */
export function readVnicType(input: Input, name: string): string {
  const vnic = readText(input, name, 'normal');
  if (!VNIC_TYPES.has(vnic)) throw invalidInput(`'${vnic}' is not in ${[...VNIC_TYPES].join(', ')}`);
  if (vnic !== 'normal')
    throw badRequest(
      'UnsupportedVnicType',
      `Ports of vnic_type ${vnic} cannot be plugged by the hosts of this cloud; use normal.`,
    );
  return vnic;
}

/** The binding columns that the body names. @throws NetworkError 400 for a kind of port that hosts cannot plug. */
export function readBinding(input: Input): Partial<PortRow> {
  const vnic = readVnicType(input, 'binding:vnic_type');
  return {
    ...(has(input, 'binding:host_id') ? { binding_host_id: readText(input, 'binding:host_id') } : {}),
    ...(has(input, 'binding:vnic_type') ? { binding_vnic_type: vnic } : {}),
    ...(has(input, 'binding:profile')
      ? { binding_profile: JSON.stringify(input['binding:profile'] ?? {}) }
      : {}),
  };
}
