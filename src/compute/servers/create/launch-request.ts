// From the body of POST /servers to one plain value, with the rules that need nobody else. Pure.
import { isIPv6 } from 'node:net';
import { InvalidInput } from '#compute/errors.ts';
import { canonicalIpv6 } from '#compute/servers/access-address.ts';
import { isTrue } from '#compute/schema-types.ts';
import { readMappings, type DeviceMapping, type LegacyMapping, type WantedDevice } from './read-devices.ts';
import type { NetworkRequest, RequestedNetwork } from '#compute/tables.ts';

/** The body after the schema has passed it. */
export interface CreateBody {
  readonly server: {
    readonly name: string;
    readonly flavorRef: string | number;
    readonly imageRef?: string;
    readonly adminPass?: string;
    readonly metadata?: Readonly<Record<string, string>>;
    readonly networks?: 'auto' | 'none' | readonly NetworkItem[] | null;
    readonly 'OS-DCF:diskConfig'?: 'AUTO' | 'MANUAL';
    readonly accessIPv4?: string;
    readonly accessIPv6?: string;
    readonly personality?: readonly unknown[];
    readonly availability_zone?: string;
    readonly block_device_mapping?: readonly LegacyMapping[];
    readonly block_device_mapping_v2?: readonly DeviceMapping[];
    readonly config_drive?: boolean | string;
    readonly key_name?: string;
    readonly min_count?: number | string;
    readonly max_count?: number | string;
    readonly return_reservation_id?: boolean | string;
    readonly security_groups?: ReadonlyArray<{ readonly name?: string }>;
    readonly user_data?: string;
    readonly description?: string | null;
    readonly tags?: readonly string[];
    readonly trusted_image_certificates?: readonly string[] | null;
    readonly host?: string;
    readonly hypervisor_hostname?: string;
    readonly hostname?: string;
  };
  readonly 'os:scheduler_hints'?: Hints;
  readonly 'OS-SCH-HNT:scheduler_hints'?: Hints;
}

export type Hints = Readonly<Record<string, unknown>> & { readonly group?: string };

interface NetworkItem {
  readonly uuid?: string;
  readonly port?: string | null;
  readonly fixed_ip?: string;
  readonly tag?: string;
}

export interface LaunchRequest {
  readonly name: string;
  readonly flavorRef: string;
  /** Null: one of the devices is booted from. */
  readonly imageRef: string | null;
  readonly devices: readonly WantedDevice[];
  readonly adminPass: string | undefined;
  readonly metadata: Readonly<Record<string, string>>;
  /** `unsaid`: before 2.37 a request need not say. */
  readonly networks: NetworkRequest | 'unsaid';
  readonly diskConfig: 'AUTO' | 'MANUAL';
  readonly accessIpV4: string | null;
  readonly accessIpV6: string | null;
  readonly zone: string | undefined;
  readonly configDrive: boolean;
  readonly keyName: string | undefined;
  readonly minCount: number;
  readonly maxCount: number;
  readonly returnReservation: boolean;
  readonly securityGroups: readonly string[];
  readonly userData: string | null;
  readonly description: string | null | undefined;
  readonly tags: readonly string[];
  readonly host: string | undefined;
  readonly node: string | undefined;
  readonly hostname: string | undefined;
  readonly hints: Hints;
}

/** @throws InvalidInput */
export function readLaunchRequest(body: CreateBody): LaunchRequest {
  const { server } = body;
  const minCount = Number(server.min_count ?? 1);
  const maxCount = Number(server.max_count ?? minCount);
  if (minCount > maxCount) throw new InvalidInput('min_count must be <= max_count');
  if ((server.personality?.length ?? 0) > 0)
    throw new InvalidInput('Files are not injected into servers here: hand them over in user_data.');
  if ((server.trusted_image_certificates?.length ?? 0) > 0)
    throw new InvalidInput(
      'Signatures of images are not validated here: leave trusted_image_certificates out.',
    );
  const imageRef = server.imageRef === undefined || server.imageRef === '' ? null : server.imageRef;
  const networks = readNetworks(server.networks, maxCount);
  const groups = (server.security_groups ?? []).flatMap((group) => group.name ?? []);
  return {
    name: server.name,
    flavorRef: lastSegment(String(server.flavorRef)),
    imageRef,
    devices: readMappings(server.block_device_mapping_v2, server.block_device_mapping, imageRef !== null),
    adminPass: server.adminPass,
    metadata: server.metadata ?? {},
    networks,
    diskConfig: server['OS-DCF:diskConfig'] ?? 'MANUAL',
    accessIpV4: server.accessIPv4 ?? null,
    accessIpV6: canonicalIpv6(server.accessIPv6 ?? ''),
    zone: server.availability_zone,
    configDrive: server.config_drive !== undefined && isTrue(server.config_drive),
    keyName: server.key_name,
    minCount,
    maxCount,
    returnReservation: server.return_reservation_id !== undefined && isTrue(server.return_reservation_id),
    securityGroups: groups.length === 0 ? ['default'] : [...new Set(groups)],
    userData: readUserData(server.user_data),
    description: server.description,
    tags: [...new Set(server.tags)],
    host: server.host,
    node: server.hypervisor_hostname,
    hostname: server.hostname,
    hints: body['os:scheduler_hints'] ?? body['OS-SCH-HNT:scheduler_hints'] ?? {},
  };
}

export const lastSegment = (reference: string): string => reference.slice(reference.lastIndexOf('/') + 1);

function readNetworks(
  networks: CreateBody['server']['networks'],
  maxCount: number,
): LaunchRequest['networks'] {
  if (networks === 'auto' || networks === 'none') return networks;
  if (!networks || networks.length === 0) return 'unsaid';
  const seen = new Set<string>();
  return networks.map((item): RequestedNetwork => {
    const tag = item.tag === undefined ? {} : { tag: item.tag };
    if (item.port !== undefined && item.port !== null) {
      if (item.fixed_ip !== undefined)
        throw new InvalidInput(
          `Fixed IP ${item.fixed_ip} can't be asked for together with port ${item.port}: the port has its addresses.`,
        );
      if (maxCount > 1)
        throw new InvalidInput(
          'Unable to launch multiple instances with a single configured port ID. Please launch your instance one by one with different ports.',
        );
      if (seen.has(item.port)) throw new InvalidInput(`Port ${item.port} is named twice.`);
      seen.add(item.port);
      return { kind: 'port', port_id: item.port, ...tag };
    }
    if (item.uuid === undefined)
      throw new InvalidInput('Bad networks format: each network needs a uuid or a port.');
    if (item.fixed_ip !== undefined && maxCount > 1)
      throw new InvalidInput('Invalid fixed IP and maximum count: one address serves one server.');
    const fixedIp =
      item.fixed_ip === undefined
        ? {}
        : { fixed_ip: isIPv6(item.fixed_ip) ? item.fixed_ip.toLowerCase() : item.fixed_ip };
    return { kind: 'network', network_id: item.uuid, ...fixedIp, ...tag };
  });
}

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** @throws InvalidInput for what is no base64. Line ends inside are allowed. */
export function readUserData(text: string | null | undefined): string | null {
  if (text === undefined || text === null) return null;
  const compact = text.replaceAll(/\s/g, '');
  if (!BASE64.test(compact)) throw new InvalidInput('User data must be valid base64.');
  return compact;
}

/** The guest's host name from a server's name: lower case, letters, digits and hyphens, 63 characters at most. */
export function hostnameOf(name: string, id: string): string {
  const label = name
    .toLowerCase()
    .replaceAll(/[ _.]/g, '-')
    .replaceAll(/[^a-z0-9-]/g, '')
    .replaceAll(/^-+/g, '')
    .slice(0, 63)
    .replaceAll(/-+$/g, '');
  return label === '' ? `server-${id}` : label;
}
