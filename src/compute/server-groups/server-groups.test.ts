// Server groups through the API, in the forms before and after 2.64.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startComputeHarness } from '#test/support/compute-harness.ts';

const path = '/v2.1/os-server-groups';

test('creates with policies before 2.64 and with one policy and rules from then on', async () => {
  await using cloud = await startComputeHarness();
  const old = await cloud.call('POST', path, {
    body: { server_group: { name: 'g', policies: ['anti-affinity'] } },
  });
  assert.equal(old.status, 200);
  assert.deepEqual(Object.keys(old.body.server_group).toSorted(), [
    'id',
    'members',
    'metadata',
    'name',
    'policies',
  ]);
  const soft = { server_group: { name: 's', policies: ['soft-affinity'] } };
  assert.equal((await cloud.call('POST', path, { body: soft })).status, 400);
  assert.equal((await cloud.at('2.15', 'POST', path, { body: soft })).status, 200);
  const rules = { max_server_per_host: '3' };
  const made = await cloud.at('2.64', 'POST', path, {
    body: { server_group: { name: 'n', policy: 'anti-affinity', rules } },
  });
  assert.deepEqual(
    [made.body.server_group.policy, made.body.server_group.rules],
    ['anti-affinity', { max_server_per_host: 3 }],
  );
  assert.equal(
    (
      await cloud.at('2.64', 'POST', path, {
        body: { server_group: { name: 'n', policy: 'affinity', rules } },
      })
    ).status,
    400,
  );
});

test('lists members, hides foreign groups, and lets servers go when it is deleted', async () => {
  await using cloud = await startComputeHarness();
  const { id } = (
    await cloud.call('POST', path, { body: { server_group: { name: 'g', policies: ['affinity'] } } })
  ).body.server_group;
  const answer = await cloud.call('POST', '/v2.1/servers', {
    body: {
      server: { name: 'x', flavorRef: 'm1', imageRef: '70a599e0-31e7-49b7-b260-868f441e862b' },
      'os:scheduler_hints': { group: id },
    },
  });
  const server = answer.body.server.id;
  assert.deepEqual((await cloud.call('GET', `${path}/${id}`)).body.server_group.members, [server]);
  assert.deepEqual((await cloud.at('2.71', 'GET', `/v2.1/servers/${server}`)).body.server.server_groups, [
    id,
  ]);
  assert.equal((await cloud.call('GET', `${path}/${id}`, { token: 'stranger' })).status, 404);
  assert.deepEqual((await cloud.call('GET', path, { token: 'stranger' })).body.server_groups, []);
  const mine = (await cloud.call('GET', path)).body;
  assert.deepEqual((await cloud.call('GET', `${path}?all_projects=1`)).body, mine);
  assert.equal(
    (await cloud.call('GET', `${path}?all_projects=1`, { token: 'admin' })).body.server_groups.length,
    1,
  );
  assert.equal((await cloud.call('DELETE', `${path}/${id}`, { token: 'reader' })).status, 403);
  assert.equal((await cloud.call('DELETE', `${path}/${id}`)).status, 204);
  assert.equal((await cloud.call('DELETE', `${path}/${id}`)).status, 404);
  assert.deepEqual((await cloud.at('2.71', 'GET', `/v2.1/servers/${server}`)).body.server.server_groups, []);
});

test('a group takes no more members than the quota', async () => {
  await using cloud = await startComputeHarness();
  await cloud.kysely
    .insertInto('quota_limits')
    .values({ scope: 'class:default', resource: 'server_group_members', hard_limit: 2 })
    .execute();
  const group = { server_group: { name: 'g', policies: ['affinity'] } };
  const { id } = (await cloud.call('POST', path, { body: group })).body.server_group;
  const create = async (max_count: number) =>
    cloud.call('POST', '/v2.1/servers', {
      body: {
        server: { name: 'x', flavorRef: 'm1', imageRef: '70a599e0-31e7-49b7-b260-868f441e862b', max_count },
        'os:scheduler_hints': { group: id },
      },
    });
  assert.equal((await create(3)).status, 403);
  assert.equal((await create(2)).status, 202);
  assert.equal((await create(1)).status, 403);
});
