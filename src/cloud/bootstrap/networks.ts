// The networks of a new cloud: `public` on the provider bridge, `private` with v4 and v6 and a router for demo, and a pool
// for what projects have made automatically.
import type { GroundProvider } from '../ground-options.ts';
import type { Session } from './rest.ts';

const PRIVATE_CIDR = '10.0.0.0/24';
/** Beside `private`; projects that ask for a network get a /26 of it. */
const POOL = '10.128.0.0/12';
const PRIVATE_V6_CIDR = 'fd00:10::/64';

/** Idempotent by name: what is there stays, also when an operator changed it. */
export async function bootstrapNetworks(
  admin: Session,
  demo: Session,
  provider: Pick<GroundProvider, 'physnet' | 'cidr' | 'gatewayIp'>,
): Promise<void> {
  const external = await admin.ensure('network', '/v2.0/networks', 'network', {
    name: 'public',
    'router:external': true,
    'provider:network_type': 'flat',
    'provider:physical_network': provider.physnet,
    is_default: true,
  });
  await admin.ensure('network', '/v2.0/subnets', 'subnet', {
    name: 'public-subnet',
    network_id: external['id'],
    ip_version: 4,
    cidr: provider.cidr,
    gateway_ip: provider.gatewayIp,
    enable_dhcp: false,
  });
  await admin.ensure('network', '/v2.0/subnetpools', 'subnetpool', {
    name: 'shared-default-subnetpool-v4',
    prefixes: [POOL],
    default_prefixlen: 26,
    shared: true,
    is_default: true,
  });
  const inner = await demo.ensure('network', '/v2.0/networks', 'network', { name: 'private' });
  const v4 = await demo.ensure('network', '/v2.0/subnets', 'subnet', {
    name: 'private-subnet',
    network_id: inner['id'],
    ip_version: 4,
    cidr: PRIVATE_CIDR,
  });
  const v6 = await demo.ensure('network', '/v2.0/subnets', 'subnet', {
    name: 'private-subnet-v6',
    network_id: inner['id'],
    ip_version: 6,
    cidr: PRIVATE_V6_CIDR,
    ipv6_ra_mode: 'slaac',
    ipv6_address_mode: 'slaac',
  });
  const router = await demo.ensure('network', '/v2.0/routers', 'router', {
    name: 'router',
    external_gateway_info: { network_id: external['id'] },
  });
  await plugRouter(demo, String(router['id']), [String(v4['id']), String(v6['id'])]);
}

async function plugRouter(demo: Session, routerId: string, subnetIds: readonly string[]): Promise<void> {
  const { body } = await demo.request('network', {
    method: 'GET',
    path: `/v2.0/ports?device_id=${routerId}&device_owner=network:router_interface`,
  });
  const ports = (body as { ports: ReadonlyArray<{ fixed_ips: ReadonlyArray<{ subnet_id: string }> }> }).ports;
  const plugged = new Set(ports.flatMap((port) => port.fixed_ips.map((ip) => ip.subnet_id)));
  for (const subnet_id of subnetIds.filter((id) => !plugged.has(id))) {
    await demo.request('network', {
      method: 'PUT',
      path: `/v2.0/routers/${routerId}/add_router_interface`,
      body: { subnet_id },
    });
  }
}
