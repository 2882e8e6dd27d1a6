// What the metadata service and the config drive say: the OpenStack tree and the EC2 tree, as maps of path to content. Pure.
// Sources: the nova metadata user guide and the EC2 instance metadata categories.
import type { InstanceEntry } from '../../rpc.ts';
import type { BlockDeviceRow, FlavorSnapshot, Vif } from '../../tables.ts';

/** Versions of the OpenStack tree that the listing names; all show the newest documents. */
export const OPENSTACK_VERSIONS = [
  '2012-08-10',
  '2013-04-04',
  '2013-10-17',
  '2015-10-15',
  '2016-06-30',
  '2016-10-06',
  '2017-02-22',
  '2018-08-27',
  '2020-10-14',
  'latest',
] as const;
export const EC2_VERSIONS = [
  '1.0',
  '2007-01-19',
  '2007-03-01',
  '2007-08-29',
  '2007-10-10',
  '2007-12-15',
  '2008-02-01',
  '2008-09-01',
  '2009-04-04',
  'latest',
] as const;

export interface MetadataSource {
  readonly entry: InstanceEntry;
  readonly vifs: readonly Vif[];
  /** Only for the config drive of a launch. */
  readonly adminPassword?: string;
  /** Static vendor data of the operator. */
  readonly vendorData?: Readonly<Record<string, unknown>>;
}

/** Files of one version of the OpenStack tree, by name. */
export function openstackFiles(source: MetadataSource): Map<string, string | Buffer> {
  const { entry } = source;
  const files = new Map<string, string | Buffer>([
    ['meta_data.json', JSON.stringify(metaData(source))],
    ['network_data.json', JSON.stringify(networkData(source.vifs))],
    ['vendor_data.json', JSON.stringify(source.vendorData ?? {})],
    ['vendor_data2.json', JSON.stringify({ static: source.vendorData ?? {} })],
  ]);
  if (entry.user_data) files.set('user_data', Buffer.from(entry.user_data, 'base64'));
  return files;
}

function metaData({ entry, vifs, adminPassword }: MetadataSource): Record<string, unknown> {
  const keys = entry.public_key && entry.key_name ? { [entry.key_name]: entry.public_key } : undefined;
  return {
    uuid: entry.id,
    hostname: entry.hostname,
    name: entry.name,
    launch_index: entry.launch_index,
    availability_zone: entry.availability_zone,
    project_id: entry.project_id,
    meta: JSON.parse(entry.metadata_json) as unknown,
    ...(keys
      ? {
          public_keys: keys,
          keys: [{ name: entry.key_name, type: entry.key_type ?? 'ssh', data: entry.public_key }],
        }
      : {}),
    ...(adminPassword ? { admin_pass: adminPassword } : {}),
    devices: [
      ...vifs
        .filter((vif) => vif.tag !== undefined)
        .map((vif) => ({ type: 'nic', bus: 'pci', address: 'none', mac: vif.mac, tags: [vif.tag] })),
      ...entry.devices.filter((device) => device.tag !== null).map(taggedDisk),
    ],
    dedicated_cpus: [],
  };
}

/** A guest finds a volume by its serial: the path is a name that it may have given to another. */
function taggedDisk(device: BlockDeviceRow): Record<string, unknown> {
  const bus = device.disk_bus ?? 'virtio';
  return {
    type: 'disk',
    bus: bus === 'virtio' ? 'pci' : bus,
    address: 'none',
    path: device.device_name,
    ...(device.volume_id === null ? {} : { serial: device.volume_id }),
    tags: [device.tag],
  };
}

/** The EC2 words for disks: the root, ephemeral ones, swap, and volumes as `ebs0` and on. */
function blockDeviceMapping({ root_device_name, devices }: InstanceEntry): Ec2Tree {
  const others = devices.filter((device) => device.boot_index !== 0);
  const isLocal = (device: BlockDeviceRow): boolean => device.destination_type === 'local';
  const short = (name: string): string => name.replace(/^\/dev\//, '');
  return new Map([
    ['ami', short(root_device_name)],
    ...others
      .filter((device) => !isLocal(device))
      .map((device, index): [string, string] => [`ebs${index}`, short(device.device_name)]),
    ...others
      .filter((device) => isLocal(device) && device.guest_format !== 'swap')
      .map((device, index): [string, string] => [`ephemeral${index}`, short(device.device_name)]),
    ['root', root_device_name],
    ...others
      .filter((device) => device.guest_format === 'swap')
      .map((device): [string, string] => ['swap', short(device.device_name)]),
  ]);
}

function networkData(vifs: readonly Vif[]): Record<string, unknown> {
  return {
    links: vifs.map((vif) => ({
      id: vif.devname,
      type: 'ovs',
      ethernet_mac_address: vif.mac,
      mtu: vif.mtu,
      vif_id: vif.port_id,
    })),
    networks: vifs.flatMap((vif) =>
      vif.fixed_ips.map((ip, index) => ({
        id: `network${vifs.indexOf(vif)}-${index}`,
        link: vif.devname,
        network_id: vif.network_id,
        type:
          ip.version === 4
            ? ip.mode === 'dhcp'
              ? 'ipv4_dhcp'
              : 'ipv4'
            : ip.mode === 'slaac'
              ? 'ipv6_slaac'
              : (ip.mode?.replace('dhcpv6', 'ipv6_dhcpv6') ?? 'ipv6'),
        ip_address: ip.address,
        netmask: ip.version === 4 ? netmask(Number(ip.cidr.split('/')[1])) : undefined,
        routes: [
          ...(ip.gateway
            ? [
                {
                  network: ip.version === 4 ? '0.0.0.0' : '::',
                  netmask: ip.version === 4 ? '0.0.0.0' : '::',
                  gateway: ip.gateway,
                },
              ]
            : []),
          ...ip.routes.map((route) => ({
            network: route.destination.split('/')[0],
            netmask:
              ip.version === 4
                ? netmask(Number(route.destination.split('/')[1]))
                : route.destination.split('/')[1],
            gateway: route.nexthop,
          })),
        ],
        services: ip.dns.map((address) => ({ type: 'dns', address })),
      })),
    ),
    services: [...new Set(vifs.flatMap((vif) => vif.fixed_ips.flatMap((ip) => ip.dns)))].map((address) => ({
      type: 'dns',
      address,
    })),
  };
}

function netmask(prefix: number): string {
  const bits = prefix === 0 ? 0 : (0xffffffff << (32 - prefix)) >>> 0;
  return [24, 16, 8, 0].map((shift) => (bits >>> shift) & 255).join('.');
}

/** A directory of the EC2 tree: strings are leaves, Maps directories. */
export type Ec2Tree = ReadonlyMap<string, string | Ec2Tree>;

export function ec2Tree({ entry, vifs }: MetadataSource): Ec2Tree {
  const flavor = JSON.parse(entry.flavor_json) as FlavorSnapshot;
  const v4 = vifs.flatMap((vif) => vif.fixed_ips.filter((ip) => ip.version === 4));
  const local = v4[0]?.address ?? '';
  const number = Number.parseInt(entry.id.slice(0, 8), 16).toString(16).padStart(8, '0');
  const groups = JSON.parse(entry.security_groups_json) as string[];
  const metaData: Array<[string, string | Ec2Tree]> = [
    ['ami-id', entry.image_id ? `ami-${entry.image_id.slice(0, 8)}` : 'ami-00000000'],
    ['ami-launch-index', String(entry.launch_index)],
    ['ami-manifest-path', 'N/A'],
    ['block-device-mapping', blockDeviceMapping(entry)],
    ['hostname', entry.hostname],
    ['instance-action', 'none'],
    ['instance-id', `i-${number}`],
    ['instance-type', flavor.name],
    ['local-hostname', entry.hostname],
    ['local-ipv4', local],
    ['placement', new Map([['availability-zone', entry.availability_zone ?? '']])],
    ['public-hostname', entry.hostname],
    ['public-ipv4', v4.flatMap((ip) => ip.floating_ips)[0] ?? ''],
    ['reservation-id', entry.reservation_id],
    ['security-groups', groups.join('\n')],
  ];
  if (entry.public_key && entry.key_name) {
    metaData.push([
      'public-keys',
      new Map([[`0=${entry.key_name}`, new Map([['openssh-key', entry.public_key]])]]),
    ]);
  }
  return new Map<string, string | Ec2Tree>([
    ['meta-data', new Map(metaData.toSorted(([a], [b]) => a.localeCompare(b)))],
  ]);
}
