// What hangs below a server: metadata, tags, addresses, interfaces, actions with their events, diagnostics.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NETWORK, SUBNET, startComputeHarness, type ComputeHarness } from '#test/support/compute-harness.ts';
import { serveRpc } from '#platform/bus/bus.ts';
import { saveStep } from '#platform/saga/sql-log.ts';
import type { AgentRpc } from '#compute/rpc.ts';
import type { StepRecord } from '#platform/saga/saga.ts';

async function server(cloud: ComputeHarness): Promise<string> {
  const id = await cloud.create({ metadata: { a: '1' } });
  await cloud.activate(id);
  return id;
}

test('metadata: list, add, replace, item by item, with the quota', async () => {
  await using cloud = await startComputeHarness();
  const base = `/v2.1/servers/${await server(cloud)}/metadata`;
  assert.deepEqual((await cloud.call('GET', base)).body, { metadata: { a: '1' } });
  assert.deepEqual((await cloud.call('POST', base, { body: { metadata: { b: '2' } } })).body, {
    metadata: { a: '1', b: '2' },
  });
  assert.deepEqual((await cloud.call('PUT', base, { body: { metadata: { c: '3' } } })).body, {
    metadata: { c: '3' },
  });
  assert.deepEqual((await cloud.call('PUT', `${base}/c`, { body: { meta: { c: '4' } } })).body, {
    meta: { c: '4' },
  });
  assert.deepEqual((await cloud.call('GET', `${base}/c`)).body, { meta: { c: '4' } });
  assert.equal((await cloud.call('PUT', `${base}/c`, { body: { meta: { d: '4' } } })).status, 400);
  assert.equal((await cloud.call('GET', `${base}/toString`)).status, 404);
  assert.equal((await cloud.call('DELETE', `${base}/c`)).status, 204);
  assert.equal((await cloud.call('DELETE', `${base}/c`)).status, 404);
  const many = Object.fromEntries(Array.from({ length: 129 }, (_, index) => [`k${index}`, 'v']));
  assert.equal((await cloud.call('POST', base, { body: { metadata: many } })).status, 403);
  assert.equal((await cloud.call('POST', base, { body: { metadata: { ä: 'x' } } })).status, 400);
  assert.equal((await cloud.call('POST', base, { token: 'reader', body: { metadata: {} } })).status, 403);
  const answers = await Promise.all(
    ['x', 'y', 'z'].map(async (key) => cloud.call('POST', base, { body: { metadata: { [key]: key } } })),
  );
  assert.ok(answers.every(({ status }) => status === 200));
  assert.deepEqual((await cloud.call('GET', base)).body, { metadata: { x: 'x', y: 'y', z: 'z' } });
});

test('tags: from 2.26, put twice, 50 at most, 60 characters', async () => {
  await using cloud = await startComputeHarness();
  const base = `/v2.1/servers/${await server(cloud)}/tags`;
  const at = async (method: string, path: string, body?: unknown) =>
    cloud.at('2.26', method, base + path, body === undefined ? {} : { body });
  assert.equal((await cloud.call('GET', base)).status, 404);
  const put = await at('PUT', '/blue');
  assert.equal(put.status, 201);
  assert.ok(put.headers['location']?.endsWith('/tags/blue'));
  assert.equal((await at('PUT', '/blue')).status, 204);
  assert.equal((await at('GET', '/blue')).status, 204);
  assert.equal((await at('GET', '/red')).status, 404);
  assert.deepEqual((await at('PUT', '', { tags: ['x', 'y', 'x'] })).body, { tags: ['x', 'y'] });
  assert.deepEqual((await at('GET', '')).body, { tags: ['x', 'y'] });
  assert.equal((await at('PUT', '', { tags: ['a,b'] })).status, 400);
  assert.equal((await at('PUT', `/${'x'.repeat(61)}`)).status, 400);
  assert.equal(
    (await at('PUT', '', { tags: Array.from({ length: 51 }, (_, index) => `t${index}`) })).status,
    400,
  );
  assert.equal((await at('DELETE', '/x')).status, 204);
  assert.equal((await at('DELETE', '/x')).status, 404);
  assert.equal((await at('DELETE', '')).status, 204);
  assert.deepEqual((await at('GET', '')).body, { tags: [] });
});

test('addresses by network', async () => {
  await using cloud = await startComputeHarness();
  const base = `/v2.1/servers/${await server(cloud)}/ips`;
  const all = (await cloud.call('GET', base)).body;
  assert.deepEqual(Object.keys(all.addresses.private[0]), ['version', 'addr']);
  assert.deepEqual((await cloud.call('GET', `${base}/private`)).body, all.addresses);
  assert.equal((await cloud.call('GET', `${base}/nope`)).status, 404);
});

test('interfaces: attaching answers with the port that the agent made, detaching is accepted', async () => {
  await using cloud = await startComputeHarness();
  const id = await server(cloud);
  await cloud.service.start();
  const agent = await serveRpc<Pick<AgentRpc, 'attachInterface' | 'detachInterface'>>(
    cloud.bus,
    'compute.host-1',
    {
      attachInterface: async ({ instance_id, action_id, network_id }) => {
        const row = await cloud.kysely
          .selectFrom('instances')
          .select('vifs_json')
          .where('id', '=', instance_id)
          .executeTakeFirstOrThrow();
        const [first] = JSON.parse(row.vifs_json);
        const port = {
          ...[...cloud.network.ports.values()][0]!,
          id: 'ffffffff-2222-4222-8222-222222222222',
          network_id,
          mac_address: 'fa:16:3e:aa:aa:aa',
        };
        cloud.network.ports.set(port.id, port);
        const vifs = [first, { ...first, port_id: port.id }];
        await cloud.service.deps.db.transaction(async (trx) => {
          await trx
            .updateTable('instances')
            .set({ vifs_json: JSON.stringify(vifs) })
            .where('id', '=', instance_id)
            .execute();
          await trx
            .updateTable('instance_actions')
            .set({ state: 'done' })
            .where('id', '=', action_id)
            .execute();
        });
      },
      detachInterface: async () => undefined,
    },
  );
  const base = `/v2.1/servers/${id}/os-interface`;
  const [first] = (await cloud.call('GET', base)).body.interfaceAttachments;
  assert.deepEqual(Object.keys(first).toSorted(), [
    'fixed_ips',
    'mac_addr',
    'net_id',
    'port_id',
    'port_state',
  ]);
  assert.equal(first.fixed_ips[0].subnet_id, SUBNET);
  const attached = await cloud.call('POST', base, { body: { interfaceAttachment: { net_id: NETWORK } } });
  assert.equal(attached.status, 200, JSON.stringify(attached.body));
  assert.equal(attached.body.interfaceAttachment.mac_addr, 'fa:16:3e:aa:aa:aa');
  const shown = await cloud.at('2.70', 'GET', `${base}/${attached.body.interfaceAttachment.port_id}`);
  assert.equal(shown.body.interfaceAttachment.tag, null);
  assert.equal((await cloud.call('DELETE', `${base}/${first.port_id}`)).status, 202);
  assert.equal((await cloud.call('DELETE', `${base}/nope`)).status, 404);
  const both = { net_id: NETWORK, port_id: first.port_id };
  assert.equal((await cloud.call('POST', base, { body: { interfaceAttachment: both } })).status, 400);
  assert.equal((await cloud.call('POST', base, { body: { interfaceAttachment: { tag: 'x' } } })).status, 400);
  await agent.close();
});

test('an attach that the agent fails is a fault with its reason', async () => {
  await using cloud = await startComputeHarness();
  const id = await server(cloud);
  await cloud.service.start();
  const agent = await serveRpc<Pick<AgentRpc, 'attachInterface'>>(cloud.bus, 'compute.host-1', {
    attachInterface: async ({ action_id }) => {
      await cloud.kysely
        .updateTable('instance_actions')
        .set({ state: 'failed', message: 'no slot left' })
        .where('id', '=', action_id)
        .execute();
    },
  });
  const answer = await cloud.call('POST', `/v2.1/servers/${id}/os-interface`, { body: {} });
  assert.equal(answer.status, 503);
  assert.equal(answer.body.serviceUnavailable.message, 'no slot left');
  await agent.close();
});

test('actions and their events: the hops, in the order of the launch path', async () => {
  await using cloud = await startComputeHarness();
  const id = await server(cloud);
  const action = await cloud.kysely.selectFrom('instance_actions').selectAll().executeTakeFirstOrThrow();
  const step = (name: string, state: StepRecord['state'], second: number): StepRecord => ({
    saga_id: action.id, attempt: 1, step: name, state, started_at: `2026-01-01T00:00:0${second}.000Z`,
    ended_at: state === 'running' ? null : `2026-01-01T00:00:0${second + 1}.000Z`, deadline_at: '2026-01-01T00:01:00.000Z',
    actor: 'compute.host-1', waiting_for: null, evidence: {}, output: null, error: state === 'failed' ? 'libvirt said no' : null,
  }); // prettier-ignore
  for (const record of [
    step('spawn', 'failed', 4),
    step('image.load', 'done', 2),
    step('prepare', 'done', 1),
    step('network.bind', 'running', 3),
  ]) {
    await saveStep(cloud.kysely, record);
  }
  const base = `/v2.1/servers/${id}/os-instance-actions`;
  const listed = (await cloud.call('GET', base)).body.instanceActions;
  assert.deepEqual([listed.length, listed[0].action, listed[0].request_id], [1, 'create', action.request_id]);
  const one = `${base}/${action.request_id}`;
  const plain = (await cloud.call('GET', one)).body.instanceAction.events as Array<Record<string, unknown>>;
  assert.ok(plain.length === 7 && plain.every((event) => event['traceback'] === null));
  const events = (await cloud.at('2.51', 'GET', one)).body.instanceAction.events as Array<
    Record<string, unknown>
  >;
  assert.deepEqual(
    events.map(({ event, result }) => [event, result]),
    [
      ['authenticate', 'Success'],
      ['request', 'Success'],
      ['record', 'Success'],
      ['prepare', 'Success'],
      ['image.load', 'Success'],
      ['network.bind', null],
      ['spawn', 'Error'],
    ],
  );
  assert.ok(events.every((event) => !('traceback' in event) && !('host' in event)));
  const admin = (await cloud.at('2.84', 'GET', one, { token: 'admin' })).body.instanceAction.events.at(-1);
  assert.deepEqual(
    [admin.traceback, admin.details, admin.host],
    ['libvirt said no', 'libvirt said no', 'host-1'],
  );
  const tenant = (await cloud.at('2.62', 'GET', one)).body.instanceAction.events.at(-1);
  assert.match(tenant.hostId, /^[0-9a-f]{56}$/);
  assert.equal((await cloud.call('GET', `${base}/req-nope`)).status, 404);
  await cloud.bury(id);
  assert.equal((await cloud.call('GET', base)).status, 404);
  assert.equal((await cloud.at('2.21', 'GET', base)).status, 200);
});

test('actions are paged from 2.58 on', async () => {
  await using cloud = await startComputeHarness();
  const id = await server(cloud);
  for (const key of ['lock', 'unlock', 'lock'])
    await cloud.call('POST', `/v2.1/servers/${id}/action`, { body: { [key]: null } });
  const base = `/v2.1/servers/${id}/os-instance-actions`;
  const first = (await cloud.at('2.58', 'GET', `${base}?limit=2`)).body;
  assert.equal(first.instanceActions.length, 2);
  const next = new URL(first.links[0].href).searchParams.get('marker');
  const second = (await cloud.at('2.58', 'GET', `${base}?limit=2&marker=${next}`)).body;
  assert.deepEqual(
    second.instanceActions.map((each: { action: string }) => each.action).includes('create'),
    true,
  );
  assert.equal((await cloud.at('2.58', 'GET', `${base}?marker=nope`)).status, 400);
});

test('diagnostics are asked of the host, for administrators', async () => {
  await using cloud = await startComputeHarness();
  const id = await server(cloud);
  const agent = await serveRpc<Pick<AgentRpc, 'getDiagnostics'>>(cloud.bus, 'compute.host-1', {
    getDiagnostics: async () => ({
      state: 'running',
      vcpus: [{ timeNs: 5 }],
      memory: { maximumMb: 2, residentMb: 1 },
      interfaces: [],
      disks: [],
    }),
  });
  assert.equal((await cloud.call('GET', `/v2.1/servers/${id}/diagnostics`)).status, 403);
  assert.deepEqual((await cloud.call('GET', `/v2.1/servers/${id}/diagnostics`, { token: 'admin' })).body, {
    cpu0_time: 5,
    memory: 2048,
    'memory-rss': 1024,
  });
  assert.deepEqual((await cloud.call('GET', `/v2.1/servers/${id}/os-server-password`)).body, {
    password: '',
  });
  const forget = async (token: string) =>
    (await cloud.call('DELETE', `/v2.1/servers/${id}/os-server-password`, { token })).status;
  assert.deepEqual(
    [await forget('reader'), await forget('stranger'), await forget('member')],
    [403, 404, 204],
  );
  await agent.close();
});
