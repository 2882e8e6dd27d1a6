// A simulated cloud with servers to look at, and clients of its compute API at one microversion each. For the rows of
// compute's microversions.
import assert from 'node:assert/strict';
import type { CloudAccess } from '#cli/cloud-access.ts';
import { startCloud } from '#test/support/cloud.ts';
import type { JsonValue } from '#test/support/service-harness.ts';
import { until } from '#test/support/until.ts';

export type Who = 'member' | 'admin';

export interface Answer {
  readonly status: number;
  readonly body: JsonValue;
  readonly headers: Headers;
}

/** Paths are below `/compute/v2.1`. */
export interface Client {
  readonly minor: number;
  send(method: string, path: string, body?: unknown, who?: Who): Promise<Answer>;
  /** @returns the body of a 200 */
  get(path: string, who?: Who): Promise<JsonValue>;
  /** An action on a server, as an administrator unless told. */
  act(server: string, body: Readonly<Record<string, unknown>>, who?: Who): Promise<Answer>;
}

export interface World extends AsyncDisposable {
  readonly project: string;
  readonly user: string;
  readonly image: string;
  readonly flavor: string;
  readonly network: string;
  readonly publicKey: string;
  /** Active, with a key pair, tags, a description, metadata and a group. */
  readonly server: string;
  readonly group: string;
  /** Gone. */
  readonly deleted: string;
  /** In error: no host has its disk. */
  readonly failed: string;
  at(minor: number): Client;
  /** Waits until the server has no task. @returns it */
  settled(id: string): Promise<JsonValue>;
  unique(prefix: string): string;
  /** What the simulated cloud is to do wrong from now on. */
  behave(behaviours: ReadonlyArray<Readonly<Record<string, unknown>>>): Promise<void>;
  /** A volume that several servers may have. @returns its id */
  multiattachVolume(): Promise<string>;
  /** A port of the project for which bandwidth is kept free; all hosts have some. @returns its id */
  minimumPort(): Promise<string>;
  /** A blank volume that may be booted from. @returns its id */
  bootableVolume(): Promise<string>;
}

const PUBLIC_KEY =
  'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE2x+hfTU7eQOnFGx9HXe41476pYuPeJ0MM/CLIkRWvS world@example';

export async function startWorld(): Promise<World> {
  await using stack = new AsyncDisposableStack();
  const cloud = stack.use(
    await startCloud({ simulated: true, tuning: { network: { resourceProviderBandwidths: BANDWIDTHS } } }),
  );
  const access: Record<Who, CloudAccess> = {
    member: await cloud.access('pileus'),
    admin: await cloud.access('pileus-admin'),
  };
  const at = (minor: number): Client => clientAt(access, minor);
  const top = at(93);
  let last = 0;
  const unique = (prefix: string): string => `${prefix}-${++last}`;
  const settled: World['settled'] = async (id) =>
    until(
      async () => {
        const { server } = await top.get(`/servers/${id}`, 'admin');
        return server['OS-EXT-STS:task_state'] === null ? (server as JsonValue) : undefined;
      },
      { what: `server ${id} to have no task`, deadlineMs: 30_000 },
    );
  const [image, network, flavor] = await Promise.all([
    firstId(access.member, '/image/v2/images', 'images'),
    firstId(access.member, '/network/v2.0/networks?name=private', 'networks'),
    smallestFlavor(top),
  ]);
  const launch = async (fields: object): Promise<string> => {
    const server = {
      name: 'seen',
      imageRef: image,
      flavorRef: flavor,
      networks: [{ uuid: network }],
      ...fields,
    };
    const { hints, ...rest } = server as typeof server & { hints?: unknown };
    const body = { server: rest, ...(hints ? { 'os:scheduler_hints': hints } : {}) };
    const answer = await top.send('POST', '/servers', body);
    assert.equal(answer.status, 202, JSON.stringify(answer.body));
    return answer.body.server.id as string;
  };
  await top.send('POST', '/os-keypairs', { keypair: { name: 'k', public_key: PUBLIC_KEY } });
  const group = (
    await top.send('POST', '/os-server-groups', { server_group: { name: 'g', policy: 'anti-affinity' } })
  ).body.server_group.id as string;
  const fixed = {
    key_name: 'k',
    tags: ['one'],
    description: 'words',
    metadata: { a: 'b' },
    hints: { group },
  };
  const huge = unique('huge');
  await top.send(
    'POST',
    '/flavors',
    { flavor: { name: huge, id: huge, ram: 128, vcpus: 1, disk: 1_000_000 } },
    'admin',
  );
  const server = await launch(fixed);
  const failed = await launch({ flavorRef: huge });
  const deleted = await launch({ name: 'gone' });
  assert.equal((await settled(server)).status, 'ACTIVE');
  assert.equal((await settled(failed)).status, 'ERROR');
  await settled(deleted);
  await top.send('DELETE', `/servers/${deleted}`);
  await until(async () => (await top.send('GET', `/servers/${deleted}`)).status === 404, {
    what: 'the server to be gone',
    deadlineMs: 30_000,
  });
  const { tenant_id: project, user_id: user } = (await top.get(`/servers/${server}`)).server;
  const kept = stack.move();
  return {
    project,
    user,
    image,
    flavor,
    network,
    server,
    group,
    deleted,
    failed,
    at,
    settled,
    unique,
    behave: async (behaviours) => behave(access.admin, behaviours),
    minimumPort: minimumPorts(access, project),
    bootableVolume: async () => makeBootable(access),
    multiattachVolume: async () => makeMultiattach(access, unique('shared')),
    publicKey: PUBLIC_KEY,
    [Symbol.asyncDispose]: async () => kept.disposeAsync(),
  };
}

type Ask = (who: Who, method: string, path: string, body?: unknown) => Promise<JsonValue>;

const volumesOf =
  (access: Record<Who, CloudAccess>): Ask =>
  async (who, method, path, body) => {
    const { origin, token } = access[who];
    const answer = await fetch(`${origin}/volume/v3${path}`, {
      method,
      headers: { 'x-auth-token': token, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${text}`);
    return text === '' ? undefined : (JSON.parse(text) as JsonValue);
  };

async function behave({ origin, token }: CloudAccess, behaviours: readonly object[]): Promise<void> {
  const answer = await fetch(`${origin}/simulation/behaviours`, {
    method: 'PUT',
    headers: { 'x-auth-token': token, 'content-type': 'application/json' },
    body: JSON.stringify({ behaviours }),
  });
  assert.ok(answer.ok, `behaviours: ${answer.status} ${await answer.text()}`);
}

const BANDWIDTHS = { physnet1: { egress: 1_000_000 } };

/** Makes the network and the policy at the first call, and waits until a host has bandwidth. */
function minimumPorts(access: Record<Who, CloudAccess>, project: string): () => Promise<string> {
  const make = async (path: string, key: string, fields: object): Promise<string> => {
    const { origin, token } = access.admin;
    const answer = await fetch(`${origin}/network/v2.0/${path}`, {
      method: 'POST',
      headers: { 'x-auth-token': token, 'content-type': 'application/json' },
      body: JSON.stringify({ [key]: fields }),
    });
    const text = await answer.text();
    assert.equal(answer.status, 201, `${path}: ${text}`);
    return (JSON.parse(text) as JsonValue)[key].id as string;
  };
  const lay = async (): Promise<{ network: string; policy: string }> => {
    const network = await make('networks', 'network', {
      'provider:network_type': 'vlan',
      'provider:physical_network': 'physnet1',
      'provider:segmentation_id': 72,
    });
    await make('subnets', 'subnet', { network_id: network, ip_version: 4, cidr: '10.72.0.0/24' });
    const policy = await make('qos/policies', 'policy', {});
    const rule = { min_kbps: 1 };
    await make(`qos/policies/${policy}/minimum_bandwidth_rules`, 'minimum_bandwidth_rule', rule);
    const { origin, token } = access.admin;
    const candidates = `${origin}/placement/allocation_candidates?resources=NET_BW_EGR_KILOBIT_PER_SEC:1`;
    const headers = { 'x-auth-token': token, 'openstack-api-version': 'placement 1.36' };
    await until(
      async () => {
        const found = (await (await fetch(candidates, { headers })).json()) as JsonValue;
        return found.allocation_requests.length > 0;
      },
      { what: 'a host to have bandwidth', deadlineMs: 30_000 },
    );
    return { network, policy };
  };
  let laid: ReturnType<typeof lay> | undefined;
  return async () => {
    const { network, policy } = await (laid ??= lay());
    return make('ports', 'port', { network_id: network, qos_policy_id: policy, project_id: project });
  };
}

async function makeBootable(access: Record<Who, CloudAccess>): Promise<string> {
  const ask = volumesOf(access);
  const id = await makeVolume(ask, { size: 1 });
  await ask('member', 'POST', `/volumes/${id}/action`, { 'os-set_bootable': { bootable: true } });
  return id;
}

async function makeMultiattach(access: Record<Who, CloudAccess>, name: string): Promise<string> {
  const ask = volumesOf(access);
  await ask('admin', 'POST', '/types', {
    volume_type: { name, extra_specs: { multiattach: '<is> True' } },
  });
  return makeVolume(ask, { size: 1, volume_type: name });
}

async function makeVolume(ask: Ask, wanted: object): Promise<string> {
  const { volume } = await ask('member', 'POST', '/volumes', { volume: wanted });
  await until(
    async () => (await ask('member', 'GET', `/volumes/${volume.id}`)).volume.status === 'available',
    {
      what: 'the volume to be available',
      deadlineMs: 30_000,
    },
  );
  return volume.id as string;
}

async function firstId(access: CloudAccess, path: string, name: string): Promise<string> {
  const found = (await access.get(path)) as Record<string, Array<{ id: string }>>;
  const id = found[name]?.[0]?.id;
  assert.ok(id, `${path} has none`);
  return id;
}

async function smallestFlavor(client: Client): Promise<string> {
  const { flavors } = await client.get('/flavors/detail?sort_key=memory_mb');
  return flavors[0].id as string;
}

function clientAt(access: Readonly<Record<Who, CloudAccess>>, minor: number): Client {
  const send: Client['send'] = async (method, path, body, who = 'member') => {
    const answer = await fetch(`${access[who].origin}/compute/v2.1${path}`, {
      method,
      headers: {
        'x-auth-token': access[who].token,
        'openstack-api-version': `compute 2.${minor}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    return {
      status: answer.status,
      headers: answer.headers,
      body: text === '' ? undefined : (JSON.parse(text) as unknown),
    };
  };
  return {
    minor,
    send,
    get: async (path, who = 'member') => {
      const answer = await send('GET', path, undefined, who);
      assert.equal(answer.status, 200, `GET ${path} at 2.${minor}: ${JSON.stringify(answer.body)}`);
      return answer.body;
    },
    act: async (server, body, who = 'admin') => send('POST', `/servers/${server}/action`, body, who),
  };
}
