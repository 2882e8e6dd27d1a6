// Rows of the volume service's microversions about paths, actions and fields of requests.
import assert from 'node:assert/strict';
import { message, newPath, NOBODY, statuses, unknownField, type Row, type Step } from './row.ts';
import type { Client } from './world.ts';

const step = (version: Row['version'], change: string, check: Row['check']): Row => ({
  version,
  change,
  proof: 'steps',
  check,
});

const act = async (client: Client, id: string, body: Readonly<Record<string, unknown>>, who?: 'admin') =>
  client.send('POST', `/volumes/${id}/action`, body, who);

/** A field of the body that the version brought. */
const field =
  (
    method: string,
    path: (given: Step) => Promise<string> | string,
    body: (given: Step) => Promise<object> | object,
    { name, accepted }: { readonly name: string; readonly accepted: number },
  ) =>
  async (given: Step): Promise<void> => {
    const at = await path(given);
    const sent = await body(given);
    unknownField(await given.below.send(method, at, sent), name);
    const answer = await given.from.send(method, at, sent);
    assert.equal(answer.status, accepted, JSON.stringify(answer.body));
  };

/** Whether a volume that is made of the fields at the client's version has `name`, or why not. */
async function makes(
  client: Client,
  fields: object,
): Promise<{ status: number; volume: Record<string, unknown> }> {
  const answer = await client.send('POST', '/volumes', { volume: { size: 1, ...fields } });
  return { status: answer.status, volume: answer.body.volume ?? {} };
}

export const requestRows: readonly Row[] = [
  step('3.1', 'visibility and protected in uploads of volumes', async ({ below, from, world }) => {
    const upload = { image_name: 'x', visibility: 'shared', protected: true };
    const id = await world.newVolume();
    unknownField(await act(below, id, { 'os-volume_upload_image': upload }), 'visibility');
    const answer = await act(from, id, { 'os-volume_upload_image': upload });
    assert.equal(answer.status, 202, JSON.stringify(answer.body));
    const { visibility, protected: kept } = answer.body['os-volume_upload_image'];
    assert.deepEqual({ visibility, kept }, { visibility: 'shared', kept: true });
  }),
  step('3.3', 'messages', async (given) => {
    await newPath(() => '/messages')(given);
    await newPath(({ message: id }) => `/messages/${id}`)(given);
  }),
  step('3.8', 'volumes and snapshots that can be managed in, at paths of their own', async (given) => {
    for (const kind of ['volumes', 'snapshots'])
      for (const path of [`/manageable_${kind}`, `/manageable_${kind}/detail`])
        await newPath(() => `${path}?host=host-1@memory`, 'admin')(given);
    const volume = { host: 'host-1@memory', ref: { 'source-name': 'volume-nothing' } };
    await statuses(given, [404, 400], 'POST', '/manageable_volumes', { volume }, 'admin');
  }),
  step('3.9', 'changes of backups', async (given) =>
    newPath(({ backup }) => `/backups/${backup}`, 'member', 'PUT', { backup: { name: 'seen' } })(given),
  ),
  step('3.23', 'force in the deletion of volumes', async ({ below, from, world }) => {
    const id = await world.newVolume();
    await act(from, id, { 'os-reset_status': { status: 'creating' } }, 'admin');
    const remove = async (client: Client, who: 'member' | 'admin') =>
      (await client.send('DELETE', `/volumes/${id}?force=true`, undefined, who)).status;
    assert.deepEqual([await remove(below, 'admin'), await remove(from, 'member')], [400, 403]);
    assert.equal(await remove(from, 'admin'), 202);
  }),
  step('3.27', 'attachments', async (given) => {
    for (const path of ['/attachments', '/attachments/detail']) await newPath(() => path)(given);
    await newPath(({ attachment }) => `/attachments/${attachment}`)(given);
  }),
  step(
    '3.33',
    'names of filters',
    newPath(() => '/resource_filters'),
  ),
  {
    ...step('3.40', 'revert of volumes to their newest snapshot', async ({ below, from, world }) => {
      const body = { revert: { snapshot_id: world.snapshot } };
      assert.equal((await act(below, world.volume, body)).status, 404);
      assert.equal((await act(from, world.volume, body)).status, 202);
      await world.settled(`/volumes/${world.volume}`, 'available');
    }),
  },
  step('3.42', 'growth of volumes in use', async ({ below, from, world }) => {
    const id = await world.newVolume();
    await act(from, id, { 'os-attach': { mountpoint: '/dev/vdb', instance_uuid: NOBODY } });
    const grow = { 'os-extend': { new_size: 2 } };
    assert.match(message(await act(below, id, grow)), /in-use/);
    assert.equal((await act(from, id, grow)).status, 202);
    await world.settled(`/volumes/${id}`, 'in-use');
  }),
  {
    ...step(
      '3.43',
      'metadata of backups',
      field(
        'PUT',
        ({ world }) => `/backups/${world.backup}`,
        () => ({ backup: { metadata: { k: 'v' } } }),
        { name: 'metadata', accepted: 200 },
      ),
    ),
    once: true,
  }, // changes of backups came with 3.9
  step('3.44', 'completion of attachments', async ({ below, from, world }) => {
    const path = `/attachments/${world.attachment}/action`;
    assert.match(message(await below.send('POST', path, { 'os-complete': null })), /not (be )?found/i);
    assert.equal((await from.send('POST', path, { 'os-complete': null })).status, 204);
  }),
  step(
    '3.46',
    'volumes of images of servers, whose data is in a snapshot',
    async ({ below, from, world }) => {
      const fields = { imageRef: world.serverImage };
      const old = await makes(below, fields);
      const now = await makes(from, fields);
      assert.deepEqual([old.status, now.status], [202, 202]);
      assert.equal(old.volume['snapshot_id'], null);
      assert.equal(now.volume['snapshot_id'], world.snapshot);
      await world.settled(`/volumes/${now.volume['id']}`, 'available');
    },
  ),
  {
    ...step('3.47', 'volumes of backups', async ({ below, from }) => {
      const fields = { backup_id: NOBODY };
      assert.equal((await makes(below, fields)).status, 202);
      assert.equal((await makes(from, fields)).status, 404);
    }),
    once: true, // 3.0 takes fields that it does not know
  },
  {
    version: '3.50',
    change: 'says that volumes may be attached more than once, which they may at any version',
    proof: 'same',
    check: async ({ below, from, world }) => {
      const name = world.unique('shared');
      const volume_type = { name, extra_specs: { multiattach: '<is> True' } };
      await from.send('POST', '/types', { volume_type }, 'admin');
      for (const client of [below, from]) {
        const { volume } = await makes(client, { volume_type: name });
        assert.equal(volume['multiattach'], true);
        await world.settled(`/volumes/${volume['id']}`, 'available');
        await client.send('DELETE', `/volumes/${volume['id']}`);
      }
    },
  },
  step(
    '3.51',
    'zone of backups',
    field(
      'POST',
      () => '/backups',
      async ({ world }) => ({ backup: { volume_id: await world.newVolume(), availability_zone: 'nova' } }),
      { name: 'availability_zone', accepted: 202 },
    ),
  ),
  step('3.53', 'unknown fields of new volumes and empty changes are refused', async (given) => {
    const { below, from, world } = given;
    assert.deepEqual(
      [(await makes(below, { status: 'x' })).status, (await makes(from, { status: 'x' })).status],
      [202, 400],
    );
    await statuses(given, [200, 400], 'PUT', `/volumes/${world.volume}`, { volume: {} });
  }),
  {
    ...step(
      '3.54',
      'mode of attachments',
      field(
        'POST',
        () => '/attachments',
        async ({ world }) => ({ attachment: { volume_uuid: await world.newVolume(), mode: 'ro' } }),
        { name: 'mode', accepted: 200 },
      ),
    ),
    once: true,
  },
  step('3.55', 'transfers with or without snapshots, at their new path', async (given) => {
    const { below, from, world } = given;
    await newPath(() => '/volume-transfers')(given);
    const transfer = { volume_id: await world.newVolume(), no_snapshots: true };
    unknownField(await below.send('POST', '/os-volume-transfer', { transfer }), 'no_snapshots');
    const made = await from.send('POST', '/volume-transfers', { transfer });
    assert.equal(made.body.transfer.no_snapshots, true);
    await from.send('DELETE', `/volume-transfers/${made.body.transfer.id}`);
  }),
  step(
    '3.62',
    'default types of projects',
    newPath(() => '/default-types', 'admin'),
  ),
  step(
    '3.66',
    'snapshots of volumes in use need no force, and can not be asked without',
    async ({ below, from, world }) => {
      const volume_id = await world.newVolume();
      await act(from, volume_id, { 'os-attach': { mountpoint: '/dev/vdb', instance_uuid: NOBODY } });
      const take = async (client: Client, more: object) =>
        (await client.send('POST', '/snapshots', { snapshot: { volume_id, ...more } })).status;
      assert.deepEqual([await take(below, {}), await take(from, {})], [400, 202]);
      assert.deepEqual([await take(below, { force: true }), await take(from, { force: true })], [202, 202]);
      assert.deepEqual([await take(below, { force: false }), await take(from, { force: false })], [400, 400]);
    },
  ),
  step('3.68', 'os-reimage', async ({ below, from, world }) => {
    const body = { 'os-reimage': { image_id: NOBODY } };
    assert.equal((await act(below, world.volume, body)).status, 404);
    assert.equal((await act(from, world.volume, body)).status, 400); // there is no such image
  }),
];
