// Servers on PostgreSQL: the statements that differ between engines, and races that SQLite cannot have.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startComputeHarness } from '#test/support/compute-harness.ts';
import { hasPostgres, startPostgres } from '#test/support/postgres.ts';

const skip = hasPostgres ? false : 'PostgreSQL is not installed';

test('lists, filters, pages and races alike on PostgreSQL', { skip, timeout: 60_000 }, async () => {
  await using server = await startPostgres();
  await using cloud = await startComputeHarness({ databaseUrl: await server.newSchema() });
  const body = { server: { name: 's', flavorRef: 'm1', imageRef: '70a599e0-31e7-49b7-b260-868f441e862b' } };
  const answers = await Promise.all(
    Array.from({ length: 13 }, async () => cloud.call('POST', '/v2.1/servers', { body })),
  );
  const ids = answers.filter(({ status }) => status === 202).map((answer) => answer.body.server.id as string);
  assert.equal(ids.length, 10, 'the quota holds under races');
  const [first = '', second = ''] = ids;
  await cloud.activate(first);
  await cloud.activate(second, { vm_state: 'stopped' });

  const count = async (query: string): Promise<number> => {
    const answer = await cloud.at('2.83', 'GET', `/v2.1/servers/detail?${query}`);
    assert.equal(answer.status, 200, `${query}: ${JSON.stringify(answer.body)}`);
    return answer.body.servers.length as number;
  };
  assert.equal(await count('status=ACTIVE'), 1);
  assert.equal(await count('status=BUILD&name=^s$'), 8);
  assert.equal(await count('power_state=1'), 2);
  assert.equal(await count('task_state=scheduling&sort_key=launched_at&sort_dir=asc'), 8);
  assert.equal(await count('config_drive=False&locked=false&changes-since=2020-01-01'), 10);
  const seen = new Set<string>();
  for (let marker = ''; ;) {
    const page = await cloud.call('GET', `/v2.1/servers?limit=3&sort_key=task_state${marker}`);
    const servers = page.body.servers as Array<{ id: string }>;
    for (const { id } of servers) seen.add(id);
    if (!page.body.servers_links) break;
    marker = `&marker=${servers.at(-1)?.id}`;
  }
  assert.equal(seen.size, 10);

  const stop = async () => cloud.call('POST', `/v2.1/servers/${first}/action`, { body: { 'os-stop': null } });
  const stops = await Promise.all([stop(), stop(), stop(), stop()]);
  assert.deepEqual(stops.map(({ status }) => status).toSorted(), [202, 409, 409, 409]);
  const deletes = await Promise.all(
    [1, 2, 3].map(async () => cloud.call('DELETE', `/v2.1/servers/${second}`)),
  );
  assert.ok(deletes.every(({ status }) => status === 204));
  const sent = (await cloud.outbox()).filter(({ method }) => method === 'deleteServer');
  assert.equal(sent.length, 1, 'three deletes at once are one');

  const key = {
    keypair: {
      name: 'k',
      public_key: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHUCd0yV4dGl6WIb0DqJ2fBzCsDBbVvWzXf1rJ0x3b2P',
    },
  };
  const keys = await Promise.all(
    [1, 2, 3].map(async () => cloud.call('POST', '/v2.1/os-keypairs', { body: key })),
  );
  assert.deepEqual(keys.map(({ status }) => status).toSorted(), [200, 409, 409]);
  await cloud.call('POST', `/v2.1/servers/${first}/metadata`, { body: { metadata: { a: 'b' } } });
  const tags = await cloud.at('2.26', 'PUT', `/v2.1/servers/${first}/tags`, { body: { tags: ['x'] } });
  assert.deepEqual(tags.body, { tags: ['x'] });
  const history = await cloud.at('2.58', 'GET', `/v2.1/servers/${first}/os-instance-actions?limit=1`);
  assert.equal(history.body.instanceActions[0].action, 'stop');
});
