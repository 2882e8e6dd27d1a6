// Attachments are the only truth about who uses a volume: through the API, under races, with a backend that is down.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { VolumeBackendError } from '#drivers/volume/errors.ts';
import type { VolumeDriver } from '#drivers/volume/port.ts';
import type { Transport } from '#platform/clients/transport.ts';
import { ENGINES, urlOf } from '../../../test/support/engines.ts';
import { CALLERS } from '../../../test/support/service-harness.ts';
import { until } from '../../../test/support/until.ts';
import { startVolumes, untilStatus, type VolumeHarness } from '../../../test/support/volume-harness.ts';

const version = '3.70';
const SERVER = '5e4e0000-0000-4000-8000-000000000001';
const OTHER_SERVER = '5e4e0000-0000-4000-8000-000000000002';

async function newVolume(volumes: VolumeHarness, more: Record<string, unknown> = {}): Promise<string> {
  const made = await volumes.call('POST', '/v3/volumes', { body: { volume: { size: 1, ...more } } });
  assert.equal(made.status, 202, JSON.stringify(made.body));
  await untilStatus(volumes, `/v3/volumes/${made.body.volume.id}`, 'available');
  return made.body.volume.id;
}

const reserve = async (volumes: VolumeHarness, volume: string, server: string, more = {}) =>
  volumes.call('POST', '/v3/attachments', {
    version,
    body: { attachment: { volume_uuid: volume, instance_uuid: server, ...more } },
  });

/** Answers what compute does of the volumes of servers: `held` maps `server/volume` to the attachment. */
const compute = (held: ReadonlyMap<string, string> = new Map()): Transport => ({
  send: async ({ path }) => {
    const [, server, volume] = /^\/v2\.1\/servers\/([^/]+)\/os-volume_attachments\/([^/]+)$/.exec(path) ?? [];
    const attachment_id = held.get(`${server}/${volume}`);
    return attachment_id === undefined
      ? { status: 404, headers: {}, body: { itemNotFound: { code: 404, message: 'absent' } } }
      : { status: 200, headers: {}, body: { volumeAttachment: { attachment_id } } };
  },
});

const statusOf = async (volumes: VolumeHarness, id: string): Promise<string> =>
  (await volumes.call('GET', `/v3/volumes/${id}`)).body.volume.status;

async function multiattachType(volumes: VolumeHarness): Promise<string> {
  const { db } = volumes.service.deps;
  const id = crypto.randomUUID();
  await db.kysely
    .insertInto('volume_types')
    .values({
      id,
      name: 'shared',
      description: null,
      is_public: 1,
      qos_specs_id: null,
      created_at: '2026-01-01T00:00:00.000Z',
      updated_at: null,
    })
    .execute();
  await db.kysely
    .insertInto('volume_type_extra_specs')
    .values({ volume_type_id: id, key: 'multiattach', value: '<is> True' })
    .execute();
  return 'shared';
}

test('is complete without a connector for a server that is on no host', async () => {
  await using volumes = await startVolumes({ peers: { compute: compute() }, backends: [{ name: 'file' }] });
  const id = await newVolume(volumes);
  const { body } = await reserve(volumes, id, SERVER, { mode: 'rw' });
  const at = `/v3/attachments/${body.attachment.id}`;
  const completed = await volumes.call('POST', `${at}/action`, { version, body: { 'os-complete': null } });
  assert.deepEqual([completed.status, await statusOf(volumes, id)], [204, 'in-use']);
  const connector = { host: 'h1', mountpoint: '/dev/vdb' };
  const put = await volumes.call('PUT', at, { version, body: { attachment: { connector } } });
  assert.deepEqual([put.status, await statusOf(volumes, id)], [200, 'in-use'], 'until a host has it');
});

test('goes from reserved to attached and back, and the status follows', async () => {
  await using volumes = await startVolumes({ peers: { compute: compute() }, backends: [{ name: 'file' }] });
  const id = await newVolume(volumes);
  const { body, status } = await reserve(volumes, id, SERVER, { mode: 'rw' });
  assert.deepEqual(
    [status, body.attachment.status, await statusOf(volumes, id)],
    [200, 'reserved', 'reserved'],
  );
  const at = `/v3/attachments/${body.attachment.id}`;
  const connector = { host: 'h1', mountpoint: '/dev/vdb' };
  const put = { version, body: { attachment: { connector } } };
  const seen = await volumes.call('PUT', at, { ...put, token: 'admin' });
  assert.equal(seen.body.attachment.connection_info.driver_volume_type, 'simulated');
  const masked = await volumes.call('PUT', at, put);
  assert.deepEqual(masked.body.attachment.connection_info, {}, 'how it is reached is nothing for tenants');
  assert.equal(await statusOf(volumes, id), 'attaching');
  assert.equal(
    (await volumes.call('POST', `${at}/action`, { version, body: { 'os-complete': null } })).status,
    204,
  );
  const volume = (await volumes.call('GET', `/v3/volumes/${id}`)).body.volume;
  assert.equal(volume.status, 'in-use');
  assert.deepEqual([volume.attachments[0].server_id, volume.attachments[0].device], [SERVER, '/dev/vdb']);
  assert.equal((await volumes.call('DELETE', `/v3/volumes/${id}`)).status, 400);
  assert.deepEqual((await volumes.call('DELETE', at, { version })).body, { attachments: [] });
  assert.equal(await statusOf(volumes, id), 'available');
  const driver = volumes.drivers.get('file');
  await until(async () => driver?.connectionsOf(id).length === 0, {
    deadlineMs: 30_000,
    what: 'the export to end',
    everyMs: 10,
  });
});

test('shows attachments to their project alone, from 3.27 on', async () => {
  await using volumes = await startVolumes({ peers: { compute: compute() }, backends: [{ name: 'file' }] });
  const id = await newVolume(volumes);
  const { body } = await reserve(volumes, id, SERVER);
  const at = `/v3/attachments/${body.attachment.id}`;
  const statuses = [
    (await volumes.call('GET', at, { version: '3.26' })).status,
    (await volumes.call('GET', at, { version, token: 'stranger' })).status,
    (await volumes.call('DELETE', at, { version, token: 'stranger' })).status,
    (await volumes.call('DELETE', at, { version, token: 'reader' })).status,
    (await volumes.call('GET', at, { version, token: 'reader' })).status,
    (await reserve(volumes, id, SERVER, { mode: 'none' })).status,
  ];
  assert.deepEqual(statuses, [404, 404, 404, 403, 200, 400]);
  const filtered = await volumes.call('GET', `/v3/attachments/detail?instance_id=${SERVER}`, { version });
  assert.equal(filtered.body.attachments.length, 1);
  const none = await volumes.call('GET', `/v3/attachments?volume_id=${OTHER_SERVER}`, { version });
  assert.deepEqual(none.body, { attachments: [] });
});

for (const engine of ENGINES) {
  test(`gives a volume to one of many that reserve it at once (${engine})`, async () => {
    await using volumes = await startVolumes({
      peers: { compute: compute() },
      backends: [{ name: 'file' }],
      databaseUrl: await urlOf(engine),
    });
    const id = await newVolume(volumes);
    const servers = Array.from({ length: 12 }, () => crypto.randomUUID());
    const answers = await Promise.all(servers.map(async (server) => reserve(volumes, id, server)));
    assert.deepEqual(answers.map(({ status }) => status).toSorted(), [
      200,
      ...Array.from({ length: 11 }, () => 400),
    ]);
  });

  test(`keeps its rules whatever is asked in whatever order (${engine})`, async () => {
    await using volumes = await startVolumes({
      peers: { compute: compute() },
      backends: [{ name: 'file' }],
      databaseUrl: await urlOf(engine),
    });
    const shared = await multiattachType(volumes);
    const single = await newVolume(volumes);
    const several = await newVolume(volumes, { volume_type: shared });
    const held: Array<{ id: string; volume: string; server: string }> = [];
    const step = fc.record({
      what: fc.constantFrom('reserve', 'connect', 'complete', 'delete', 'legacy'),
      volume: fc.constantFrom(single, several),
      server: fc.constantFrom(SERVER, OTHER_SERVER),
    });
    const round = fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 12 }), async (steps) => {
      await Promise.all(steps.map(async (each) => play(volumes, held, each)));
      const { body } = await volumes.call('GET', '/v3/attachments/detail', { version });
      const ofSingle = body.attachments.filter((each: { volume_id: string }) => each.volume_id === single);
      const owners = new Set(ofSingle.map((each: { instance: string }) => each.instance));
      assert.ok(owners.size <= 1, `${owners.size} servers have a volume that only one may have`);
      for (const [id, rows] of [
        [single, ofSingle],
        [several, body.attachments.filter((each: { volume_id: string }) => each.volume_id === several)],
      ] as const) {
        const has = (status: string): boolean =>
          rows.some((row: { status: string }) => row.status === status);
        const expected = has('attached')
          ? 'in-use'
          : has('attaching')
            ? 'attaching'
            : has('detaching')
              ? 'detaching'
              : has('reserved')
                ? 'reserved'
                : 'available';
        assert.equal(await statusOf(volumes, id), expected);
      }
    });
    await fc.assert(round, { numRuns: 12 });
    for (const { id } of held) await volumes.call('DELETE', `/v3/attachments/${id}`, { version });
    const { body } = await volumes.call('GET', '/v3/attachments', { version });
    for (const { id } of body.attachments) await volumes.call('DELETE', `/v3/attachments/${id}`, { version });
    for (const id of [single, several]) {
      await untilStatus(volumes, `/v3/volumes/${id}`, 'available');
      await until(async () => volumes.drivers.get('file')?.connectionsOf(id).length === 0, {
        deadlineMs: 30_000,
        what: 'the exports to end',
        everyMs: 10,
      });
    }
  });
}

async function play(
  volumes: VolumeHarness,
  held: Array<{ id: string; volume: string; server: string }>,
  { what, volume, server }: { what: string; volume: string; server: string },
): Promise<void> {
  const mine = held.find((each) => each.volume === volume && each.server === server);
  const at = `/v3/attachments/${mine?.id}`;
  switch (what) {
    case 'reserve': {
      const { body, status } = await reserve(volumes, volume, server);
      if (status === 200) held.push({ id: body.attachment.id, volume, server });
      break;
    }
    case 'connect':
      if (mine)
        await volumes.call('PUT', at, { version, body: { attachment: { connector: { host: server } } } });
      break;
    case 'complete':
      if (mine) await volumes.call('POST', `${at}/action`, { version, body: { 'os-complete': null } });
      break;
    case 'delete':
      if (!mine) break;
      held.splice(held.indexOf(mine), 1);
      await volumes.call('DELETE', at, { version });
      break;
    default:
      await volumes.call('POST', `/v3/volumes/${volume}/action`, { body: { 'os-begin_detaching': null } });
      await volumes.call('POST', `/v3/volumes/${volume}/action`, { body: { 'os-roll_detaching': null } });
  }
}

test('ends an attachment while the backend is down, and its export when it is back', async () => {
  let down = false;
  const wrap = (driver: VolumeDriver): VolumeDriver =>
    new Proxy(driver, {
      get: (target, name) => {
        const method = Reflect.get(target, name) as unknown;
        if (typeof method !== 'function') return method;
        return (...args: unknown[]) => {
          if (down && ['connect', 'disconnect', 'restoreConnections'].includes(String(name)))
            return Promise.reject(new VolumeBackendError('unreachable', 'the daemon is gone'));
          return (method as (...all: unknown[]) => unknown).apply(target, args);
        };
      },
    });
  await using volumes = await startVolumes({
    peers: { compute: compute() },
    backends: [{ name: 'file', wrap }],
  });
  const id = await newVolume(volumes);
  const first = (await reserve(volumes, id, SERVER)).body.attachment.id;
  const connector = { host: 'h1' };
  await volumes.call('PUT', `/v3/attachments/${first}`, { version, body: { attachment: { connector } } });
  down = true;
  const gone = await volumes.call('DELETE', `/v3/attachments/${first}`, { version });
  assert.equal(gone.status, 200);
  assert.equal(await statusOf(volumes, id), 'available');
  const refused = await volumes.call('POST', '/v3/attachments', {
    version,
    body: { attachment: { volume_uuid: id, instance_uuid: SERVER, connector } },
  });
  assert.equal(refused.status, 503);
  assert.equal(await statusOf(volumes, id), 'available', 'a connection that failed reserves nothing');
  const kept = (await reserve(volumes, id, SERVER)).body.attachment.id;
  const failed = await volumes.call('PUT', `/v3/attachments/${kept}`, {
    version,
    body: { attachment: { connector } },
  });
  assert.equal(failed.status, 503);
  assert.equal(await statusOf(volumes, id), 'reserved', 'the reservation stays');
  assert.equal(volumes.drivers.get('file')?.connectionsOf(id).length, 1);
  down = false;
  await until(async () => volumes.drivers.get('file')?.connectionsOf(id).length === 0, {
    deadlineMs: 20_000,
    what: 'the export to end after the backend came back',
    everyMs: 50,
  });
});

test('brings exports back after the backend lost them', async () => {
  await using volumes = await startVolumes({ peers: { compute: compute() }, backends: [{ name: 'file' }] });
  const id = await newVolume(volumes);
  const attachment = (await reserve(volumes, id, SERVER)).body.attachment.id;
  await volumes.call('PUT', `/v3/attachments/${attachment}`, {
    version,
    body: { attachment: { connector: { host: 'h1' } } },
  });
  const driver = volumes.drivers.get('file');
  driver?.loseConnections();
  await until(async () => driver?.connectionsOf(id)[0] === attachment, {
    deadlineMs: 30_000,
    what: 'the export to be there again',
    everyMs: 10,
  });
});

test('keeps the older actions on the same rows', async () => {
  await using volumes = await startVolumes({
    peers: { compute: compute() },
    backends: [{ name: 'file' }],
    callers: CALLERS,
  });
  const id = await newVolume(volumes);
  const act = async (body: Record<string, unknown>, token = 'member'): Promise<number> =>
    (await volumes.call('POST', `/v3/volumes/${id}/action`, { body, token })).status;
  assert.equal(await act({ 'os-reserve': null }), 202);
  assert.equal(await act({ 'os-reserve': null }), 400);
  assert.equal(await statusOf(volumes, id), 'attaching');
  assert.equal(await act({ 'os-unreserve': null }), 202);
  assert.equal(await statusOf(volumes, id), 'available');
  assert.equal(await act({ 'os-reserve': null }), 202);
  assert.equal(await act({ 'os-initialize_connection': { connector: { host: 'h1' } } }), 200);
  assert.equal(await act({ 'os-attach': { instance_uuid: SERVER, mountpoint: '/dev/vdc' } }), 202);
  assert.equal(await statusOf(volumes, id), 'in-use');
  assert.equal(await act({ 'os-begin_detaching': null }), 202);
  assert.equal(await statusOf(volumes, id), 'detaching');
  assert.equal(await act({ 'os-roll_detaching': null }), 202);
  assert.equal(await statusOf(volumes, id), 'in-use');
  assert.equal(await act({ 'os-terminate_connection': { connector: { host: 'h1' } } }), 202);
  assert.equal(await act({ 'os-force_detach': {} }), 403);
  assert.equal(await act({ 'os-detach': {} }), 202);
  assert.equal(await statusOf(volumes, id), 'available');
});

test('leaves to compute what a server uses', async () => {
  const held = new Map<string, string>();
  await using volumes = await startVolumes({
    backends: [{ name: 'file' }],
    callers: CALLERS,
    peers: { compute: compute(held) },
  });
  const id = await newVolume(volumes);
  const { attachment } = (await reserve(volumes, id, SERVER)).body;
  const at = `/v3/attachments/${attachment.id}`;
  held.set(`${SERVER}/${id}`, attachment.id);
  const act = async (body: Record<string, unknown>, token: string): Promise<number> =>
    (await volumes.call('POST', `/v3/volumes/${id}/action`, { body, token })).status;
  for (const token of ['member', 'admin']) {
    const refused = await volumes.call('DELETE', at, { version, token });
    assert.equal(refused.status, 409);
    assert.match(refused.body.conflictingRequest.message, new RegExp(`${SERVER} uses volume ${id}`));
    assert.equal(await act({ 'os-detach': {} }, token), 409);
    assert.equal(await act({ 'os-terminate_connection': { connector: { host: 'h1' } } }, token), 409);
  }
  assert.equal(await act({ 'os-force_detach': {} }, 'admin'), 409);
  assert.equal(await statusOf(volumes, id), 'reserved');
  const vouched = await volumes.call('DELETE', at, { version, headers: { 'x-service-token': 'service' } });
  assert.equal(vouched.status, 409, 'a token that identity does not know vouches for nobody');
  assert.equal((await volumes.call('DELETE', at, { version, token: 'service' })).status, 200);
  const other = (await reserve(volumes, id, OTHER_SERVER)).body.attachment.id;
  assert.equal((await volumes.call('DELETE', `/v3/attachments/${other}`, { version })).status, 200);
  assert.equal(await statusOf(volumes, id), 'available');
});

test('gives a volume that was asked to be shared to two', async () => {
  await using volumes = await startVolumes({ backends: [{ name: 'file' }], peers: { compute: compute() } });
  const id = await newVolume(volumes, { multiattach: true });
  assert.equal((await volumes.call('GET', `/v3/volumes/${id}`)).body.volume.multiattach, true);
  assert.equal((await reserve(volumes, id, SERVER)).status, 200);
  assert.equal((await reserve(volumes, id, OTHER_SERVER)).status, 200);
  const plain = await newVolume(volumes, { multiattach: 'false' });
  assert.equal((await reserve(volumes, plain, SERVER)).status, 200);
  assert.equal((await reserve(volumes, plain, OTHER_SERVER)).status, 400);
});

test('ends an error that was declared with its last attachment', async () => {
  await using volumes = await startVolumes({
    backends: [{ name: 'file' }],
    callers: CALLERS,
    peers: { compute: compute() },
  });
  const id = await newVolume(volumes);
  const act = async (body: Record<string, unknown>, token = 'admin'): Promise<number> =>
    (await volumes.call('POST', `/v3/volumes/${id}/action`, { body, token })).status;
  assert.equal(await act({ 'os-attach': { instance_uuid: SERVER, mountpoint: '/dev/vdc' } }, 'member'), 202);
  assert.equal(await act({ 'os-reset_status': { status: 'error' } }), 202);
  assert.equal(await statusOf(volumes, id), 'error');
  assert.equal(await act({ 'os-force_detach': {} }), 202);
  assert.equal(await statusOf(volumes, id), 'available');
});
