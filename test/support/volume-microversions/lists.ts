// Rows of the volume service's microversions about what lists take: filters, orders, pages, counts.
import assert from 'node:assert/strict';
import { filter, idsOf, NOBODY, statuses, type Row, type Step } from './row.ts';

/** `sort=name` of a list that took `display_name` alone before. */
const sortsByName =
  (path: string) =>
  async (step: Step): Promise<void> => {
    await statuses(step, [400, 200], 'GET', `${path}?sort=name:asc`);
    await statuses(step, [400, 200], 'GET', `${path}?sort_key=name`);
    await statuses(step, [200, 200], 'GET', `${path}?sort=display_name:asc`);
  };

export const listRows: readonly Row[] = [
  {
    version: '3.2',
    change: 'the filter bootable is a boolean: before, everything but false and False is true',
    proof: 'steps',
    check: async (step) => {
      const { below, from } = step;
      const all = await idsOf(from, '/volumes?bootable=false');
      assert.ok(all.length > 0);
      for (const text of ['false', 'False'])
        assert.deepEqual(await idsOf(below, `/volumes?bootable=${text}`), all);
      for (const text of ['0', 'F', 'true', 'anything'])
        assert.deepEqual(await idsOf(below, `/volumes?bootable=${text}`), [], text);
      for (const text of ['0', 'F', 'False'])
        assert.deepEqual(await idsOf(from, `/volumes?bootable=${text}`), all);
      await statuses(step, [200, 400], 'GET', '/volumes?bootable=anything');
    },
  },
  {
    version: '3.4',
    change: 'filter glance_metadata of volumes',
    proof: 'steps',
    once: true, // from 3.31 on, and at 3.0, the same: a filter that is known is kept
    check: filter('/volumes/detail', 'glance_metadata={"os":"none"}'),
  },
  {
    version: '3.5',
    change: 'messages are paged and filtered',
    proof: 'steps',
    once: true,
    check: async (step) => {
      await filter('/messages', `resource_uuid=${NOBODY}`)(step);
      await filter('/messages', 'limit=0')(step);
      await statuses(step, [200, 404], 'GET', `/messages?marker=${NOBODY}`);
    },
  },
  {
    version: '3.10',
    change: 'filter group_id of volumes',
    proof: 'steps',
    check: filter('/volumes', `group_id=${NOBODY}`),
  },
  {
    version: '3.22',
    change: 'filter metadata of snapshots',
    proof: 'steps',
    check: async (step) => {
      await filter('/snapshots', 'metadata={"k":"another"}')(step);
      assert.ok((await idsOf(step.from, '/snapshots?metadata={"k":"v"}')).includes(step.world.snapshot));
    },
  },
  {
    version: '3.28',
    change: 'filters of pools',
    proof: 'steps',
    check: filter('/scheduler-stats/get_pools', 'storage_protocol=none', 'admin'),
  },
  { version: '3.30', change: 'snapshots sorted by name', proof: 'steps', check: sortsByName('/snapshots') },
  {
    version: '3.31',
    change: 'filters that nobody configured are refused to all but administrators',
    proof: 'steps',
    check: async (step) => {
      for (const path of [
        '/volumes',
        '/snapshots',
        '/backups',
        ...(step.below.minor < 3 ? [] : ['/messages']),
      ])
        await statuses(step, [200, 400], 'GET', `${path}?colour=blue`);
      for (const path of ['/volumes', '/snapshots', '/backups'])
        await statuses(step, [200, 200], 'GET', `${path}?colour=blue&all_tenants=1`, undefined, 'admin');
    },
  },
  {
    version: '3.34',
    change: 'filters that ask for a part: name~',
    proof: 'steps',
    check: async (step) => {
      const { from, below, world } = step;
      for (const [path, id] of [
        ['/volumes', world.volume],
        ['/snapshots', world.snapshot],
        ['/backups', world.backup],
      ] as const) {
        assert.ok((await idsOf(from, `${path}?name~=ee`)).includes(id), path);
        assert.deepEqual(await idsOf(from, `${path}?name~=none`), [], path);
        const answer = await below.send('GET', `${path}?name~=none`);
        if (answer.status !== 400) assert.ok((await idsOf(below, `${path}?name~=none`)).includes(id), path);
      }
      assert.deepEqual(await idsOf(from, '/messages?resource_type~=NONE'), []);
      assert.ok((await idsOf(from, '/messages?resource_type~=VOL')).includes(world.message));
      if (below.minor >= 27) {
        assert.deepEqual(await idsOf(from, '/attachments?status~=none'), []);
        assert.deepEqual(await idsOf(from, '/attachments?status~=reser'), [world.attachment]);
      }
    },
  },
  {
    version: '3.35',
    change: 'filter volume_type of pools',
    proof: 'steps',
    check: async (step) => {
      const name = step.world.unique('elsewhere');
      const volume_type = { name, extra_specs: { volume_backend_name: 'elsewhere' } };
      await step.from.send('POST', '/types', { volume_type }, 'admin');
      await filter('/scheduler-stats/get_pools', `volume_type=${name}`, 'admin')(step);
    },
  },
  { version: '3.37', change: 'backups sorted by name', proof: 'steps', check: sortsByName('/backups') },
  {
    version: '3.39',
    change: 'filter project_id of limits, for administrators',
    proof: 'steps',
    check: async (step) => statuses(step, [200, 403], 'GET', '/limits?project_id=another'),
  },
  {
    version: '3.45',
    change: 'count of volumes, snapshots and backups',
    proof: 'steps',
    check: async ({ below, from }) => {
      for (const path of [
        '/volumes',
        '/volumes/detail',
        '/snapshots',
        '/snapshots/detail',
        '/backups',
        '/backups/detail',
      ]) {
        assert.equal('count' in (await below.get(`${path}?with_count=true`)), false, path);
        assert.ok((await from.get(`${path}?with_count=true&limit=1`)).count >= 1, path);
        assert.equal('count' in (await from.get(path)), false, path);
      }
    },
  },
  {
    version: '3.52',
    change: 'filter extra_specs of types, and types that name zones',
    proof: 'steps',
    check: async (step) => {
      const volume_type = {
        name: step.world.unique('zoned'),
        extra_specs: { 'RESKEY:availability_zones': 'nova,other' },
      };
      const made = await step.from.send('POST', '/types', { volume_type }, 'admin');
      await filter('/types', "extra_specs={'RESKEY:availability_zones':'none'}", 'admin')(step);
      assert.deepEqual(
        await idsOf(step.from, "/types?extra_specs={'RESKEY:availability_zones':'nova,other'}", 'admin'),
        [made.body.volume_type.id],
      );
      await step.from.send('DELETE', `/types/${made.body.volume_type.id}`, undefined, 'admin');
    },
  },
  {
    version: '3.59',
    change: 'transfers are paged and sorted',
    proof: 'steps',
    check: async (step) => {
      const transfer = { volume_id: await step.world.newVolume() };
      const made = await step.world.at(70).send('POST', '/os-volume-transfer', { transfer });
      await filter('/os-volume-transfer', `marker=${made.body.transfer.id}`)(step);
      await statuses(step, [200, 404], 'GET', `/os-volume-transfer?marker=${NOBODY}`);
      await statuses(step, [200, 400], 'GET', '/os-volume-transfer?sort=nothing');
      await step.from.send('DELETE', `/os-volume-transfer/${made.body.transfer.id}`);
    },
  },
  {
    version: '3.60',
    change: 'filters by time of volumes',
    proof: 'steps',
    once: true,
    check: async (step) => {
      for (const column of ['created_at', 'updated_at'])
        await filter('/volumes/detail', `${column}=gt:2999-01-01T00:00:00Z`)(step);
      const count = async (client: typeof step.from): Promise<number> =>
        (await client.get('/volumes/summary?created_at=lt:2000-01-01T00:00:00Z'))['volume-summary']
          .total_count;
      assert.ok((await count(step.below)) > 0);
      assert.equal(await count(step.from), 0);
    },
  },
];
