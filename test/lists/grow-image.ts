// Number `n` of everything that the image service lists. Imports are rows: each would take seconds.
import { PROJECT } from '#test/support/service-harness.ts';
import type { ListWorld } from './world.ts';

export async function growImage(world: ListWorld, n: number): Promise<void> {
  const { ids } = world;
  const made = await world.ok('image', 'POST', '/v2/images', {
    body: {
      name: `image-${n}`,
      disk_format: 'raw',
      container_format: 'bare',
      visibility: 'shared',
      tags: [`tag-${n}`, 'all'],
      [`property-${n}`]: 'value',
    },
  });
  const id = made.id as string;
  ids['image'] ??= id;
  await world.image.call('PUT', `/v2/images/${id}/file`, { raw: Buffer.alloc(64, n) });
  for (const image of new Set([id, ids['image']]))
    await world.ok('image', 'POST', `/v2/images/${image}/members`, { body: { member: `project-${n}` } });
  ids['image_member'] ??= 'project-0';
  await world.ok('image', 'PATCH', `/v2/images/${ids['image']}`, {
    body: [{ op: 'add', path: `/more-${n}`, value: 'v' }],
    headers: { 'content-type': 'application/openstack-images-v2.1-json-patch' },
  });
  await addTask(world, n);
  const own = `OS::N${n}`;
  await world.ok('image', 'POST', '/v2/metadefs/namespaces', {
    as: 'admin',
    body: { namespace: own, visibility: 'public', resource_type_associations: [{ name: `OS::Type${n}` }] },
  });
  ids['namespace'] ??= own;
  const below = `/v2/metadefs/namespaces/${ids['namespace']}`;
  const add = async (what: string, body: object): Promise<void> => {
    await world.ok('image', 'POST', `${below}/${what}`, { as: 'admin', body });
  };
  await add('objects', { name: `object-${n}`, properties: { p: { title: 'p', type: 'string' } } });
  await add('properties', { name: `property-${n}`, title: 'p', type: 'string' });
  await add(`tags/tag-${n}`, {});
  await add('resource_types', { name: `OS::More${n}` });
}

async function addTask(world: ListWorld, n: number): Promise<void> {
  const now = new Date().toISOString();
  const id = crypto.randomUUID();
  world.ids['image_task'] ??= id;
  await world.image.service.deps.db.kysely
    .insertInto('image_tasks')
    .values({
      id,
      type: 'api_image_import',
      status: 'success',
      owner: PROJECT,
      user_id: 'user-member',
      request_id: `req-${n}`,
      image_id: world.ids['image'] ?? null,
      input_json: '{}',
      plan_json: '{}',
      result_json: null,
      message: '',
      lease: null,
      expires_at: null,
      created_at: now,
      updated_at: now,
    })
    .execute();
}
