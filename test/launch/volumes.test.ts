// Servers with volumes in a whole simulated cloud, by the unmodified client and by the API: boot from a volume, attach,
// detach, extend, delete, and what the launch record says of it.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { apiSession, type ApiSession } from '#test/support/api-session.ts';
import { startCloud, type TestCloud } from '#test/support/cloud.ts';
import { until } from '#test/support/until.ts';

let cloud: TestCloud;
let demo: ApiSession;
let admin: ApiSession;

before(async () => {
  cloud = await startCloud({ simulated: true });
  demo = await apiSession(cloud.dataPath, 'pileus');
  admin = await apiSession(cloud.dataPath, 'pileus-admin');
});
after(async () => cloud?.[Symbol.asyncDispose]());

interface VolumeView {
  readonly id: string;
  readonly status: string;
  readonly size: number;
  readonly attachments: ReadonlyArray<{ readonly server_id: string; readonly device: string }>;
}

async function volumeOf(id: string): Promise<VolumeView | undefined> {
  const { status, body } = await demo.request('GET', `/volume/v3/volumes/${id}`);
  return status === 404 ? undefined : (body['volume'] as VolumeView);
}

async function untilVolume(id: string, status: string): Promise<void> {
  await until(async () => ((await volumeOf(id))?.status ?? 'gone') === status, {
    what: `volume ${id} to be ${status}`,
    deadlineMs: 20_000,
    everyMs: 50,
  });
}

async function makeVolume(fields: Record<string, unknown> = {}): Promise<string> {
  const { status, body } = await demo.request('POST', '/volume/v3/volumes', {
    volume: { size: 1, ...fields },
  });
  assert.equal(status, 202, JSON.stringify(body));
  const { id } = body['volume'] as { id: string };
  await untilVolume(id, 'available');
  return id;
}

async function launched(id: string): Promise<void> {
  const server = await demo.settled(id);
  assert.equal(server?.status, 'ACTIVE', JSON.stringify(server?.fault));
}

const attached = async (server: string): Promise<Array<{ volumeId: string; device: string }>> =>
  (await demo.request('GET', `/compute/v2.1/servers/${server}/os-volume_attachments`)).body[
    'volumeAttachments'
  ] as Array<{ volumeId: string; device: string }>;

test('boots from a volume that the launch makes; the record shows how, and to whom', async () => {
  const image = await demo.find('/image/v2/images', 'pileus-demo');
  const id = await demo.launch('from-volume', {
    imageRef: '',
    block_device_mapping_v2: [
      {
        uuid: image,
        source_type: 'image',
        destination_type: 'volume',
        volume_size: 1,
        boot_index: 0,
        delete_on_termination: true,
      },
    ],
  });
  await launched(id);
  const [root] = await attached(id);
  assert.equal(root?.device, '/dev/vda');
  await untilVolume(root?.volumeId ?? '', 'in-use');
  assert.equal((await volumeOf(root?.volumeId ?? ''))?.attachments[0]?.server_id, id);
  const { hops } = await admin.trace(id);
  const names = hops.map((hop) => hop.hop);
  const volumeHops = [
    'volume.request',
    'volume.schedule',
    'volume.connect',
    'spawn',
    'volume.attach',
    'activate',
  ];
  assert.deepEqual(
    names.filter((name) => volumeHops.includes(name)),
    volumeHops,
  );
  const evidence = new Map(hops.map((hop) => [hop.hop, hop.evidence]));
  const listOf = (hop: string, key: string) =>
    (evidence.get(hop)?.[key] ?? []) as Array<Record<string, unknown>>;
  const [placement] = listOf('volume.schedule', 'placements');
  assert.match(String(placement?.['backend']), /@/);
  const [connection] = listOf('volume.connect', 'connections');
  assert.match(JSON.stringify(connection), /driver_volume_type/);
  const [device] = listOf('volume.attach', 'devices');
  assert.deepEqual([device?.['target'], device?.['serial']], ['vda', root?.volumeId.slice(0, 20)]);
  const tenant = await demo.trace(id);
  assert.ok(!JSON.stringify(tenant.hops).includes(String(placement?.['backend'])));
  for (const secret of ['connections', 'placements'])
    assert.ok(!JSON.stringify(tenant.hops).includes(`"${secret}"`), secret);
  await demo.request('DELETE', `/compute/v2.1/servers/${id}`);
  assert.equal(await demo.settled(id), undefined);
  await untilVolume(root?.volumeId ?? '', 'gone');
});

test('the client attaches, lists and detaches; stop and start keep the volume', async () => {
  const id = await demo.launch('worker');
  await launched(id);
  const volume = await makeVolume({ name: 'data' });
  const added = await cloud.openstack(['server', 'add', 'volume', 'worker', 'data']);
  assert.equal(added.code, 0, added.stderr);
  await untilVolume(volume, 'in-use');
  const listed = (await cloud.openstackJson(['server', 'volume', 'list', 'worker'])) as Array<
    Record<string, string>
  >;
  assert.deepEqual([listed[0]?.['Device'], listed[0]?.['Volume ID']], ['/dev/vdb', volume]);
  for (const [action, state] of [
    ['os-stop', 'SHUTOFF'],
    ['os-start', 'ACTIVE'],
  ] as const) {
    await demo.request('POST', `/compute/v2.1/servers/${id}/action`, { [action]: null });
    assert.equal((await demo.settled(id))?.status, state);
    assert.equal((await volumeOf(volume))?.status, 'in-use');
  }
  const removed = await cloud.openstack(['server', 'remove', 'volume', 'worker', 'data']);
  assert.equal(removed.code, 0, removed.stderr);
  await untilVolume(volume, 'available');
  assert.deepEqual(await attached(id), []);
  await demo.request('DELETE', `/compute/v2.1/servers/${id}`);
  assert.equal(await demo.settled(id), undefined);
});

test('a volume that grows while it is attached is told to its guest', async () => {
  const volume = await makeVolume();
  const id = await demo.launch('grower', {
    block_device_mapping_v2: [{ uuid: volume, source_type: 'volume', destination_type: 'volume' }],
    imageRef: await demo.find('/image/v2/images', 'pileus-demo'),
  });
  await launched(id);
  const { status } = await demo.request(
    'POST',
    `/volume/v3/volumes/${volume}/action`,
    { 'os-extend': { new_size: 3 } },
    { 'openstack-api-version': 'volume 3.42' },
  );
  assert.equal(status, 202);
  await until(
    async () => {
      const { body } = await demo.request('GET', `/compute/v2.1/servers/${id}/os-instance-actions`);
      return (body['instanceActions'] as Array<{ action: string }>).some(
        (each) => each.action === 'extend_volume',
      );
    },
    { what: 'the action extend_volume', deadlineMs: 20_000, everyMs: 100 },
  );
  await demo.request('DELETE', `/compute/v2.1/servers/${id}`);
  assert.equal(await demo.settled(id), undefined);
  await untilVolume(volume, 'available');
});

test('a snapshot of a server on a volume is an image of snapshots, and boots', async () => {
  const image = await demo.find('/image/v2/images', 'pileus-demo');
  const id = await demo.launch('original', {
    imageRef: '',
    block_device_mapping_v2: [
      { uuid: image, source_type: 'image', destination_type: 'volume', volume_size: 1, boot_index: 0 },
    ],
  });
  await launched(id);
  const { status, body } = await demo.request('POST', `/compute/v2.1/servers/${id}/action`, {
    createImage: { name: 'frozen' },
  });
  assert.equal(status, 202, JSON.stringify(body));
  const frozen = (await demo.request('GET', `/image/v2/images/${String(body['image_id'])}`)).body;
  assert.deepEqual([frozen['status'], frozen['size']], ['active', 0]);
  const copy = await demo.launch('copy', { imageRef: String(frozen['id']) });
  await launched(copy);
  assert.equal((await attached(copy))[0]?.device, '/dev/vda');
  for (const server of [copy, id]) {
    await demo.request('DELETE', `/compute/v2.1/servers/${server}`);
    assert.equal(await demo.settled(server), undefined);
  }
});

test('a launch that fails for good leaves no volume that it made and frees the others', async () => {
  const volume = await makeVolume();
  const before = (await demo.request('GET', '/volume/v3/volumes')).body['volumes'] as unknown[];
  await admin.request('PUT', '/simulation/behaviours', {
    behaviours: [{ hop: 'spawn', fail: 'no spawn today' }],
  });
  const id = await demo.launch('doomed', {
    imageRef: await demo.find('/image/v2/images', 'pileus-demo'),
    block_device_mapping_v2: [
      { uuid: volume, source_type: 'volume', destination_type: 'volume' },
      { source_type: 'blank', destination_type: 'volume', volume_size: 1 },
    ],
  });
  const server = await demo.settled(id);
  await admin.request('PUT', '/simulation/behaviours', { behaviours: [] });
  assert.equal(server?.status, 'ERROR');
  await untilVolume(volume, 'available');
  await until(
    async () =>
      ((await demo.request('GET', '/volume/v3/volumes')).body['volumes'] as unknown[]).length ===
      before.length,
    { what: 'the volume that the launch made to be gone', deadlineMs: 20_000, everyMs: 100 },
  );
  await demo.request('DELETE', `/compute/v2.1/servers/${id}`);
  assert.equal(await demo.settled(id), undefined);
});
