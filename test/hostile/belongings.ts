// One of each resource, made by the member of project A (by an administrator what members may not make), and the text that
// stands for each path parameter of each route.
import { until } from '#test/support/until.ts';
import { MICROVERSIONS as COMPUTE } from '#compute/discovery/routes.ts';
import { MICROVERSIONS as PLACEMENT } from '#placement/root/routes.ts';
import { MICROVERSIONS as VOLUME } from '#volume/discovery/routes.ts';
import { systemToken, type Callers } from './callers.ts';
import type { HostileClient } from './client.ts';
import { makeVolumeThings } from './volume-belongings.ts';

export type Ids = Readonly<Record<string, string>>;

const C = '/compute/v2.1';
const N = '/network/v2.0';
const K = '/identity/v3';

/** The newest of each service that has microversions. */
export const NEWEST = { compute: COMPUTE.max, placement: PLACEMENT.max, volume: VOLUME.max } as const;
export const LATEST = { 'openstack-api-version': `compute ${NEWEST.compute}` } as const;

class Maker {
  readonly ids: Record<string, string> = {};
  readonly #client: HostileClient;

  constructor(client: HostileClient) {
    this.#client = client;
  }

  /** POSTs `{ [key]: body }` and keeps the id of what was made as `as`. */
  async make(as: string, token: string, path: string, key: string, body: unknown): Promise<string> {
    const made = await this.#client.ok({
      method: 'POST',
      path,
      token,
      headers: LATEST,
      body: { [key]: body },
    });
    const id = String(made[key]?.['id'] ?? made[key]?.['name']);
    this.ids[as] = id;
    return id;
  }

  /** POSTs `{ [as]s: items }` and keeps the id of the first. */
  async makeList(as: string, token: string, path: string, items: readonly object[]): Promise<void> {
    const made = await this.#client.ok({ method: 'POST', path, token, body: { [`${as}s`]: items } });
    this.ids[as] = (made[`${as}s`] as unknown as Array<{ id: string }>)[0]?.id ?? '';
  }

  async put(
    token: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = LATEST,
  ): Promise<void> {
    await this.#client.ok({ method: 'PUT', path, token, headers, ...(body === undefined ? {} : { body }) });
  }
}

export async function makeBelongings(client: HostileClient, callers: Callers): Promise<Ids> {
  const maker = new Maker(client);
  const { ids } = maker;
  for (const { token } of [callers.alice, callers.bob])
    await client.ok({ method: 'GET', path: `${N}/security-groups`, token }); // makes the project's default group
  await makeNetworking(client, maker, callers);
  await makeIdentity(client, maker, callers);
  await makeImages(client, maker, callers);
  await makeCompute(client, maker, callers);
  await makePlacement(client, maker, callers);
  Object.assign(ids, await makeVolumeThings(client, callers));
  return { ...ids, projectA: callers.projectA, projectB: callers.projectB, alice: callers.alice.userId };
}

async function makeNetworking(
  client: HostileClient,
  maker: Maker,
  { alice, admin, projectA }: Callers,
): Promise<void> {
  const { ids } = maker;
  const make = async (as: string, collection: string, body: object, token = alice.token): Promise<string> =>
    maker.make(as, token, `${N}/${collection}`, as, body);
  await make('network', 'networks', { name: 'a-net' });
  await make('subnet', 'subnets', { network_id: ids['network'], ip_version: 4, cidr: '10.77.0.0/24' });
  await make('security_group', 'security-groups', { name: 'a-group' });
  await make('security_group_rule', 'security-group-rules', {
    security_group_id: ids['security_group'],
    direction: 'ingress',
    protocol: 'tcp',
    port_range_min: 22,
    port_range_max: 22,
  });
  await make('port', 'ports', { network_id: ids['network'], name: 'a-port' });
  await make('router', 'routers', { name: 'a-router' });
  const listed = await client.ok({ method: 'GET', path: `${N}/networks?name=public`, token: admin });
  const [external] = listed['networks'] as unknown as Array<{ id: string }>;
  ids['external'] = String(external?.id);
  await make('floatingip', 'floatingips', { floating_network_id: ids['external'] });
  const gate = { name: 'a-gate', external_gateway_info: { network_id: ids['external'] } };
  const gateId = await maker.make('gate', alice.token, `${N}/routers`, 'router', gate);
  await client.ok({
    method: 'PUT',
    path: `${N}/routers/${gateId}/add_router_interface`,
    token: alice.token,
    body: { subnet_id: ids['subnet'] },
  });
  const shown = await client.ok({ method: 'GET', path: `${N}/ports/${ids['port']}`, token: alice.token });
  const { fixed_ips } = shown['port'] as unknown as { fixed_ips: Array<{ ip_address: string }> };
  ids['port_ip'] = String(fixed_ips[0]?.ip_address);
  const forwarding = {
    protocol: 'tcp',
    external_port: 2222,
    internal_port: 22,
    internal_port_id: ids['port'],
    internal_ip_address: ids['port_ip'],
  };
  const at = `${N}/floatingips/${ids['floatingip']}/port_forwardings`;
  await maker.make('port_forwarding', alice.token, at, 'port_forwarding', forwarding);
  const onNetwork = { network_id: ids['network'] };
  const parent = await maker.make('trunk_port', alice.token, `${N}/ports`, 'port', onNetwork);
  await maker.make('free_port', alice.token, `${N}/ports`, 'port', onNetwork);
  await make('trunk', 'trunks', { name: 'a-trunk', port_id: parent });
  await make('address_scope', 'address-scopes', { name: 'a-scope', ip_version: 4 });
  await make('subnetpool', 'subnetpools', { name: 'a-pool', prefixes: ['10.88.0.0/16'] });
  await make('address_group', 'address-groups', { name: 'a-addresses', addresses: ['10.1.1.0/24'] });
  await make('rbac_policy', 'rbac-policies', {
    object_type: 'network',
    object_id: ids['network'],
    action: 'access_as_shared',
    target_tenant: 'third-project',
  });
  await makeQos(maker, admin, projectA);
  const agents = await client.ok({ method: 'GET', path: `${N}/agents`, token: admin });
  ids['agent'] = String((agents['agents'] as unknown as Array<{ id: string }>)[0]?.id);
}

/** Administrators make policies, for projects too. */
async function makeQos(maker: Maker, admin: string, projectA: string): Promise<void> {
  const policy = { name: 'a-policy', project_id: projectA };
  await maker.make('qos_policy', admin, `${N}/qos/policies`, 'policy', policy);
  const at = `${N}/qos/policies/${maker.ids['qos_policy']}`;
  for (const [kind, body] of [
    ['bandwidth_limit_rule', { max_kbps: 1000 }],
    ['dscp_marking_rule', { dscp_mark: 8 }],
    ['minimum_bandwidth_rule', { min_kbps: 10 }],
  ] as const)
    await maker.make(kind, admin, `${at}/${kind}s`, kind, body);
}

async function makeIdentity(
  client: HostileClient,
  maker: Maker,
  { alice, rita, admin, projectA, roles }: Callers,
): Promise<void> {
  const { ids } = maker;
  const make = async (as: string, body: object, collection = `${as}s`): Promise<string> =>
    maker.make(as, admin, `${K}/${collection}`, as, body);
  await make('domain', { name: 'a-domain', enabled: false });
  await make('group', { name: 'a-group' });
  await make('role', { name: 'a-role' });
  await make('policy', { type: 'text/plain', blob: 'a' }, 'policies');
  await make('service', { name: 'a-service', type: 'thing' });
  await make('region', { id: 'a-region', description: 'a' });
  await make('endpoint', { service_id: ids['service'], interface: 'public', url: 'http://a/' });
  await maker.make('credential', alice.token, `${K}/credentials`, 'credential', {
    type: 'ec2',
    blob: '{"access":"a","secret":"b"}',
    user_id: alice.userId,
    project_id: projectA,
  });
  await maker.make(
    'application_credential',
    alice.token,
    `${K}/users/${alice.userId}/application_credentials`,
    'application_credential',
    { name: 'a-app', access_rules: [{ service: 'compute', method: 'GET', path: '/v2.1/servers' }] },
  );
  await maker.put(admin, `${K}/projects/${projectA}/tags/blue`);
  await make(
    'endpoint_group',
    { name: 'a-endpoint-group', filters: { service_id: ids['service'] } },
    'OS-EP-FILTER/endpoint_groups',
  );
  await maker.put(admin, `${K}/domains/${ids['domain']}/config`, { config: { identity: { driver: 'sql' } } });
  await make('consumer', { description: 'a-consumer' }, 'OS-OAUTH1/consumers');
  await makeLimits(client, maker, admin, projectA);
  ids['rita'] = rita.userId;
  await maker.make('trust', alice.token, `${K}/OS-TRUST/trusts`, 'trust', {
    trustor_user_id: alice.userId,
    trustee_user_id: rita.userId,
    impersonation: true,
    project_id: projectA,
    roles: [{ name: 'member' }],
  });
  ids['implied'] = String(roles['reader']);
  ids['member'] = String(roles['member']);
}

async function makeLimits(
  client: HostileClient,
  maker: Maker,
  admin: string,
  projectA: string,
): Promise<void> {
  const system = await systemToken(client, admin);
  const of = { service_id: maker.ids['service'], resource_name: 'a-resource' };
  const registered = [{ ...of, default_limit: 10 }];
  await maker.makeList('registered_limit', system, `${K}/registered_limits`, registered);
  await maker.makeList('limit', system, `${K}/limits`, [{ ...of, project_id: projectA, resource_limit: 5 }]);
}

async function makeImages(
  client: HostileClient,
  maker: Maker,
  { alice, admin, projectA }: Callers,
): Promise<void> {
  const body = {
    name: 'a-image',
    disk_format: 'raw',
    container_format: 'bare',
    visibility: 'shared',
    k: 'v',
  };
  const made = await client.ok({ method: 'POST', path: '/image/v2/images', token: alice.token, body });
  const id = String(made['id']);
  maker.ids['image'] = id;
  await client.ok({
    method: 'PUT',
    path: `/image/v2/images/${id}/file`,
    token: alice.token,
    headers: { 'content-type': 'application/octet-stream' },
    body: Buffer.alloc(4096, 7),
  });
  await client.ok({
    method: 'POST',
    path: `/image/v2/images/${id}/members`,
    token: alice.token,
    body: { member: 'third-project' },
  });
  await maker.put(alice.token, `/image/v2/images/${id}/tags/blue`);
  await makeImageTask(client, maker, alice.token);
  await client.ok({
    method: 'POST',
    path: '/image/v2/metadefs/namespaces',
    token: admin,
    body: {
      namespace: 'OS::A',
      owner: projectA,
      resource_type_associations: [{ name: 'OS::Glance::Image' }],
      objects: [{ name: 'an-object' }],
      properties: { 'a-property': { title: 'a', type: 'string' } },
      tags: [{ name: 'a-tag' }],
    },
  });
}

/** An import that has ended. */
async function makeImageTask(client: HostileClient, maker: Maker, token: string): Promise<void> {
  const body = { name: 'a-imported', disk_format: 'raw', container_format: 'bare', visibility: 'private' };
  const made = await client.ok({ method: 'POST', path: '/image/v2/images', token, body });
  const path = `/image/v2/images/${String(made['id'])}`;
  const octets = { 'content-type': 'application/octet-stream' };
  await client.ok({
    method: 'PUT',
    path: `${path}/stage`,
    token,
    headers: octets,
    body: Buffer.alloc(512, 7),
  });
  await client.ok({
    method: 'POST',
    path: `${path}/import`,
    token,
    body: { method: { name: 'glance-direct' } },
  });
  await until(
    async () => {
      const { tasks } = (await client.ok({ method: 'GET', path: `${path}/tasks`, token })) as unknown as {
        tasks: Array<{ id: string; status: string }>;
      };
      maker.ids['image_task'] = String(tasks[0]?.id);
      return tasks[0]?.status === 'success';
    },
    { deadlineMs: 120_000, what: 'the import of an image' },
  );
}

async function makeCompute(client: HostileClient, maker: Maker, { alice, admin }: Callers): Promise<void> {
  const { ids } = maker;
  const get = async (path: string): Promise<Record<string, unknown>> =>
    client.ok({ method: 'GET', path, token: admin, headers: LATEST });
  await maker.make('flavor', admin, `${C}/flavors`, 'flavor', {
    name: 'a-flavor',
    vcpus: 1,
    ram: 64,
    disk: 1,
    id: 'a-flavor',
    'os-flavor-access:is_public': false,
  });
  await client.ok({
    method: 'POST',
    path: `${C}/flavors/a-flavor/os-extra_specs`,
    token: admin,
    body: { extra_specs: { 'a:b': 'c' } },
  });
  await maker.make('aggregate', admin, `${C}/os-aggregates`, 'aggregate', { name: 'a-aggregate' });
  await maker.make('keypair', alice.token, `${C}/os-keypairs`, 'keypair', {
    name: 'a-key',
    type: 'ssh',
    public_key: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHLHoE2ZlYXGm3yDa1c4HwtMiTMrYmdyXxVyv1QTuYIo a',
  });
  await maker.make('server_group', alice.token, `${C}/os-server-groups`, 'server_group', {
    name: 'a-servers',
    policy: 'anti-affinity',
  });
  ids['server'] = await bootServer(client, alice.token, String(ids['network']), 'a-server');
  await maker.put(alice.token, `${C}/servers/${ids['server']}/tags/blue`);
  await maker.put(alice.token, `${C}/servers/${ids['server']}/metadata/k`, { meta: { k: 'v' } });
  const ports = await get(`/network/v2.0/ports?device_id=${ids['server']}`);
  ids['server_port'] = String((ports['ports'] as Array<{ id: string }>)[0]?.id);
  const actions = await get(`${C}/servers/${ids['server']}/os-instance-actions`);
  ids['request'] = String((actions['instanceActions'] as Array<{ request_id: string }>)[0]?.request_id);
  const hypervisors = await get(`${C}/os-hypervisors`);
  ids['hypervisor'] = String((hypervisors['hypervisors'] as Array<{ id: string }>)[0]?.id);
  const services = await get(`${C}/os-services`);
  ids['compute_service'] = String((services['services'] as Array<{ id: string }>)[0]?.id);
}

/** A server of the demo image that is ACTIVE. @returns its id */
export async function bootServer(
  client: HostileClient,
  token: string,
  networkId: string,
  name: string,
  more: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  const images = await client.ok({ method: 'GET', path: '/image/v2/images?name=pileus-demo', token });
  const [image] = images['images'] as unknown as Array<{ id: string }>;
  const flavors = await client.ok({ method: 'GET', path: `${C}/flavors`, token });
  const nano = (flavors['flavors'] as unknown as Array<{ id: string; name: string }>).find(
    (each) => each.name === 'm1.nano',
  );
  const server = {
    name,
    imageRef: image?.id,
    flavorRef: nano?.id,
    networks: [{ uuid: networkId }],
    ...more,
  };
  const made = await client.ok({
    method: 'POST',
    path: `${C}/servers`,
    token,
    headers: LATEST,
    body: { server },
  });
  const id = String(made['server']?.['id']);
  await untilStatus(client, token, id, 'ACTIVE');
  return id;
}

export async function untilStatus(
  client: HostileClient,
  token: string,
  id: string,
  status: string,
): Promise<Record<string, unknown>> {
  return until(
    async () => {
      const { server } = await client.ok({
        method: 'GET',
        path: `${C}/servers/${id}`,
        token,
        headers: LATEST,
      });
      if (server?.['status'] === status) return server;
      if (server?.['status'] === 'ERROR') throw new Error(JSON.stringify(server['fault']));
      return undefined;
    },
    { deadlineMs: 120_000, everyMs: 20, what: `server ${id} to be ${status}` },
  );
}

async function makePlacement(client: HostileClient, maker: Maker, { admin }: Callers): Promise<void> {
  const headers = { 'openstack-api-version': `placement ${NEWEST.placement}` };
  const made = await client.ok({
    method: 'POST',
    path: '/placement/resource_providers',
    token: admin,
    headers,
    body: { name: 'a-provider' },
  });
  const { uuid, generation } = made as unknown as { uuid: string; generation: number };
  maker.ids['provider'] = uuid;
  await maker.put(
    admin,
    `/placement/resource_providers/${uuid}/inventories`,
    { resource_provider_generation: generation, inventories: { VCPU: { total: 4 } } },
    headers,
  );
  await maker.put(admin, '/placement/traits/CUSTOM_A', undefined, headers);
  await maker.put(admin, '/placement/resource_classes/CUSTOM_A', undefined, headers);
}
