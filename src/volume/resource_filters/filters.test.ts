// Lists take the filters that `/resource_filters` tells and no others, compare times, sort by columns, and link full pages.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startVolumes, untilStatus, type VolumeHarness } from '../../../test/support/volume-harness.ts';
import type { Answer, JsonValue } from '../../../test/support/service-harness.ts';

const get = async (volumes: VolumeHarness, path: string, token = 'member'): Promise<Answer> =>
  volumes.call('GET', `/v3${path}`, { token, version: '3.70' });

async function newVolume(volumes: VolumeHarness, fields: object = {}): Promise<string> {
  const volume = { size: 1, ...fields };
  const { body } = await volumes.call('POST', '/v3/volumes', { token: 'member', body: { volume } });
  await untilStatus(volumes, `/v3/volumes/${body.volume.id}`, 'available');
  return body.volume.id as string;
}

const LISTS: Readonly<Record<string, string>> = {
  volume: '/volumes',
  backup: '/backups',
  snapshot: '/snapshots',
  message: '/messages',
  group: '/groups',
  group_snapshot: '/group_snapshots',
  attachment: '/attachments',
};
/** What does not fit as just any text. */
const VALUES: Readonly<Record<string, string>> = {
  bootable: 'true',
  consumes_quota: 'true',
  created_at: 'gt:2020-01-01T00:00:00',
  updated_at: 'gt:2020-01-01T00:00:00',
  metadata: '{"k":"v"}',
  glance_metadata: '{"k":"v"}',
};

test('members may filter by what is told, administrators by anything', async () => {
  await using volumes = await startVolumes();
  const { resource_filters } = (await get(volumes, '/resource_filters')).body;
  const told = new Map<string, string[]>(
    resource_filters.map((each: JsonValue) => [each.resource, each.filters]),
  );
  for (const [resource, path] of Object.entries(LISTS)) {
    for (const name of told.get(resource) ?? []) {
      const { status, body } = await get(volumes, `${path}?${name}=${VALUES[name] ?? 'x'}`);
      assert.equal(status, 200, `${path} ${name}: ${JSON.stringify(body)}`);
    }
    for (const token of ['member', 'admin']) {
      const { status } = await get(volumes, `${path}?colour=blue`, token);
      assert.equal(status, token === 'admin' ? 200 : 400, `${path} by ${token}`);
    }
    const below = await volumes.call('GET', `/v3${path}?colour=blue`, { token: 'member', version: '3.30' });
    assert.equal(below.status, 200, `${path} before 3.31`);
  }
  const { body } = await get(volumes, '/resource_filters?resource=nothing');
  assert.deepEqual(body, { resource_filters: [] });
});

test('times are compared by the operators that are named, several at once', async () => {
  await using volumes = await startVolumes({ backends: [{ name: 'memory' }] });
  const id = await newVolume(volumes);
  const at = (await get(volumes, `/volumes/${id}`)).body.volume.created_at.slice(0, 23) as string;
  const ids = async (filter: string): Promise<string[]> => {
    const { status, body } = await get(volumes, `/volumes?created_at=${filter}`);
    assert.equal(status, 200, `${filter}: ${JSON.stringify(body)}`);
    return body.volumes.map((each: JsonValue) => each.id);
  };
  for (const fits of ['eq', 'gte', 'lte']) assert.deepEqual(await ids(`${fits}:${at}`), [id], fits);
  for (const out of ['neq', 'gt', 'lt']) assert.deepEqual(await ids(`${out}:${at}`), [], out);
  assert.deepEqual(await ids('gt:2020-01-01T00:00:00Z,lt:2999-01-01T00:00:00%2B02:00'), [id]);
  assert.deepEqual(await ids('gt:2020-01-01,lt:2021-01-01'), []);
  for (const bad of [at, `at:${at}`, 'gt:', 'gt:yesterday', 'toString:2020-01-01'])
    assert.equal((await get(volumes, `/volumes?created_at=${bad}`)).status, 400, bad);
});

test('volumes are sorted by what they have, and full pages are linked', async () => {
  await using volumes = await startVolumes({ backends: [{ name: 'memory' }] });
  const [b, a] = [
    await newVolume(volumes, { description: 'b' }),
    await newVolume(volumes, { description: 'a' }),
  ];
  const { body: sorted } = await get(volumes, '/volumes?sort=description:asc');
  assert.deepEqual(
    sorted.volumes.map((each: JsonValue) => each.id),
    [a, b],
  );
  for (const key of ['volume_type_id', 'launched_at', 'migration_status', 'multiattach', 'snapshot_id'])
    assert.equal((await get(volumes, `/volumes?sort_key=${key}&sort_dir=asc`)).status, 200, key);
  for (const [path, key] of [
    ['/volumes', 'volumes_links'],
    ['/types', 'volume_type_links'],
  ] as const) {
    const all = (await get(volumes, path)).body[path.slice(1) === 'types' ? 'volume_types' : 'volumes'];
    assert.equal((await get(volumes, `${path}?limit=${all.length}`)).body[key]?.length, 1, path);
    assert.equal((await get(volumes, `${path}?limit=${all.length + 1}`)).body[key], undefined, path);
  }
});
