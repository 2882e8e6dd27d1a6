// Ports that keep bandwidth free: what hosts have is told to placement, claimed with servers and interfaces, follows them
// from host to host and is free again after them. Models: there is nothing here that real programs would do otherwise.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { apiSession, type ApiAnswer, type ApiSession } from '#test/support/api-session.ts';
import { startCloud, type TestCloud } from '#test/support/cloud.ts';
import { until } from '#test/support/until.ts';
import { assertSound } from '../faults/audit.ts';

const KBPS = 500;
const EGRESS = 'NET_BW_EGR_KILOBIT_PER_SEC';
const HOSTS = ['sim-1', 'sim-2'];

describe('minimum bandwidth', { timeout: 180_000 }, () => {
  let cloud: TestCloud;
  let admin: ApiSession;
  let network: string;
  let policy: string;

  before(async () => {
    const bandwidth = { physnet1: { egress: KBPS, ingress: KBPS } };
    cloud = await startCloud({
      simulated: true,
      hosts: HOSTS.length,
      tuning: { network: { resourceProviderBandwidths: bandwidth } },
    });
    admin = await apiSession(cloud.dataPath, 'pileus-admin');
    network = await make('networks', {
      name: 'vlan',
      'provider:network_type': 'vlan',
      'provider:physical_network': 'physnet1',
      'provider:segmentation_id': 77,
    });
    await make('subnets', { network_id: network, ip_version: 4, cidr: '10.50.0.0/24' });
    policy = await make('qos/policies', { name: 'half' }, 'policy');
    await make(
      `qos/policies/${policy}/minimum_bandwidth_rules`,
      { min_kbps: KBPS },
      'minimum_bandwidth_rule',
    );
    await until(
      async () => (await Promise.all(HOSTS.map(providerOf))).every((provider) => provider !== undefined),
      { what: 'placement to know the bandwidth of all hosts', deadlineMs: 30_000 },
    );
  });

  after(async () => cloud?.[Symbol.asyncDispose]());

  async function make(path: string, fields: object, key = path.slice(0, -1)): Promise<string> {
    const { status, body } = await admin.request('POST', `/network/v2.0/${path}`, { [key]: fields });
    assert.equal(status, 201, JSON.stringify(body));
    return (body[key] as { id: string }).id;
  }

  const makePort = async (): Promise<string> => make('ports', { network_id: network, qos_policy_id: policy });

  /** With inventories. */
  async function providerOf(host: string): Promise<string | undefined> {
    const headers = { 'openstack-api-version': 'placement 1.36' };
    const name = encodeURIComponent(`${host}:OVN Controller agent:br-ex`);
    const { body } = await admin.request(
      'GET',
      `/placement/resource_providers?name=${name}`,
      undefined,
      headers,
    );
    const [found] = body['resource_providers'] as Array<{ uuid: string }>;
    if (!found) return undefined;
    const path = `/placement/resource_providers/${found.uuid}/inventories`;
    const held = await admin.request('GET', path, undefined, headers);
    return EGRESS in (held.body['inventories'] as object) ? found.uuid : undefined;
  }

  async function usedOn(host: string): Promise<number> {
    const { body } = await admin.request(
      'GET',
      `/placement/resource_providers/${await providerOf(host)}/usages`,
    );
    return (body['usages'] as Record<string, number>)[EGRESS] ?? 0;
  }

  const used = async (): Promise<number[]> => Promise.all(HOSTS.map(usedOn));

  async function launch(name: string, port: string): Promise<string> {
    return admin.launch(name, { networks: [{ port }] });
  }

  async function settled(id: string, status: string): Promise<string> {
    const server = await admin.settled(id);
    assert.equal(server?.status, status, JSON.stringify(server?.fault));
    return server['OS-EXT-SRV-ATTR:host'] ?? '';
  }

  async function remove(id: string): Promise<void> {
    await admin.request('DELETE', `/compute/v2.1/servers/${id}`);
    const gone = async (): Promise<boolean> => (await admin.server(id)) === undefined;
    await until(gone, { what: 'the server to be gone', deadlineMs: 30_000 });
  }

  const act = async (id: string, action: object): Promise<ApiAnswer> =>
    admin.request('POST', `/compute/v2.1/servers/${id}/action`, action);

  async function setDown(host: string, forced_down: boolean): Promise<void> {
    const { body } = await admin.request('GET', `/compute/v2.1/os-services?binary=nova-compute&host=${host}`);
    const [service] = body['services'] as Array<{ id: string }>;
    const path = `/compute/v2.1/os-services/${service?.id}`;
    assert.equal((await admin.request('PUT', path, { forced_down })).status, 200);
  }

  /** The provider that the network service was told of. */
  async function allocationOf(port: string): Promise<unknown> {
    const { body } = await admin.request('GET', `/network/v2.0/ports/${port}`);
    const shown = body['port'] as {
      resource_request: { same_subtree: string[] };
      'binding:profile': { allocation?: Record<string, string> };
    };
    return shown['binding:profile'].allocation?.[shown.resource_request.same_subtree[0] ?? ''];
  }

  const interfaces = (id: string, body?: object, version = '2.72'): Promise<ApiAnswer> =>
    admin.request('POST', `/compute/v2.1/servers/${id}/os-interface`, body && { interfaceAttachment: body }, {
      'x-openstack-nova-api-version': version,
    });

  test('servers take it from hosts until there is none, and give it back', async () => {
    const ports = [await makePort(), await makePort(), await makePort()] as const;
    const first = await launch('first', ports[0]);
    const host = await settled(first, 'ACTIVE');
    assert.equal(await allocationOf(ports[0]), await providerOf(host));
    const second = await launch('second', ports[1]);
    assert.notEqual(await settled(second, 'ACTIVE'), host);
    assert.deepEqual(await used(), [KBPS, KBPS]);
    const third = await launch('third', ports[2]);
    await settled(third, 'ERROR');
    const { fault } = (await admin.server(third))!; // it is there, in error
    assert.match(fault?.message ?? '', /not enough NET_BW_EGR_KILOBIT_PER_SEC \(need 500, most free 0\)/);
    await remove(third);
    await remove(second);
    assert.deepEqual((await used()).toSorted(), [0, KBPS]);
    const fourth = await launch('fourth', ports[2]);
    await settled(fourth, 'ACTIVE');
    await remove(fourth);
    await assertSound(cloud.dataPath, 'with a server on half of the hosts');
    await remove(first);
    assert.deepEqual(await used(), [0, 0]);
    assert.equal(await allocationOf(ports[0]), undefined);
  });

  test('clients of an older version, and networks instead of ports, have none of it', async () => {
    const port = await makePort();
    const [imageRef, flavorRef] = await Promise.all([
      admin.find('/image/v2/images', 'pileus-demo'),
      admin.find('/compute/v2.1/flavors', 'm1.nano'),
    ]);
    const server = { name: 'old', imageRef, flavorRef, networks: [{ port }] };
    const older = { 'x-openstack-nova-api-version': '2.71' };
    const refused = await admin.request('POST', '/compute/v2.1/servers', { server }, older);
    assert.equal(refused.status, 400, JSON.stringify(refused.body));
    const limited = await make('networks', {
      'provider:network_type': 'vlan',
      'provider:physical_network': 'physnet1',
      'provider:segmentation_id': 78,
      qos_policy_id: policy,
    });
    await make('subnets', { network_id: limited, ip_version: 4, cidr: '10.51.0.0/24' });
    const id = await admin.launch('by-network', { networks: [{ uuid: limited }] });
    await settled(id, 'ERROR');
    assert.match((await admin.server(id))?.fault?.message ?? '', /make a port on network/);
    await remove(id);
    assert.deepEqual(await used(), [0, 0]);
  });

  test('interfaces take it from the server’s own host', async () => {
    const [port, other] = [await makePort(), await makePort()];
    const id = await admin.launch('plain');
    const host = await settled(id, 'ACTIVE');
    assert.equal((await interfaces(id, { port_id: port }, '2.71')).status, 400);
    const attached = await interfaces(id, { port_id: port });
    assert.equal(attached.status, 200, JSON.stringify(attached.body));
    assert.equal(await usedOn(host), KBPS);
    assert.equal(await allocationOf(port), await providerOf(host));
    const full = await interfaces(id, { port_id: other });
    assert.equal(full.status, 400, JSON.stringify(full.body));
    assert.equal(await usedOn(host), KBPS);
    await admin.request('DELETE', `/compute/v2.1/servers/${id}/os-interface/${port}`);
    await until(async () => (await usedOn(host)) === 0, {
      what: 'the bandwidth to be free',
      deadlineMs: 30_000,
    });
    await until(async () => (await interfaces(id, { port_id: other })).status === 200, {
      what: 'the other port to be attached',
      deadlineMs: 30_000,
    });
    await remove(id);
    assert.deepEqual(await used(), [0, 0]);
  });

  test('it follows a server that moves, is shelved and comes back', async () => {
    const port = await makePort();
    const id = await launch('mover', port);
    const from = await settled(id, 'ACTIVE');
    const to = HOSTS.find((host) => host !== from)!; // there are two
    assert.equal((await act(id, { migrate: null })).status, 202);
    assert.equal(await settled(id, 'VERIFY_RESIZE'), to);
    assert.deepEqual(await used(), [KBPS, KBPS], 'both ends are taken until the move is over');
    assert.equal(await allocationOf(port), await providerOf(to));
    assert.equal((await act(id, { revertResize: null })).status, 202);
    assert.equal(await settled(id, 'ACTIVE'), from);
    assert.equal(await usedOn(to), 0);
    assert.equal(await allocationOf(port), await providerOf(from));
    assert.equal((await act(id, { migrate: null })).status, 202);
    await settled(id, 'VERIFY_RESIZE');
    assert.equal((await act(id, { confirmResize: null })).status, 204);
    await until(async () => (await usedOn(from)) === 0, {
      what: 'the old host to be free',
      deadlineMs: 30_000,
    });
    await settled(id, 'ACTIVE');
    assert.equal((await act(id, { shelve: null })).status, 202);
    await settled(id, 'SHELVED_OFFLOADED');
    assert.deepEqual(await used(), [0, 0]);
    assert.equal(await allocationOf(port), undefined);
    assert.equal((await act(id, { unshelve: null })).status, 202);
    const back = await settled(id, 'ACTIVE');
    assert.equal(await usedOn(back), KBPS);
    assert.equal(await allocationOf(port), await providerOf(back));
    const live = { 'os-migrateLive': { host: null, block_migration: 'auto' } };
    assert.equal((await act(id, live)).status, 202);
    const there = await settled(id, 'ACTIVE');
    assert.notEqual(there, back);
    await until(async () => (await usedOn(back)) === 0, {
      what: 'the old host to be free',
      deadlineMs: 30_000,
    });
    assert.equal(await usedOn(there), KBPS);
    assert.equal(await allocationOf(port), await providerOf(there));
    await setDown(there, true);
    assert.equal((await act(id, { evacuate: {} })).status, 200);
    assert.equal(await settled(id, 'ACTIVE'), back);
    assert.equal(await usedOn(back), KBPS);
    assert.equal(await allocationOf(port), await providerOf(back));
    await setDown(there, false);
    await until(async () => (await usedOn(there)) === 0, {
      what: 'the host that is back',
      deadlineMs: 60_000,
    });
    await remove(id);
    assert.deepEqual(await used(), [0, 0]);
    await assertSound(cloud.dataPath, 'after all');
  });
});
