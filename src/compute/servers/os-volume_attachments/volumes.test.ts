// Servers and volumes through the API, with the real volume service on a model of storage: what is reserved, shown and
// refused. Hosts are played by the test: their part is in tasks/launch-volumes.test.ts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inProcessTransport } from '#platform/clients/transport.ts';
import { exchangeVolumes } from '#compute/block-devices/store.ts';
import { releaseAbandoned } from '#compute/loops/release-volumes.ts';
import {
  FLAVOR,
  IMAGE,
  startComputeHarness,
  type ComputeHarness,
  type HarnessOptions,
} from '#test/support/compute-harness.ts';
import { startVolumes, untilStatus, type VolumeHarness } from '#test/support/volume-harness.ts';

interface Cloud extends AsyncDisposable {
  readonly compute: ComputeHarness;
  readonly volumes: VolumeHarness;
  volume(fields?: Record<string, unknown>): Promise<string>;
}

async function startCloud(options: HarnessOptions = {}): Promise<Cloud> {
  const volumes = await startVolumes({ backends: [{ name: 'model' }] });
  const compute = await startComputeHarness({
    ...options,
    volume: inProcessTransport(volumes.app, '/volume'),
  });
  return {
    compute,
    volumes,
    volume: async (fields = {}) => {
      const made = await volumes.call('POST', '/v3/volumes', { body: { volume: { size: 1, ...fields } } });
      assert.equal(made.status, 202, JSON.stringify(made.body));
      await untilStatus(volumes, `/v3/volumes/${made.body.volume.id}`, 'available');
      return made.body.volume.id;
    },
    [Symbol.asyncDispose]: async () => {
      await compute[Symbol.asyncDispose]();
      await volumes[Symbol.asyncDispose]();
    },
  };
}

const statusOf = async ({ volumes }: Cloud, id: string): Promise<string> =>
  (await volumes.call('GET', `/v3/volumes/${id}`)).body.volume.status;

const devicesOf = async ({ compute }: Cloud) =>
  compute.kysely.selectFrom('block_devices').selectAll().orderBy('device_name').execute();

for (const imageRef of ['', IMAGE])
  test(`a server on an existing volume reserves it at once and has no image, with imageRef '${imageRef}'`, async () => {
    await using cloud = await startCloud();
    const id = await cloud.volume();
    await cloud.volumes.call('POST', `/v3/volumes/${id}/action`, {
      body: { 'os-set_bootable': { bootable: true } },
    });
    const server = await cloud.compute.create({
      imageRef,
      block_device_mapping_v2: [
        {
          uuid: id,
          source_type: 'volume',
          destination_type: 'volume',
          boot_index: 0,
          delete_on_termination: true,
        },
      ],
    });
    assert.equal(await statusOf(cloud, id), 'reserved');
    const [device] = await devicesOf(cloud);
    assert.deepEqual(
      [device?.state, device?.device_name, device?.boot_index, device?.volume_id, device?.volume_size],
      ['kept', '/dev/vda', 0, id, 1],
    );
    assert.match(device?.attachment_id ?? '', /^[0-9a-f-]{36}$/);
    const shown = (await cloud.compute.at('2.3', 'GET', `/v2.1/servers/${server}`)).body.server;
    assert.equal(shown.image, '');
    assert.deepEqual(shown['os-extended-volumes:volumes_attached'], [{ id, delete_on_termination: true }]);
  });

test('disks get names in order, ephemeral disks and swap as the flavor has them', async () => {
  await using cloud = await startCloud();
  await cloud.compute.kysely.updateTable('flavors').set({ ephemeral: 2, swap: 64 }).execute();
  const id = await cloud.volume();
  await cloud.compute.create({
    block_device_mapping_v2: [
      { uuid: id, source_type: 'volume', destination_type: 'volume', device_name: 'vde' },
      { source_type: 'blank', destination_type: 'volume', volume_size: 3, boot_index: -1 },
    ],
  });
  assert.deepEqual(
    (await devicesOf(cloud)).map((each) => [each.device_name, each.guest_format, each.volume_size]),
    [
      ['/dev/vdb', null, 2],
      ['/dev/vdc', 'swap', 64],
      ['/dev/vdd', null, 3],
      ['/dev/vde', null, 1],
    ],
  );
});

const blankVolume = { source_type: 'blank', destination_type: 'volume', volume_size: 1 };
const NOBODY = 'aaaaaaaa-0000-4000-8000-00000000000b';

const REFUSED: ReadonlyArray<readonly [what: string, fields: Record<string, unknown>, message: RegExp]> = [
  ['a volume that is not there', { block_device_mapping_v2: [{ uuid: NOBODY, source_type: 'volume' }] }, /failed to get volume/],
  ['a snapshot that is not there', { block_device_mapping_v2: [{ uuid: NOBODY, source_type: 'snapshot' }] }, /failed to get snapshot/],
  ['two root disks', { block_device_mapping_v2: [{ ...blankVolume, boot_index: 0 }, { uuid: IMAGE, source_type: 'image', destination_type: 'volume', volume_size: 1, boot_index: 0 }] }, /boot sequence/],
  ['a gap in the boot order', { block_device_mapping_v2: [{ ...blankVolume, boot_index: 2 }] }, /boot sequence/],
  ['a blank root disk on the host', { imageRef: '', block_device_mapping_v2: [{ source_type: 'blank', destination_type: 'local', volume_size: 1, boot_index: 0 }] }, /can not be booted/],
  ['a blank volume without a size', { block_device_mapping_v2: [{ source_type: 'blank', destination_type: 'volume' }] }, /size/],
  ['a volume from an image without a size', { imageRef: '', block_device_mapping_v2: [{ uuid: IMAGE, source_type: 'image', destination_type: 'volume', boot_index: 0 }] }, /size/],
  ['a volume on the host', { block_device_mapping_v2: [{ uuid: NOBODY, source_type: 'volume', destination_type: 'local' }] }, /can not be a disk on the host/],
  ['a blank device with an id', { block_device_mapping_v2: [{ ...blankVolume, uuid: NOBODY }] }, /no uuid/],
  ['a volume without an id', { block_device_mapping_v2: [{ source_type: 'volume' }] }, /missing/],
  ['more swap than the flavor has', { block_device_mapping_v2: [{ source_type: 'blank', destination_type: 'local', guest_format: 'swap', volume_size: 1 }] }, /Swap drive/],
  ['more ephemeral disk than the flavor has', { block_device_mapping_v2: [{ source_type: 'blank', destination_type: 'local', volume_size: 1 }] }, /Ephemeral disks/],
  ['both forms', { block_device_mapping_v2: [blankVolume], block_device_mapping: [{ volume_id: NOBODY }] }, /use one of them/],
  ['a bus that is not known', { block_device_mapping_v2: [{ ...blankVolume, disk_bus: 'floppy' }] }, /disk_bus/],
  ['an odd id', { block_device_mapping_v2: [{ uuid: '../../etc', source_type: 'volume' }] }, /uuid/],
]; // prettier-ignore

for (const [what, fields, message] of REFUSED)
  test(`refuses ${what} with 400, and keeps nothing`, async () => {
    await using cloud = await startCloud();
    const answer = await cloud.compute.call('POST', '/v2.1/servers', {
      body: { server: { name: 'web', flavorRef: FLAVOR, imageRef: IMAGE, ...fields } },
    });
    assert.equal(answer.status, 400, JSON.stringify(answer.body));
    assert.match(answer.body.badRequest.message, message);
    assert.deepEqual(await devicesOf(cloud), []);
  });

test('refuses volumes in use, of others, not bootable, and one volume for many servers', async () => {
  await using cloud = await startCloud();
  const id = await cloud.volume();
  const create = async (fields: Record<string, unknown>, token = 'member') =>
    cloud.compute.call('POST', '/v2.1/servers', {
      token,
      body: { server: { name: 'web', flavorRef: FLAVOR, imageRef: IMAGE, ...fields } },
    });
  const data = { block_device_mapping_v2: [{ uuid: id, source_type: 'volume' }] };
  const many = await create({ ...data, max_count: 2 });
  assert.match(many.body.badRequest.message, /multiple instances/);
  const root = await create({
    imageRef: '',
    block_device_mapping_v2: [{ uuid: id, source_type: 'volume', boot_index: 0 }],
  });
  assert.match(root.body.badRequest.message, /not bootable/);
  assert.match((await create(data, 'stranger')).body.badRequest.message, /failed to get volume/);
  assert.equal((await create(data)).status, 202);
  assert.match((await create(data)).body.badRequest.message, /must be available/);
});

test('a refusal after the reservation gives the volume back', async () => {
  await using cloud = await startCloud();
  const id = await cloud.volume();
  await cloud.compute.kysely
    .insertInto('quota_limits')
    .values({ scope: 'class:default', resource: 'instances', hard_limit: 0 })
    .execute();
  const answer = await cloud.compute.call('POST', '/v2.1/servers', {
    body: {
      server: {
        name: 'web', flavorRef: FLAVOR, imageRef: IMAGE,
        block_device_mapping_v2: [{ uuid: id, source_type: 'volume' }],
      },
    },
  }); // prettier-ignore
  assert.equal(answer.status, 403);
  assert.equal(await statusOf(cloud, id), 'available');
  assert.deepEqual(await devicesOf(cloud), []);
});

test('a reservation whose request died is taken back by the loop', async () => {
  await using cloud = await startCloud({ config: { reservationMs: -1000 } });
  const id = await cloud.volume();
  await cloud.compute.create({ block_device_mapping_v2: [{ uuid: id, source_type: 'volume' }] });
  await cloud.compute.kysely.updateTable('block_devices').set({ state: 'reserving' }).execute();
  await releaseAbandoned(cloud.compute.service.deps);
  assert.equal(await statusOf(cloud, id), 'available');
  assert.deepEqual(await devicesOf(cloud), []);
});

test('the loop frees the volumes of servers that are gone', async () => {
  await using cloud = await startCloud();
  const id = await cloud.volume();
  const server = await cloud.compute.create({
    block_device_mapping_v2: [{ uuid: id, source_type: 'volume', delete_on_termination: true }],
  });
  await cloud.compute.bury(server);
  await releaseAbandoned(cloud.compute.service.deps);
  await untilStatus(cloud.volumes, `/v3/volumes/${id}`, 'gone');
  assert.deepEqual(await devicesOf(cloud), []);
});

test('an image that asks for disks in words that mean nothing is refused with 400', async () => {
  await using cloud = await startCloud();
  const { images } = cloud.compute;
  for (const odd of [
    '{',
    '5',
    '[5]',
    '[null]',
    '[{"source_type":"volume","volume_id":"../../etc"}]',
    '[{"source_type":"snapshot","snapshot_id":5,"boot_index":0}]',
    '[{"source_type":"blank","destination_type":"volume","volume_size":{}}]',
    `[{"source_type":"volume","volume_id":"${NOBODY}","boot_index":0}]`,
  ]) {
    images.set(IMAGE, { ...images.get(IMAGE), id: IMAGE, block_device_mapping: odd });
    const answer = await cloud.compute.call('POST', '/v2.1/servers', {
      body: { server: { name: 'web', flavorRef: FLAVOR, imageRef: IMAGE } },
    });
    assert.equal(answer.status, 400, `${odd}: ${JSON.stringify(answer.body)}`);
  }
});

test('attaches a volume: reserved at once, with its message to the host, shown by version', async () => {
  await using cloud = await startCloud();
  const { compute } = cloud;
  const id = await cloud.volume();
  const server = await compute.create();
  await compute.activate(server);
  const path = `/v2.1/servers/${server}/os-volume_attachments`;
  const made = await compute.at('2.79', 'POST', path, {
    body: {
      volumeAttachment: { volumeId: id, device: '/dev/vdq', tag: 'data', delete_on_termination: true },
    },
  });
  assert.equal(made.status, 200, JSON.stringify(made.body));
  assert.deepEqual(made.body.volumeAttachment, {
    id, serverId: server, volumeId: id, device: '/dev/vdb', tag: 'data', delete_on_termination: true,
  }); // prettier-ignore
  assert.equal(await statusOf(cloud, id), 'reserved');
  const message = (await compute.outbox()).at(-1);
  assert.deepEqual([message?.queue, message?.method], ['compute.host-1', 'attachVolume']);
  const again = await compute.call('POST', path, { body: { volumeAttachment: { volumeId: id } } });
  assert.match(again.body.badRequest.message, /already/);
  const [old] = (await compute.at('2.1', 'GET', path)).body.volumeAttachments;
  assert.deepEqual(old, { id, serverId: server, volumeId: id, device: '/dev/vdb' });
  const [newest] = (await compute.at('2.89', 'GET', path)).body.volumeAttachments;
  assert.deepEqual(Object.keys(newest).toSorted(), [
    'attachment_id', 'bdm_uuid', 'delete_on_termination', 'device', 'serverId', 'tag', 'volumeId',
  ]); // prettier-ignore
  assert.equal((await compute.call('GET', `${path}/${id}`)).body.volumeAttachment.volumeId, id);
  assert.equal((await compute.call('GET', `${path}/${NOBODY}`)).status, 404);
  assert.equal((await compute.call('GET', path, { token: 'stranger' })).status, 404);
  assert.equal((await compute.call('POST', path, { token: 'reader', body: { volumeAttachment: { volumeId: id } } })).status, 403); // prettier-ignore
});

test('detaches what was attached, and what was given up half-way', async () => {
  await using cloud = await startCloud();
  const { compute, volumes } = cloud;
  const id = await cloud.volume();
  const server = await compute.create();
  await compute.activate(server);
  const path = `/v2.1/servers/${server}/os-volume_attachments`;
  await compute.call('POST', path, { body: { volumeAttachment: { volumeId: id } } });
  assert.equal((await compute.call('DELETE', `${path}/${id}`, { token: 'reader' })).status, 403);
  assert.equal((await compute.call('DELETE', `${path}/${NOBODY}`)).status, 404);
  assert.equal((await compute.call('DELETE', `${path}/${id}`)).status, 202, 'it is only reserved');
  const [device] = await devicesOf(cloud);
  const attachment = `/v3/attachments/${device?.attachment_id}`;
  const options = { token: 'service', version: '3.54' };
  await volumes.call('PUT', attachment, {
    ...options,
    body: { attachment: { connector: { host: 'host-1' } } },
  });
  await volumes.call('POST', `${attachment}/action`, { ...options, body: { 'os-complete': {} } });
  assert.equal(await statusOf(cloud, id), 'in-use');
  assert.equal((await compute.call('DELETE', `${path}/${id}`)).status, 202);
  assert.equal(await statusOf(cloud, id), 'detaching');
  assert.equal((await compute.outbox()).at(-1)?.method, 'detachVolume');
});

test('what may not be attached: an absent volume, a server that is not settled', async () => {
  await using cloud = await startCloud();
  const id = await cloud.volume();
  const server = await cloud.compute.create();
  const path = `/v2.1/servers/${server}/os-volume_attachments`;
  const attach = async (volumeId: string) =>
    cloud.compute.call('POST', path, { body: { volumeAttachment: { volumeId } } });
  assert.equal((await attach(id)).status, 409);
  await cloud.compute.activate(server, { vm_state: 'suspended' });
  assert.equal((await attach(id)).status, 409);
  await cloud.compute.activate(server);
  assert.equal((await attach(NOBODY)).status, 404);
  assert.equal(await statusOf(cloud, id), 'available');
});

test('changes delete_on_termination from 2.85 on, and refuses to detach the root disk', async () => {
  await using cloud = await startCloud();
  const { compute } = cloud;
  const id = await cloud.volume();
  await cloud.volumes.call('POST', `/v3/volumes/${id}/action`, {
    body: { 'os-set_bootable': { bootable: true } },
  });
  const server = await compute.create({
    imageRef: '',
    block_device_mapping: [{ volume_id: id, device_name: 'vda' }],
  });
  await compute.activate(server);
  const path = `/v2.1/servers/${server}/os-volume_attachments/${id}`;
  const put = async (version: string, fields: object, token = 'member') =>
    compute.at(version, 'PUT', path, { token, body: { volumeAttachment: { volumeId: id, ...fields } } });
  assert.equal((await put('2.84', { delete_on_termination: true })).status, 400);
  assert.equal((await put('2.85', { delete_on_termination: true })).status, 202);
  assert.equal((await devicesOf(cloud))[0]?.delete_on_termination, 1);
  assert.equal((await put('2.85', { tag: 'other' })).status, 400);
  assert.equal((await put('2.85', { volumeId: NOBODY })).status, 403);
  assert.equal((await put('2.85', { volumeId: NOBODY }, 'admin')).status, 400);
  assert.equal((await compute.call('DELETE', path)).status, 403);
});

/** A server that has the volume, as its host would have said. */
async function holding(cloud: Cloud, id: string): Promise<string> {
  const server = await cloud.compute.create({
    block_device_mapping_v2: [{ uuid: id, source_type: 'volume', destination_type: 'volume' }],
  });
  await cloud.compute.activate(server);
  const [device] = await devicesOf(cloud);
  const attachment = `/v3/attachments/${device?.attachment_id}`;
  const options = { token: 'service', version: '3.54' };
  const connector = { host: 'host-1' };
  await cloud.volumes.call('PUT', attachment, { ...options, body: { attachment: { connector } } });
  await cloud.volumes.call('POST', `${attachment}/action`, { ...options, body: { 'os-complete': {} } });
  return server;
}

test('swaps a volume for one that is free and as large: for administrators', async () => {
  await using cloud = await startCloud();
  const { compute } = cloud;
  const [old, small, wanted] = [await cloud.volume({ size: 2 }), await cloud.volume(), await cloud.volume({ size: 3 })]; // prettier-ignore
  const server = await holding(cloud, old);
  assert.equal(await statusOf(cloud, old), 'in-use');
  const path = `/v2.1/servers/${server}/os-volume_attachments`;
  const swap = async (volumeId: string, token = 'admin', from = old) =>
    compute.at('2.1', 'PUT', `${path}/${from}`, { token, body: { volumeAttachment: { volumeId } } });
  assert.equal((await swap(wanted, 'member')).status, 403);
  assert.equal((await swap(NOBODY)).status, 400);
  assert.equal((await swap(old, 'admin', wanted)).status, 404);
  assert.match((await swap(small)).body.badRequest.message, /3 GiB|2 GiB/);
  await compute.activate(server, { vm_state: 'stopped' });
  assert.equal((await swap(wanted)).status, 409);
  await compute.activate(server);
  const answer = await swap(wanted);
  assert.equal(answer.status, 202, JSON.stringify(answer.body));
  assert.deepEqual([await statusOf(cloud, old), await statusOf(cloud, wanted)], ['detaching', 'reserved']);
  const message = (await compute.outbox()).at(-1);
  assert.deepEqual([message?.method, message?.payload['old_volume_id']], ['swapVolume', old]);
  assert.equal((await swap(wanted)).status, 400, 'it is reserved now');
  const listed = (await compute.call('GET', path)).body.volumeAttachments;
  assert.deepEqual(listed.map((each: { volumeId: string }) => each.volumeId), [old]); // prettier-ignore
  const [device, other] = await devicesOf(cloud);
  for (const _ of [1, 2])
    await exchangeVolumes(compute.kysely, device?.id ?? '', other?.id ?? '', '2026-01-01T00:00:00Z');
  const after = (await compute.call('GET', path)).body.volumeAttachments;
  assert.deepEqual(after.map((each: { volumeId: string }) => each.volumeId), [wanted]); // prettier-ignore
  await releaseAbandoned(compute.service.deps);
  assert.equal((await devicesOf(cloud)).length, 2, 'the action still runs');
  await compute.kysely
    .updateTable('instance_actions')
    .set({ state: 'failed' })
    .where('action', '=', 'swap_volume')
    .execute();
  await releaseAbandoned(compute.service.deps);
  assert.equal(await statusOf(cloud, old), 'available');
  assert.deepEqual((await devicesOf(cloud)).map((each) => each.volume_id), [wanted]); // prettier-ignore
});

test('rebuilds a server on a volume: with any image from 2.93 on, before with its own', async () => {
  await using cloud = await startCloud();
  const { compute } = cloud;
  const id = await cloud.volume();
  for (const action of [
    { 'os-set_bootable': { bootable: true } },
    { 'os-set_image_metadata': { metadata: { image_id: IMAGE } } },
  ])
    await cloud.volumes.call('POST', `/v3/volumes/${id}/action`, { body: action });
  const other = 'dddddddd-0000-4000-8000-000000000000';
  compute.images.set(other, { ...compute.images.get(IMAGE)!, id: other });
  compute.images.set(NOBODY, { ...compute.images.get(IMAGE)!, id: NOBODY, min_disk: 2 });
  const server = await compute.create({
    imageRef: '',
    block_device_mapping: [{ volume_id: id, device_name: 'vda' }],
  });
  await compute.activate(server);
  const rebuild = async (version: string, imageRef: string) =>
    compute.at(version, 'POST', `/v2.1/servers/${server}/action`, { body: { rebuild: { imageRef } } });
  assert.match((await rebuild('2.92', other)).body.badRequest.message, /different image/);
  assert.match((await rebuild('2.93', NOBODY)).body.badRequest.message, /smaller/);
  for (const [version, image, written] of [
    ['2.92', IMAGE, undefined],
    ['2.93', other, other],
  ] as const) {
    const answer = await rebuild(version, image);
    assert.equal(answer.status, 202, JSON.stringify(answer.body));
    assert.equal(answer.body.server.image, '');
    const message = (await compute.outbox()).at(-1);
    assert.deepEqual([message?.method, message?.payload['root_image_id']], ['rebuildServer', written]);
    await compute.activate(server);
  }
});

test('a volume that grew is told to the host that has it', async () => {
  await using cloud = await startCloud();
  const { compute } = cloud;
  const id = await cloud.volume();
  const server = await compute.create({ block_device_mapping_v2: [{ uuid: id, source_type: 'volume' }] });
  const send = async (version: string, event: object, token = 'service') =>
    compute.at(version, 'POST', '/v2.1/os-server-external-events', { token, body: { events: [event] } });
  const grown = { name: 'volume-extended', server_uuid: server, tag: id };
  assert.equal((await send('2.51', grown)).body.events[0].code, 422);
  await compute.activate(server);
  assert.equal((await send('2.50', grown)).status, 400);
  assert.equal((await send('2.51', grown, 'member')).status, 403);
  const nobody = await send('2.51', { ...grown, server_uuid: NOBODY });
  assert.deepEqual([nobody.status, nobody.body.events[0].code], [207, 404]);
  const answer = await send('2.51', grown);
  assert.deepEqual([answer.status, answer.body.events[0].code], [200, 200]);
  const message = (await compute.outbox()).at(-1);
  assert.deepEqual([message?.method, message?.payload['volume_id']], ['extendVolume', id]);
});

test('a server that is on no host takes and gives volumes since 2.20', async () => {
  await using cloud = await startCloud();
  const server = await cloud.compute.create();
  await cloud.compute.activate(server, { vm_state: 'shelved_offloaded', host: null, node: null });
  const path = `/v2.1/servers/${server}/os-volume_attachments`;
  const id = await cloud.volume();
  const body = { volumeAttachment: { volumeId: id } };
  assert.equal((await cloud.compute.at('2.19', 'POST', path, { body })).status, 409);
  const made = await cloud.compute.at('2.20', 'POST', path, { body });
  assert.equal(made.status, 200, JSON.stringify(made.body));
  assert.deepEqual([await statusOf(cloud, id), (await devicesOf(cloud))[0]?.state], ['in-use', 'kept']);
  assert.equal((await cloud.compute.at('2.20', 'POST', path, { body })).status, 400);
  assert.equal((await cloud.compute.at('2.19', 'DELETE', `${path}/${id}`)).status, 409);
  assert.equal((await cloud.compute.at('2.20', 'DELETE', `${path}/${id}`)).status, 202);
  assert.deepEqual([await statusOf(cloud, id), await devicesOf(cloud)], ['available', []]);
  const actions = await cloud.compute.kysely
    .selectFrom('instance_actions')
    .selectAll()
    .orderBy('started_at')
    .execute();
  assert.deepEqual(
    actions.slice(1).map(({ action, state }) => [action, state]),
    [
      ['attach_volume', 'done'],
      ['detach_volume', 'done'],
    ],
  );
});

test('a server may boot from a blank volume, which a rescue can fill', async () => {
  await using cloud = await startCloud();
  const server = await cloud.compute.create({
    imageRef: '',
    block_device_mapping_v2: [
      { source_type: 'blank', destination_type: 'volume', volume_size: 1, boot_index: 0 },
    ],
  });
  const [device] = await devicesOf(cloud);
  assert.deepEqual(
    [device?.instance_id, device?.source_type, device?.boot_index, device?.device_name],
    [server, 'blank', 0, '/dev/vda'],
  );
});
