// Rows of the volume service's microversions about groups, group types and group snapshots.
import assert from 'node:assert/strict';
import { until } from '../until.ts';
import { filter, message, newPath, NOBODY, shown, statuses, type Row, type Step } from './row.ts';
import type { Client, World } from './world.ts';

interface Grouped {
  readonly type: string;
  readonly group: string;
  readonly volume: string;
  readonly groupSnapshot: string;
}

const groupedOf = new WeakMap<World, Promise<Grouped>>();

/** A group with one volume and a group snapshot, made once for all rows. */
async function grouped(world: World): Promise<Grouped> {
  const known = groupedOf.get(world) ?? makeGrouped(world);
  groupedOf.set(world, known);
  return known;
}

async function makeGrouped(world: World): Promise<Grouped> {
  const top = world.at(70);
  const made = async (collection: string, key: string, fields: object, who?: 'admin'): Promise<string> => {
    const answer = await top.send('POST', `/${collection}`, { [key]: fields }, who);
    assert.equal(answer.status, 202, JSON.stringify(answer.body));
    return answer.body[key].id as string;
  };
  const type = await made('group_types', 'group_type', { name: 'grouped' }, 'admin');
  const fields = { name: 'seen', group_type: type, volume_types: ['__DEFAULT__'] };
  const group = await made('groups', 'group', fields);
  const volume = await world.newVolume({ volume_type: '__DEFAULT__', group_id: group });
  const groupSnapshot = await made('group_snapshots', 'group_snapshot', { group_id: group, name: 'seen' });
  await until(
    async () => (await top.get(`/group_snapshots/${groupSnapshot}`)).group_snapshot.status === 'available',
    { what: 'the group snapshot to be available', deadlineMs: 10_000 },
  );
  return { type, group, volume, groupSnapshot };
}

const step = (
  version: Row['version'],
  change: string,
  check: (step: Step, made: Grouped) => Promise<void>,
): Row => ({
  version,
  change,
  proof: 'steps',
  check: async (given) => check(given, await grouped(given.world)),
});

export const groupRows: readonly Row[] = [
  {
    version: '3.6',
    change: 'consistency groups can be given an empty name',
    proof: 'steps',
    check: async (given) => {
      const asked = { name: 'seen', volume_types: '__DEFAULT__' };
      const made = await given.from.send('POST', '/consistencygroups', { consistencygroup: asked });
      const path = `/consistencygroups/${made.body.consistencygroup.id}`;
      await statuses(given, [400, 202], 'PUT', `${path}/update`, { consistencygroup: { name: '' } });
      assert.equal((await given.from.get(path)).consistencygroup.name, '');
      const body = { consistencygroup: { force: false } };
      assert.equal((await given.from.send('POST', `${path}/delete`, body)).status, 202);
    },
  },
  step('3.11', 'group types and their specs', async (given, { type }) => {
    for (const path of ['/group_types', `/group_types/${type}`, `/group_types/${type}/group_specs`])
      await newPath(() => path, 'admin')(given);
  }),
  step('3.13', 'groups, and the group of volumes', async (given, { group, volume }) => {
    for (const path of ['/groups', '/groups/detail', `/groups/${group}`]) await newPath(() => path)(given);
    await shown(() => `/volumes/${volume}`, 'volume', 'group_id')(given);
    await statuses(given, [404, 202], 'PUT', `/groups/${group}`, { group: { name: 'seen' } });
    const create = async (client: Client): Promise<number> =>
      (await client.send('POST', '/volumes', { volume: { size: 1, group_id: NOBODY } })).status;
    assert.deepEqual([await create(given.below), await create(given.from)], [202, 404]);
  }),
  {
    ...step('3.14', 'group snapshots, groups of a source', async (given, { group, groupSnapshot }) => {
      for (const path of ['', '/detail', `/${groupSnapshot}`])
        await newPath(() => `/group_snapshots${path}`)(given);
      const body = { 'create-from-src': { source_group_id: NOBODY } };
      await statuses(given, [404, 404], 'POST', '/groups/action', body);
      const { from, below } = given;
      const nothing = { 'create-from-src': {} };
      assert.equal((await below.send('POST', '/groups/action', nothing)).status, 404);
      assert.equal((await from.send('POST', '/groups/action', nothing)).status, 400);
      await shown(() => `/groups/${group}`, 'group', 'source_group_id')(given);
      await shown(({ snapshot }) => `/snapshots/${snapshot}`, 'snapshot', 'group_snapshot_id')(given);
    }),
    once: true,
  },
  step('3.19', 'reset of the status of group snapshots', async (given, { groupSnapshot }) => {
    const body = { reset_status: { status: 'available' } };
    await statuses(given, [404, 202], 'POST', `/group_snapshots/${groupSnapshot}/action`, body, 'admin');
  }),
  step('3.20', 'reset of the status of groups', async (given, { group }) => {
    const body = { reset_status: { status: 'available' } };
    await statuses(given, [404, 202], 'POST', `/groups/${group}/action`, body, 'admin');
  }),
  {
    ...step('3.25', 'volumes of groups', async (given, { group, volume }) => {
      await shown(() => `/groups/${group}?list_volume=true`, 'group', 'volumes')(given);
      const { groups } = await given.from.get('/groups/detail?list_volume=true');
      assert.deepEqual(groups[0].volumes, [volume]);
      assert.equal('volumes' in (await given.from.get(`/groups/${group}`)).group, false, 'unasked');
    }),
    once: true,
  },
  {
    ...step('3.29', 'filters, orders and pages of group snapshots', async (given, { groupSnapshot }) => {
      await filter('/group_snapshots', 'status=error')(given);
      await filter('/group_snapshots', `marker=${groupSnapshot}`)(given);
      await filter('/group_snapshots', 'limit=0')(given);
      await statuses(given, [200, 400], 'GET', '/group_snapshots?sort=nothing');
    }),
    once: true,
  },
  {
    ...step('3.38', 'replication of groups, for those of a type that asks for it', async (given, made) => {
      await shown(() => `/groups/${made.group}`, 'group', 'replication_status')(given);
      const { from, below } = given;
      for (const key of [
        'enable_replication',
        'disable_replication',
        'failover_replication',
        'list_replication_targets',
      ]) {
        const send = async (client: Client) =>
          client.send('POST', `/groups/${made.group}/action`, { [key]: {} });
        const unknown = await send(below);
        assert.ok([400, 404].includes(unknown.status), key);
        assert.doesNotMatch(message(unknown), /replicates/, key);
        const answer = await send(from);
        assert.equal(answer.status, 400, key);
        assert.match(message(answer), /not of a type that replicates/, key);
      }
    }),
    once: true,
  },
  {
    ...step('3.58', 'project of groups and group snapshots, for administrators', async (given, made) => {
      for (const [path, key] of [
        [`/groups/${made.group}`, 'group'],
        [`/group_snapshots/${made.groupSnapshot}`, 'group_snapshot'],
      ] as const) {
        await shown(() => path, key, 'project_id', 'admin')(given);
        assert.equal('project_id' in (await given.from.get(path))[key], false, 'for a member');
      }
    }),
    once: true,
  },
];
