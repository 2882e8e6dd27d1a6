// What other services tell of servers: the code of each event, and what follows.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NETWORK, startComputeHarness, type ComputeHarness } from '#test/support/compute-harness.ts';

const NOBODY = 'aaaaaaaa-0000-4000-8000-00000000000a';

async function tell(
  cloud: ComputeHarness,
  events: readonly object[],
  version = '2.93',
): Promise<{ status: number; codes: ReadonlyArray<readonly [number, string]> }> {
  const { status, body } = await cloud.at(version, 'POST', '/v2.1/os-server-external-events', {
    token: 'service',
    body: { events },
  });
  const answered: Array<{ code: number; status: string }> = body.events ?? [];
  return { status, codes: answered.map((each) => [each.code, each.status]) };
}

const actionsOf = async (cloud: ComputeHarness): Promise<unknown[]> =>
  (
    await cloud.kysely
      .selectFrom('instance_actions')
      .select(['action', 'state'])
      .orderBy('started_at')
      .execute()
  )
    .filter(({ action }) => action !== 'create')
    .map(({ action, state }) => [action, state]);

test('each event has a code of its own: 404, 422, 400 without the tag that it needs, else 200', async () => {
  await using cloud = await startComputeHarness();
  const server = await cloud.create();
  const building = await cloud.create();
  await cloud.activate(server);
  const tagged = ['volume-extended', 'power-update', 'accelerator-request-bound'];
  const others = ['network-changed', 'network-vif-plugged', 'network-vif-unplugged', 'network-vif-deleted'];
  for (const name of [...tagged, ...others, 'volume-reimaged']) {
    const answer = await tell(cloud, [
      { name, server_uuid: NOBODY },
      { name, server_uuid: building },
      { name, server_uuid: server },
      { name, server_uuid: server, tag: NOBODY, status: 'in-progress' },
    ]);
    assert.equal(answer.status, 207, name);
    assert.deepEqual(
      answer.codes,
      [
        [404, 'failed'],
        [422, 'failed'],
        tagged.includes(name) ? [400, 'failed'] : [200, 'completed'],
        [200, 'completed'],
      ],
      name,
    );
  }
  const all = await tell(cloud, [
    { name: 'network-changed', server_uuid: server },
    { name: 'network-changed', server_uuid: server, status: 'failed' },
  ]);
  assert.deepEqual([all.status, all.codes.length], [200, 2]);
  assert.equal((await tell(cloud, [])).status, 400);
  for (const [name, below] of [
    ['volume-extended', '2.50'],
    ['power-update', '2.75'],
    ['accelerator-request-bound', '2.81'],
    ['volume-reimaged', '2.92'],
  ] as const)
    assert.equal((await tell(cloud, [{ name, server_uuid: server, tag: NOBODY }], below)).status, 400, name);
  assert.deepEqual(await actionsOf(cloud), []);
});

test('an event of power is noted, and the hypervisor goes on to say what is', async () => {
  await using cloud = await startComputeHarness();
  const server = await cloud.create();
  await cloud.activate(server);
  const event = { name: 'power-update', server_uuid: server };
  for (const tag of ['POWER_OFF', 'POWER_ON', 'ELSEWHERE'])
    assert.equal((await tell(cloud, [{ ...event, tag }])).status, 200, tag);
  assert.deepEqual(await actionsOf(cloud), [
    ['stop', 'done'],
    ['start', 'done'],
  ]);
  const before = await cloud.outbox();
  assert.ok(!before.some(({ method }) => ['stopServer', 'startServer'].includes(method)));
  assert.equal((await cloud.call('GET', `/v2.1/servers/${server}`)).body.server.status, 'ACTIVE');
});

test('a port that is deleted is taken out of the server that has it, once that does nothing else', async () => {
  await using cloud = await startComputeHarness();
  const server = await cloud.create({ networks: [{ uuid: NETWORK }] });
  await cloud.activate(server);
  const [port] = cloud.network.ports.keys();
  const event = { name: 'network-vif-deleted', server_uuid: server, tag: port };
  const busy = (task_state: 'rebooting' | null): Promise<unknown> =>
    cloud.kysely.updateTable('instances').set({ task_state }).where('id', '=', server).execute();
  await busy('rebooting');
  await tell(cloud, [event, { ...event, tag: NOBODY }]);
  assert.ok(!(await cloud.outbox()).some(({ method }) => method === 'detachInterface'));
  await busy(null);
  await tell(cloud, [event]);
  const message = (await cloud.outbox()).at(-1);
  assert.deepEqual(
    [message?.method, message?.queue, message?.payload['port_id'], message?.payload['keep_port']],
    ['detachInterface', 'compute.host-1', port, true],
  );
  assert.deepEqual(await actionsOf(cloud), [['detach_interface', 'running']]);
});
