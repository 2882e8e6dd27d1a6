// Requests that make images of servers and die at any moment, and actions that end before their agent fills the image: nothing
// empty is left, and nothing whole is lost. The peers are real applications over maps; a death is a request that never goes on.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inProcessTransport, type Transport } from '#platform/clients/transport.ts';
import { discardImages } from '#compute/loops/discard-images.ts';
import { IMAGE, startComputeHarness, type ComputeHarness } from '#test/support/compute-harness.ts';
import { startVolumes, untilStatus } from '#test/support/volume-harness.ts';

const IMAGES = '/v2/images';

/** Everything passes; what `stopAfter` names is done, and its answer held back until `goOn`. */
function pausable(inner: Transport) {
  let stopAt: string | undefined;
  const stopped = Promise.withResolvers<void>();
  const goneOn = Promise.withResolvers<void>();
  const passed = async <T>(method: string, path: string, answer: T): Promise<T> => {
    if (stopAt !== undefined && `${method} ${path}`.startsWith(stopAt)) {
      stopAt = undefined;
      stopped.resolve();
      await goneOn.promise;
    }
    return answer;
  };
  const transport: Transport = {
    send: async (request) => passed(request.method, request.path, await inner.send(request)),
    sendStream: async (request) => passed(request.method, request.path, await inner.sendStream!(request)), // of every one in the process
  };
  return {
    transport,
    stopAfter: (what: string): Promise<void> => {
      stopAt = what;
      return stopped.promise;
    },
    goOn: (): void => goneOn.resolve(),
  };
}

async function startCloud(config: { readonly reservationMs: number }) {
  const volumes = await startVolumes({ backends: [{ name: 'model' }] });
  const volume = pausable(inProcessTransport(volumes.app, '/volume'));
  let image: ReturnType<typeof pausable> | undefined;
  const compute = await startComputeHarness({
    config,
    beforeImage: (standIn) => (image = pausable(standIn)).transport,
    volume: volume.transport,
  });
  return {
    compute,
    volumes,
    image: image!, // set by the harness
    volume,
    /** Of servers. */
    images: () => [...compute.images.values()].filter((each) => each.id !== IMAGE),
    [Symbol.asyncDispose]: async () => {
      volume.goOn();
      image?.goOn();
      await compute[Symbol.asyncDispose]();
      await volumes[Symbol.asyncDispose]();
    },
  };
}

const BACKUP = { name: 'b', backup_type: 'daily', rotation: 1 };
const REQUESTS = [{ createImage: { name: 'i' } }, { createBackup: BACKUP }, { shelve: null }];
const DEAD = { reservationMs: -1000 }; // a request that has not committed is taken for dead at once

const pendingOf = async ({ kysely }: ComputeHarness) =>
  kysely.selectFrom('pending_images').select(['id', 'state']).execute();

async function serverIn(compute: ComputeHarness): Promise<string> {
  const id = await compute.create();
  await compute.activate(id);
  return id;
}

for (const body of REQUESTS)
  test(`${Object.keys(body)[0]}: a request that dies when its image is made leaves none`, async () => {
    await using cloud = await startCloud(DEAD);
    const { compute, images } = cloud;
    const id = await serverIn(compute);
    const dies = cloud.image.stopAfter(`POST ${IMAGES}`);
    const answer = compute.call('POST', `/v2.1/servers/${id}/action`, { body });
    await dies;
    assert.deepEqual(
      images().map((each) => each['status']),
      ['queued'],
    );
    await discardImages(compute.service.deps);
    assert.equal(images().length, 0);
    assert.deepEqual(await pendingOf(compute), []);
    // It was slow and not dead: it must not commit any more.
    cloud.image.goOn();
    assert.equal((await answer).status, 409);
    assert.deepEqual([images().length, await compute.outbox().then((all) => all.length)], [0, 1]);
    const { task_state } = await compute.kysely
      .selectFrom('instances')
      .select('task_state')
      .executeTakeFirstOrThrow();
    assert.equal(task_state, null);
  });

for (const [what, service, at] of [
  ['a snapshot is taken', 'volume', 'POST /v3/snapshots'],
  ['the image is made', 'image', `POST ${IMAGES}`],
  ['the image is whole', 'image', `PUT ${IMAGES}`],
] as const)
  test(`createImage of a server on a volume: a request that dies when ${what} leaves nothing`, async () => {
    await using cloud = await startCloud(DEAD);
    const { compute, volumes, images } = cloud;
    const made = await volumes.call('POST', '/v3/volumes', { body: { volume: { size: 1 } } });
    const { id: volumeId } = made.body.volume;
    await untilStatus(volumes, `/v3/volumes/${volumeId}`, 'available');
    const bootable = { 'os-set_bootable': { bootable: true } };
    await volumes.call('POST', `/v3/volumes/${volumeId}/action`, { body: bootable });
    const disk = { uuid: volumeId, source_type: 'volume', destination_type: 'volume', boot_index: 0 };
    const id = await compute.create({ imageRef: '', block_device_mapping_v2: [disk] });
    await compute.activate(id);
    const attached = { 'os-reset_status': { status: 'in-use' } }; // as its host would have said
    await volumes.call('POST', `/v3/volumes/${volumeId}/action`, { body: attached, token: 'admin' });
    const snapshots = async (): Promise<string[]> => {
      const { body } = await volumes.call('GET', '/v3/snapshots');
      return body.snapshots.map((each: { id: string }) => each.id);
    };
    const dies = cloud[service].stopAfter(at);
    const answer = compute.call('POST', `/v2.1/servers/${id}/action`, {
      body: { createImage: { name: 'i' } },
    });
    await dies;
    const [snapshot] = await snapshots();
    assert.ok(snapshot);
    await untilStatus(volumes, `/v3/snapshots/${snapshot}`, 'available');
    await discardImages(compute.service.deps);
    await untilStatus(volumes, `/v3/snapshots/${snapshot}`, 'gone');
    assert.equal(images().length, 0);
    assert.deepEqual(await pendingOf(compute), []);
    cloud[service].goOn();
    assert.notEqual((await answer).status, 202);
    assert.equal(images().length, 0);
  });

test('a request that is under way, and an action that runs, keep their image', async () => {
  await using cloud = await startCloud({ reservationMs: 60_000 });
  const { compute, images } = cloud;
  const id = await serverIn(compute);
  const stops = cloud.image.stopAfter(`POST ${IMAGES}`);
  const answer = compute.call('POST', `/v2.1/servers/${id}/action`, { body: { shelve: null } });
  await stops;
  await discardImages(compute.service.deps);
  assert.equal(images().length, 1);
  cloud.image.goOn();
  assert.equal((await answer).status, 202);
  await discardImages(compute.service.deps);
  assert.equal(images().length, 1);
});

test('of an action that is over the image that was not filled goes, and one that was is kept', async () => {
  await using cloud = await startCloud({ reservationMs: 60_000 });
  const { compute, images } = cloud;
  const id = await serverIn(compute);
  for (const [status, then, rows] of [
    ['saving', 'saving', 1],
    ['queued', undefined, 0],
    ['active', 'active', 0],
  ] as const) {
    const body = { createImage: { name: status } };
    assert.equal((await compute.call('POST', `/v2.1/servers/${id}/action`, { body })).status, 202);
    const image = images().find((each) => each['name'] === status)!; // made by the request
    image['status'] = status;
    await compute.kysely
      .updateTable('instance_actions')
      .set({ state: 'failed' })
      .where('state', '=', 'running')
      .execute();
    await compute.kysely.updateTable('instances').set({ task_state: null }).execute();
    await discardImages(compute.service.deps);
    assert.equal(compute.images.get(image.id)?.['status'], then);
    assert.equal((await pendingOf(compute)).length, rows);
    image['status'] = 'active'; // the upload has ended
    await discardImages(compute.service.deps);
  }
});
