// Rows of the volume service's microversions about what answers show.
import assert from 'node:assert/strict';
import { newPath, shown, statuses, type Row, type Step } from './row.ts';
import type { Client, World } from './world.ts';

const volume = ({ volume: id }: World): string => `/volumes/${id}`;
const snapshot = ({ snapshot: id }: World): string => `/snapshots/${id}`;
const backup = ({ backup: id }: World): string => `/backups/${id}`;

const all =
  (...checks: ReadonlyArray<(step: Step) => Promise<void>>) =>
  async (step: Step): Promise<void> => {
    for (const check of checks) await check(step);
  };

const field = (
  version: Row['version'],
  change: string,
  ...checks: ReadonlyArray<(step: Step) => Promise<void>>
): Row => ({ version, change, proof: 'steps', check: all(...checks) });

const volumeList = (): string => '/volumes/detail';
const snapshotList = (): string => '/snapshots/detail';

const etagOf = async (client: Client, { volume: id }: World): Promise<string | undefined> =>
  (await client.send('GET', `/volumes/${id}/metadata`)).headers['etag'];

export const fieldRows: readonly Row[] = [
  field(
    '3.12',
    'the sum of volumes',
    newPath(() => '/volumes/summary'),
  ),
  field('3.15', 'ETag of metadata', async ({ below, from, world }) => {
    assert.equal(await etagOf(below, world), undefined);
    assert.match((await etagOf(from, world)) ?? '', /^[0-9a-f]{32}$/);
  }),
  field(
    '3.18',
    'project of backups',
    shown(backup, 'backup', 'os-backup-project-attr:project_id', 'admin'),
    shown(() => '/backups/detail?all_tenants=1', 'backups', 'os-backup-project-attr:project_id', 'admin'),
  ),
  field(
    '3.21',
    'provider_id of volumes, for administrators',
    shown(volume, 'volume', 'provider_id', 'admin'),
    async ({ from, world }) =>
      assert.equal('provider_id' in (await from.get(volume(world))).volume, false, 'for a member'),
  ),
  {
    ...field('3.36', 'metadata in the sum of volumes', async ({ below, from, world }) => {
      const sum = async (client: Client): Promise<Record<string, unknown>> =>
        (await client.get('/volumes/summary'))['volume-summary'];
      assert.equal('metadata' in (await sum(below)), false);
      assert.deepEqual((await sum(from))['metadata'], { k: ['v'] }, world.volume);
    }),
    once: true,
  },
  field(
    '3.41',
    'user of snapshots',
    shown(snapshot, 'snapshot', 'user_id'),
    shown(snapshotList, 'snapshots', 'user_id'),
  ),
  field(
    '3.48',
    'shared_targets and service_uuid of volumes',
    shown(volume, 'volume', 'shared_targets'),
    shown(volumeList, 'volumes', 'service_uuid'),
  ),
  field(
    '3.49',
    'state of backends in the list of services',
    shown(() => '/os-services?binary=cinder-volume', 'services', 'backend_state', 'admin'),
  ),
  field(
    '3.56',
    'user of backups',
    shown(backup, 'backup', 'user_id'),
    shown(() => '/backups/detail', 'backups', 'user_id'),
  ),
  {
    ...field('3.57', 'where transfers come from and go to', async (step) => {
      const { below, from, world } = step;
      const names = ['source_project_id', 'destination_project_id', 'accepted'];
      const transfer = { volume_id: await world.newVolume() };
      const made = await from.send('POST', '/volume-transfers', { transfer });
      const { id } = made.body.transfer;
      for (const name of names) {
        await shown(() => `/volume-transfers/${id}`, 'transfer', name)({ ...step, below, from });
        await shown(() => '/os-volume-transfer/detail', 'transfers', name)(step);
        assert.ok(name in made.body.transfer, name);
      }
      await from.send('DELETE', `/volume-transfers/${id}`);
    }),
    once: true,
  },
  field(
    '3.63',
    'id of the type of volumes',
    shown(volume, 'volume', 'volume_type_id'),
    shown(volumeList, 'volumes', 'volume_type_id'),
  ),
  field(
    '3.65',
    'consumes_quota of volumes and snapshots, and the filter',
    shown(volume, 'volume', 'consumes_quota'),
    shown(snapshotList, 'snapshots', 'consumes_quota'),
    async ({ below, from }) => {
      for (const key of ['volumes', 'snapshots']) {
        const count = async (client: Client): Promise<number> =>
          (await client.get(`/${key}?consumes_quota=false`))[key].length;
        assert.ok((await count(below)) > 0, key);
        assert.equal(await count(from), 0, key);
      }
    },
  ),
  {
    version: '3.67',
    change: 'the project may be left out of paths, which it could be before as well',
    proof: 'same',
    check: async (step) => {
      await statuses(step, [200, 200], 'GET', '/volumes');
      await statuses(step, [200, 200], 'GET', '/11111111111141118111111111111111/volumes');
    },
  },
  {
    ...field(
      '3.69',
      'shared_targets may be null: no locks that a host has to keep',
      async ({ below, from, world }) => {
        const targets = async (client: Client): Promise<unknown> =>
          (await client.get(volume(world))).volume.shared_targets;
        assert.deepEqual([await targets(below), await targets(from)], [false, null]);
      },
    ),
    once: true,
  },
];
