// Rows of compute's microversions about volumes of servers.
import assert from 'node:assert/strict';
import { has, message, NOBODY, type Row, type Step } from './row.ts';
import type { Client, World } from './world.ts';

interface Attached {
  readonly server: string;
  readonly volume: string;
  readonly path: string;
}

const attachedOf = new WeakMap<World, Promise<Attached>>();

/** A server with a volume, made once for all rows. */
async function attached(world: World): Promise<Attached> {
  const known = attachedOf.get(world) ?? makeAttached(world);
  attachedOf.set(world, known);
  return known;
}

async function makeAttached(world: World): Promise<Attached> {
  const top = world.at(93);
  const made = await top.send('POST', '/servers', {
    server: {
      name: world.unique('with-volume'),
      imageRef: world.image,
      flavorRef: world.flavor,
      networks: 'none',
      block_device_mapping_v2: [{ source_type: 'blank', destination_type: 'volume', volume_size: 1, tag: 'data' }],
    },
  }); // prettier-ignore
  assert.equal(made.status, 202, JSON.stringify(made.body));
  const server = made.body.server.id as string;
  await world.settled(server);
  const path = `/servers/${server}/os-volume_attachments`;
  const [attachment] = (await top.get(path)).volumeAttachments;
  return { server, path, volume: attachment.volumeId };
}

/** A server on a volume that was filled without an image. */
export async function bootedFromVolume(world: World): Promise<string> {
  const volume = await world.bootableVolume();
  const made = await world.at(93).send('POST', '/servers', {
    server: {
      name: world.unique('on-volume'),
      imageRef: '',
      flavorRef: world.flavor,
      networks: 'none',
      block_device_mapping_v2: [
        { uuid: volume, source_type: 'volume', destination_type: 'volume', boot_index: 0 },
      ],
    },
  });
  assert.equal(made.status, 202, JSON.stringify(made.body));
  await world.settled(made.body.server.id as string);
  return made.body.server.id as string;
}

/** Fields of an attached volume that the version shows. */
const shown =
  (names: readonly string[], gone: readonly string[] = []) =>
  async ({ below, from, world }: Step): Promise<void> => {
    const { path, volume } = await attached(world);
    const [old] = (await below.get(path)).volumeAttachments;
    const [now] = (await from.get(path)).volumeAttachments;
    const one = (await from.get(`${path}/${volume}`)).volumeAttachment;
    assert.deepEqual(has(old, ...names, ...gone), [...gone]);
    for (const each of [now, one]) assert.deepEqual(has(each, ...names, ...gone), [...names]);
  };

const eventRow = (version: Row['version'], name: string): Row => ({
  version,
  change: `event ${name}; it is taken, and nothing follows`,
  proof: 'steps',
  check: async ({ below, from, world }) => {
    const tell = async (client: Client) =>
      client.send(
        'POST',
        '/os-server-external-events',
        { events: [{ name, server_uuid: world.server, tag: NOBODY }] },
        'admin',
      );
    assert.equal((await tell(below)).status, 400);
    assert.equal((await tell(from)).status, 200);
  },
});

const put = async (client: Client, { path, volume }: Attached, fields: object, volumeId = volume) =>
  client.send('PUT', `${path}/${volume}`, { volumeAttachment: { volumeId, ...fields } });

export const volumeRows: readonly Row[] = [
  {
    version: '2.60',
    change: 'volumes that several servers may have',
    proof: 'steps',
    check: async ({ below, from, world }) => {
      const volume = await world.multiattachVolume();
      const create = async (client: Client) =>
        client.send('POST', '/servers', {
          server: {
            name: 'never',
            imageRef: world.image,
            flavorRef: world.flavor,
            ...(client.minor >= 37 ? { networks: 'none' } : {}),
            max_count: 1,
            block_device_mapping_v2: [{ uuid: volume, source_type: 'volume', destination_type: 'volume' }],
          },
        });
      assert.match(message(await create(below)), /version 2\.60/);
      const made = await create(from);
      assert.equal(made.status, 202, JSON.stringify(made.body));
      await world.settled(made.body.server.id as string);
      await from.send('DELETE', `/servers/${made.body.server.id}`);
    },
  },
  eventRow('2.76', 'power-update'),
  {
    version: '2.79',
    change: 'delete_on_termination of volumes that are attached',
    proof: 'steps',
    check: shown(['delete_on_termination']),
  },
  eventRow('2.82', 'accelerator-request-bound'),
  {
    version: '2.85',
    change: 'change of delete_on_termination',
    proof: 'steps',
    check: async ({ below, from, world }) => {
      const one = await attached(world);
      assert.equal((await put(below, one, { delete_on_termination: true })).status, 400);
      assert.equal((await put(from, one, { delete_on_termination: true })).status, 202);
      assert.equal(
        (await from.get(`${one.path}/${one.volume}`)).volumeAttachment.delete_on_termination,
        true,
      );
    },
  },
  {
    version: '2.89',
    change: 'attachment_id and bdm_uuid in place of id',
    proof: 'steps',
    check: shown(['attachment_id', 'bdm_uuid'], ['id']),
  },
  {
    version: '2.93',
    change: 'rebuild of servers on volumes from another image; event volume-reimaged',
    proof: 'steps',
    check: async (step) => {
      await eventRow('2.93', 'volume-reimaged').check(step);
      const { below, from, world } = step;
      const server = await bootedFromVolume(world);
      const rebuild = async (client: Client) =>
        client.send('POST', `/servers/${server}/action`, { rebuild: { imageRef: world.image } });
      assert.match(message(await rebuild(below)), /different image/);
      const taken = await rebuild(from);
      assert.equal(taken.status, 202, JSON.stringify(taken.body));
      await world.settled(server);
      assert.equal((await from.get(`/servers/${server}`)).server.status, 'ACTIVE');
    },
  },
];

/** The half of 2.70 that is about volumes. */
export const taggedVolumes = shown(['tag']);
