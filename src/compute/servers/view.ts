// A server as the API shows it, for each microversion. Pure: everything it shows is handed in.
import { createHash } from 'node:crypto';
import type { Call } from '#platform/http/api.ts';
import { atLeast, type VersionText } from '#platform/microversion/microversion.ts';
import type { Fault, FlavorSnapshot, InstanceRow, Vif } from '#compute/tables.ts';
import { bookmark, linksOf } from '#compute/links.ts';
import type { ListedRow } from './list-store.ts';
import { statusOf } from './states.ts';

/** What a view needs beside the row, fetched for a whole list at once. */
export interface ServerFacts {
  readonly tags: readonly string[];
  /** Names of the groups on the server's ports. */
  readonly securityGroups: readonly string[];
  readonly volumes: ReadonlyArray<{ readonly id: string; readonly deleteOnTermination: boolean }>;
  /** `UP`, `DOWN`, `UNKNOWN`, `MAINTENANCE` or empty. */
  readonly hostStatus: string;
}

/** Which answer it is: before 2.75 the answers to changes lacked what other services would have to be asked for. */
export type ViewKind = 'show' | 'detail' | 'update' | 'rebuild';

type Json = Record<string, unknown>;

export function briefView(call: Call, row: Pick<InstanceRow, 'id' | 'name'>): Json {
  return { id: row.id, name: row.name, links: linksOf(call, `servers/${row.id}`) };
}

export function serverView(call: Call, row: ListedRow, facts: ServerFacts, kind: ViewKind): Json {
  const since = (version: VersionText): boolean => atLeast(call.microversion, version);
  const whole = kind === 'show' || kind === 'detail' || since('2.75');
  return {
    ...baseView(call, row),
    ...(whole ? {} : { addresses: plainAddresses(row) }),
    flavor: since('2.47') ? embeddedFlavor(call, row) : flavorLink(call, row),
    ...(since('2.9') ? { locked: row.locked === 1 } : {}),
    ...(since('2.19') ? { description: row.description } : {}),
    ...(since('2.26') ? { tags: facts.tags } : {}),
    ...(since('2.63') ? { trusted_image_certificates: null } : {}),
    ...(since('2.71') && kind !== 'detail'
      ? { server_groups: row.server_group_id === null ? [] : [row.server_group_id] }
      : {}),
    ...(since('2.73') ? { locked_reason: row.locked_reason } : {}),
    ...(whole ? extended(call, row, facts, kind) : {}),
    ...(kind === 'rebuild' && since('2.54') ? { key_name: row.key_name } : {}),
    ...(kind === 'rebuild' && since('2.57') ? { user_data: row.user_data ?? null } : {}),
    ...(since('2.90') ? { 'OS-EXT-SRV-ATTR:hostname': row.hostname } : {}),
    ...(since('2.96') && whole ? { pinned_availability_zone: row.requested_zone } : {}),
  };
}

/** An answer to `rebuild` has `user_data` by its own name. */
function extended(call: Call, row: ListedRow, facts: ServerFacts, kind: ViewKind): Json {
  const view = extendedView(call, row, facts);
  if (kind === 'rebuild') delete view['OS-EXT-SRV-ATTR:user_data'];
  return view;
}

const WITH_PROGRESS: ReadonlySet<string> = new Set([
  'ACTIVE',
  'BUILD',
  'REBUILD',
  'RESIZE',
  'VERIFY_RESIZE',
  'MIGRATING',
]);
const WITH_FAULT: ReadonlySet<string> = new Set(['ERROR', 'DELETED']);

function baseView(call: Call, row: ListedRow): Json {
  const status = statusOf(row.vm_state, row.task_state);
  const fault = row.fault_json === null ? undefined : (JSON.parse(row.fault_json) as Fault);
  return {
    ...briefView(call, row),
    status,
    tenant_id: row.project_id,
    user_id: row.user_id,
    metadata: JSON.parse(row.metadata_json) as unknown,
    hostId: hostIdOf(row.project_id, row.host),
    image:
      row.image_id === null ? '' : { id: row.image_id, links: [bookmark(call, `images/${row.image_id}`)] },
    created: seconds(row.created_at),
    updated: seconds(row.updated_at ?? row.created_at),
    addresses: addressesOf(vifsOf(row)),
    accessIPv4: row.access_ip_v4 ?? '',
    accessIPv6: row.access_ip_v6 ?? '',
    'OS-DCF:diskConfig': row.disk_config,
    ...(WITH_PROGRESS.has(status) ? { progress: row.progress } : {}),
    ...(fault && WITH_FAULT.has(status) ? { fault: faultView(call, fault) } : {}),
  };
}

function extendedView(call: Call, row: ListedRow, facts: ServerFacts): Json {
  const target = { project_id: row.project_id, user_id: row.user_id };
  const hostStatus =
    atLeast(call.microversion, '2.16') && call.allows('os_compute_api:servers:show:host_status', target);
  return {
    'OS-EXT-AZ:availability_zone': row.availability_zone ?? '',
    config_drive: row.config_drive === 1 ? 'True' : '',
    key_name: row.key_name,
    'OS-SRV-USG:launched_at': microseconds(row.launched_at),
    'OS-SRV-USG:terminated_at': microseconds(row.terminated_at),
    'OS-EXT-STS:task_state': row.task_state,
    'OS-EXT-STS:vm_state': row.vm_state,
    'OS-EXT-STS:power_state': row.power_state,
    'os-extended-volumes:volumes_attached': facts.volumes.map((volume) => ({
      id: volume.id,
      ...(atLeast(call.microversion, '2.3') ? { delete_on_termination: volume.deleteOnTermination } : {}),
    })),
    ...(facts.securityGroups.length > 0
      ? { security_groups: facts.securityGroups.map((name) => ({ name })) }
      : {}),
    ...(hostStatus ? { host_status: facts.hostStatus } : {}),
    ...(call.allows('os_compute_api:os-extended-server-attributes', target) ? operatorView(call, row) : {}),
  };
}

function operatorView(call: Call, row: ListedRow): Json {
  const basic = {
    'OS-EXT-SRV-ATTR:host': row.host,
    'OS-EXT-SRV-ATTR:hypervisor_hostname': row.node,
    'OS-EXT-SRV-ATTR:instance_name': instanceName(row.id),
  };
  if (!atLeast(call.microversion, '2.3')) return basic;
  return {
    ...basic,
    'OS-EXT-SRV-ATTR:reservation_id': row.reservation_id,
    'OS-EXT-SRV-ATTR:launch_index': row.launch_index,
    'OS-EXT-SRV-ATTR:hostname': row.hostname,
    'OS-EXT-SRV-ATTR:kernel_id': row.kernel_id ?? '',
    'OS-EXT-SRV-ATTR:ramdisk_id': row.ramdisk_id ?? '',
    'OS-EXT-SRV-ATTR:root_device_name': row.root_device_name,
    'OS-EXT-SRV-ATTR:user_data': row.user_data ?? null,
  };
}

/** The guest's name in the hypervisor. */
export const instanceName = (id: string): string => `instance-${id.slice(0, 8)}`;

function faultView(call: Call, fault: Fault): Json {
  const forAll = fault.code !== 500 || call.principal.roles.includes('admin');
  return {
    code: fault.code,
    created: seconds(fault.created),
    message: fault.message,
    ...(forAll && fault.details !== '' ? { details: fault.details } : {}),
  };
}

function flavorLink(call: Call, row: ListedRow): Json {
  return { id: row.flavor_id, links: [bookmark(call, `flavors/${row.flavor_id}`)] };
}

function embeddedFlavor(call: Call, row: ListedRow): Json {
  const flavor = JSON.parse(row.flavor_json) as FlavorSnapshot;
  const target = { project_id: row.project_id, user_id: row.user_id };
  return {
    vcpus: flavor.vcpus,
    ram: flavor.ram,
    disk: flavor.disk,
    ephemeral: flavor.ephemeral,
    swap: flavor.swap,
    original_name: flavor.name,
    ...(call.allows('os_compute_api:servers:show:flavor-extra-specs', target)
      ? { extra_specs: flavor.extra_specs }
      : {}),
  };
}

const HOST_IDS = new Map<string, string>();
const MOST_HOST_IDS = 10_000; // projects times hosts that are looked at; more: forgotten, and counted again

/** Tells tenants which of their servers share a host, and nothing else of it. */
export function hostIdOf(projectId: string, host: string | null): string {
  if (host === null) return '';
  const key = projectId + host;
  const known = HOST_IDS.get(key);
  if (known !== undefined) return known;
  if (HOST_IDS.size >= MOST_HOST_IDS) HOST_IDS.clear();
  const id = createHash('sha224').update(key).digest('hex');
  HOST_IDS.set(key, id);
  return id;
}

export const vifsOf = (row: Pick<InstanceRow, 'vifs_json'>): Vif[] => JSON.parse(row.vifs_json) as Vif[];

interface Address {
  readonly version: number;
  readonly addr: string;
  readonly 'OS-EXT-IPS:type': 'fixed' | 'floating';
  readonly 'OS-EXT-IPS-MAC:mac_addr': string;
}

/** By network label; floating addresses beside the fixed ones they stand for. */
export function addressesOf(vifs: readonly Vif[]): Record<string, Address[]> {
  const networks = new Map<string, Address[]>();
  for (const vif of vifs) {
    const addresses = networks.get(vif.network_label) ?? [];
    networks.set(vif.network_label, addresses);
    const add = (addr: string, version: number, type: 'fixed' | 'floating'): void =>
      void addresses.push({ version, addr, 'OS-EXT-IPS:type': type, 'OS-EXT-IPS-MAC:mac_addr': vif.mac });
    for (const ip of vif.fixed_ips) {
      add(ip.address, ip.version, 'fixed');
      for (const floating of ip.floating_ips) add(floating, 4, 'floating');
    }
  }
  return Object.fromEntries(networks);
}

/** Without the types and MACs that answers to changes lacked before 2.75. */
function plainAddresses(row: ListedRow): Record<string, Array<Pick<Address, 'version' | 'addr'>>> {
  const networks = Object.entries(addressesOf(vifsOf(row)));
  return Object.fromEntries(
    networks.map(([label, all]) => [label, all.map(({ version, addr }) => ({ version, addr }))]),
  );
}

/** `2026-11-22T20:00:00Z` */
export const seconds = (iso: string): string => `${iso.slice(0, 19)}Z`;

/** `2026-11-22T20:00:00.000000` */
export const microseconds = (iso: string | null): string | null =>
  iso === null ? null : `${iso.replace('Z', '')}000`;
