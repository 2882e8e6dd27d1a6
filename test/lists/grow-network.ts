// Number `n` of everything that the network service lists, with fixed IPs, groups, rules, tags and gateways.
import type { ListWorld } from './world.ts';

export interface GrownNetwork {
  readonly network: string;
  readonly subnet: string;
  readonly group: string;
}

export async function growNetwork(world: ListWorld, n: number): Promise<GrownNetwork> {
  const { ids } = world;
  const make = async (
    key: string,
    fields: object,
    as = 'member',
    collection = `${key.replaceAll('_', '-')}s`,
  ) => {
    const made = await world.ok('network', 'POST', `/v2.0/${collection}`, { as, body: { [key]: fields } });
    const id = made[key].id as string;
    ids[key] ??= id;
    return id;
  };
  const external = await externalNetwork(world, n);
  ids['external'] ??= external;
  const network = await make('network', { name: `net-${n}` });
  const cidr = `10.${n}.0.0/24`;
  const subnet = await make('subnet', { network_id: network, ip_version: 4, cidr });
  await make('subnet', { network_id: ids['network'], ip_version: 4, cidr: `172.16.${n}.0/24` });
  const group = await make('security_group', { name: `group-${n}` });
  const rule = { security_group_id: ids['security_group'], direction: 'ingress', protocol: 'tcp' };
  await make('security_group_rule', { ...rule, port_range_min: n + 1, port_range_max: n + 1 });
  const port = await make('port', { network_id: network, name: `port-${n}`, security_groups: [group] });
  const router = await make('router', {
    name: `router-${n}`,
    external_gateway_info: { network_id: ids['external'] },
  });
  await world.ok('network', 'PUT', `/v2.0/routers/${router}/add_router_interface`, {
    body: { subnet_id: subnet },
  });
  await make('floatingip', { floating_network_id: ids['external'], port_id: port });
  await forwardPort(world, n);
  await growTrunk(world, n, port);
  await make('address_scope', { name: `scope-${n}`, ip_version: 4 });
  await make('subnetpool', { name: `pool-${n}`, prefixes: [`10.${100 + n}.0.0/16`] });
  await make('address_group', { name: `addresses-${n}`, addresses: [`10.1.${n}.0/24`] });
  const shared = { object_type: 'network', object_id: ids['network'], action: 'access_as_shared' };
  await make('rbac_policy', { ...shared, target_tenant: `project-${n}` }, 'admin', 'rbac-policies');
  await world.ok('network', 'PUT', `/v2.0/quotas/project-${n}`, {
    as: 'admin',
    body: { quota: { network: n } },
  });
  await makePolicies(world, n, { network, port });
  await tagFirsts(world, n);
  const { agents } = await world.ok('network', 'GET', '/v2.0/agents', { as: 'admin' });
  ids['agent'] ??= agents[0].id;
  return { network, subnet, group };
}

/** On a floating IP of its own: one that belongs to a port cannot forward. */
async function forwardPort(world: ListWorld, n: number): Promise<void> {
  const { ids } = world;
  const post = async (path: string, body: unknown) => world.ok('network', 'POST', `/v2.0/${path}`, { body });
  ids['forwarding_ip'] ??= (
    await post('floatingips', { floatingip: { floating_network_id: ids['external'] } })
  ).floatingip.id;
  const { port: inside } = await post('ports', { port: { network_id: ids['network'] } });
  const { port_forwarding } = await post(`floatingips/${ids['forwarding_ip']}/port_forwardings`, {
    port_forwarding: {
      protocol: 'tcp',
      internal_port_id: inside.id,
      internal_ip_address: inside.fixed_ips[0].ip_address,
      internal_port: 1000 + n,
      external_port: 1000 + n,
    },
  });
  ids['port_forwarding'] ??= port_forwarding.id;
}

/** One with a rule of each kind, and one that is used. Administrators make them, and share them with all. */
async function makePolicies(
  world: ListWorld,
  n: number,
  { network, port }: { network: string; port: string },
): Promise<void> {
  const { ids } = world;
  const ask = (method: 'POST' | 'PUT', path: string, body: object) =>
    world.ok('network', method, `/v2.0/${path}`, { as: 'admin', body });
  const make = async (name: string): Promise<string> =>
    (await ask('POST', 'qos/policies', { policy: { name: `${name}-${n}`, shared: true } })).policy.id;
  const id = await make('policy');
  ids['qos_policy'] ??= id;
  for (const [name, rule] of [
    ['bandwidth_limit_rule', { max_kbps: 1000 }],
    ['dscp_marking_rule', { dscp_mark: 8 }],
    ['minimum_bandwidth_rule', { min_kbps: 10 }],
  ] as const) {
    const made = await ask('POST', `qos/policies/${id}/${name}s`, { [name]: rule });
    ids[name] ??= made[name].id;
  }
  const tags = ['all', ...Array.from({ length: n + 1 }, (_, each) => `t${each}`)];
  await ask('PUT', `policies/${ids['qos_policy']}/tags`, { tags });
  const used = { qos_policy_id: await make('used') };
  await ask('PUT', `networks/${network}`, { network: used });
  await ask('PUT', `ports/${port}`, { port: used });
}

/** One a port, and one more subport in the first. */
async function growTrunk(world: ListWorld, n: number, portId: string): Promise<void> {
  const { ids } = world;
  const { trunk } = await world.ok('network', 'POST', '/v2.0/trunks', {
    body: { trunk: { port_id: portId, name: `trunk-${n}` } },
  });
  ids['trunk'] ??= trunk.id;
  const { port } = await world.ok('network', 'POST', '/v2.0/ports', {
    body: { port: { network_id: ids['network'] } },
  });
  const sub_ports = [{ port_id: port.id, segmentation_type: 'vlan', segmentation_id: n + 1 }];
  await world.ok('network', 'PUT', `/v2.0/trunks/${ids['trunk']}/add_subports`, { body: { sub_ports } });
}

const TAGGED: Readonly<Record<string, string>> = {
  networks: 'network',
  subnets: 'subnet',
  ports: 'port',
  routers: 'router',
  floatingips: 'floatingip',
  subnetpools: 'subnetpool',
  'security-groups': 'security_group',
  'security-group-rules': 'security_group_rule',
  'address-scopes': 'address_scope',
  'address-groups': 'address_group',
  trunks: 'trunk',
};

async function tagFirsts(world: ListWorld, n: number): Promise<void> {
  const tags = ['all', ...Array.from({ length: n + 1 }, (_, each) => `t${each}`)];
  for (const [collection, name] of Object.entries(TAGGED))
    await world.ok('network', 'PUT', `/v2.0/${collection}/${world.ids[name]}/tags`, { body: { tags } });
}

/** Of the administrator, with room for floating IPs and gateways. */
async function externalNetwork(world: ListWorld, n: number): Promise<string> {
  const { network } = await world.ok('network', 'POST', '/v2.0/networks', {
    as: 'admin',
    body: { network: { name: `external-${n}`, 'router:external': true } },
  });
  await world.ok('network', 'POST', '/v2.0/subnets', {
    as: 'admin',
    body: { subnet: { network_id: network.id, ip_version: 4, cidr: `198.18.${n}.0/24`, enable_dhcp: false } },
  });
  return network.id as string;
}
