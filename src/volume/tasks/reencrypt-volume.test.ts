// Retypes of volumes to another encryption or to none, through the API on model backends: data and key change together, also
// when the service dies at it.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { VolumeDriver } from '#drivers/volume/port.ts';
import {
  backendOf,
  keyIds,
  LUKS,
  made,
  MARK,
  ok,
  open,
  read,
  shown,
  start,
  typeNamed,
  types,
  version,
  write,
} from '../../../test/support/encrypted-volumes.ts';
import { until } from '../../../test/support/until.ts';
import { untilStatus, type VolumeHarness } from '../../../test/support/volume-harness.ts';

const retype = async (volumes: VolumeHarness, id: string, new_type: string, policy = 'on-demand') =>
  volumes.call('POST', `/v3/volumes/${id}/action`, {
    version,
    body: { 'os-retype': { new_type, migration_policy: policy } },
  });

test('a retype encrypts and decrypts by a copy, on its own backend and on another', async () => {
  await using volumes = await start();
  await types(volumes);
  await typeNamed(volumes, 'secret-on-a', LUKS, { volume_backend_name: 'a' });
  await typeNamed(volumes, 'secret-on-b', { ...LUKS, key_size: 128 }, { volume_backend_name: 'b' });
  await typeNamed(volumes, 'on-a', undefined, { volume_backend_name: 'a' });
  const id = await made(volumes, { size: 1, volume_type: 'on-a' });
  {
    await using raw = await open(volumes, id, 'rw');
    await raw.write(8192, MARK);
  }
  const to = async (type: string, backend: string): Promise<void> => {
    const answer = await retype(volumes, id, type);
    assert.equal(answer.status, 202, JSON.stringify(answer.body));
    await until(async () => (await shown(volumes, id)).status === 'available', {
      deadlineMs: 30_000,
      what: `${id} to be of ${type}`,
      everyMs: 10,
    });
    assert.equal((await shown(volumes, id)).volume_type, type);
    await until(
      async () => {
        const held = await Promise.all(
          [...volumes.drivers].map(async ([name, d]) => [name, await d.list()] as const),
        );
        return held.every(
          ([name, list]) => list.map(({ volumeId }) => volumeId).join() === (name === backend ? id : ''),
        );
      },
      { deadlineMs: 30_000, what: `the volume alone on ${backend}`, everyMs: 10 },
    );
  };
  await to('secret-on-a', 'a');
  assert.deepEqual(await read(volumes, id), MARK);
  const { encryption_key_id: first } = await shown(volumes, id);
  await to('secret-on-b', 'b');
  assert.deepEqual(await read(volumes, id), MARK);
  assert.notEqual((await shown(volumes, id)).encryption_key_id, first);
  await to('secret', 'b');
  assert.deepEqual(await read(volumes, id), MARK);
  assert.equal((await keyIds(volumes)).length, 1);
  await to('plain', 'b');
  assert.deepEqual([(await shown(volumes, id)).encrypted, await keyIds(volumes)], [false, []]);
  await using raw = await open(volumes, id, 'ro');
  assert.deepEqual(await raw.read(8192, MARK.length), MARK);
});

test('a retype that would lose the end of the volume leaves it as it is', async () => {
  await using volumes = await start();
  await types(volumes);
  const id = await made(volumes, { size: 1, volume_type: 'plain' });
  {
    await using raw = await open(volumes, id, 'rw');
    await raw.write(raw.size - 4096, MARK);
  }
  assert.equal((await retype(volumes, id, 'secret')).status, 202);
  await untilStatus(volumes, `/v3/volumes/${id}`, 'available');
  assert.deepEqual([(await shown(volumes, id)).volume_type, await keyIds(volumes)], ['plain', []]);
  const { messages } = await ok(volumes, 'GET', `/messages?resource_uuid=${id}`, 'member');
  assert.match(messages[0].user_message, /extend it first/);
  await until(async () => (await (await backendOf(volumes, id)).list()).length === 1, {
    deadlineMs: 30_000,
    what: 'no copy left',
    everyMs: 10,
  });
});

test('a retype whose service dies at any of its steps ends whole', async () => {
  for (const method of ['createVolume', 'open', 'deleteVolume', 'renameVolume']) {
    const dir = await mkdtemp(join(tmpdir(), 'pileus-volume-'));
    try {
      let dying = false;
      const hang = (driver: VolumeDriver): VolumeDriver =>
        new Proxy(driver, {
          get: (target, name) => {
            const found = Reflect.get(target, name) as unknown;
            if (typeof found !== 'function') return found;
            if (name !== method) return found.bind(target) as unknown;
            return async (...args: unknown[]) => {
              // Whoever is killed neither goes on nor fails.
              if (dying) return new Promise(() => reached());
              return (found as (...all: unknown[]) => unknown).apply(target, args);
            };
          },
        });
      let reached = (): void => undefined;
      const arrived = new Promise<void>((resolve) => (reached = resolve));
      let id: string;
      {
        await using volumes = await start({ dir, backends: [{ name: 'a', wrap: hang }] });
        await types(volumes);
        id = await made(volumes, { size: 1, volume_type: 'secret' });
        await write(volumes, id);
        dying = true;
        assert.equal((await retype(volumes, id, 'secret-128')).status, 202);
        await arrived;
      }
      await using volumes = await start({ dir, backends: [{ name: 'a' }] });
      await untilStatus(volumes, `/v3/volumes/${id}`, 'available');
      assert.equal((await shown(volumes, id)).volume_type, 'secret-128', method);
      assert.deepEqual(await read(volumes, id), MARK, method);
      assert.equal((await keyIds(volumes)).length, 1, method);
      assert.equal((await volumes.drivers.get('a')!.list()).length, 1, method);
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
  }
});

test('a deletion by force ends a retype, and neither copy nor key is left', async () => {
  let hold = (): void => undefined;
  const held = new Promise<void>((resolve) => (hold = resolve));
  let copying = false;
  const slow = (driver: VolumeDriver): VolumeDriver =>
    new Proxy(driver, {
      get: (target, name) => {
        const found = Reflect.get(target, name) as unknown;
        if (typeof found !== 'function') return found;
        if (name === 'onLost') return found.bind(target) as unknown;
        return async (...args: unknown[]) => {
          if (name === 'open' && copying) await held;
          return (found as (...all: unknown[]) => unknown).apply(target, args);
        };
      },
    });
  await using volumes = await start({ backends: [{ name: 'a', wrap: slow }] });
  await types(volumes);
  const id = await made(volumes, { size: 1, volume_type: 'plain' });
  copying = true;
  assert.equal((await retype(volumes, id, 'secret')).status, 202);
  const forced = await volumes.call('POST', `/v3/volumes/${id}/action`, {
    token: 'admin',
    body: { 'os-force_delete': {} },
  });
  assert.equal(forced.status, 202);
  hold();
  await until(async () => (await volumes.drivers.get('a')!.list()).length === 0, {
    deadlineMs: 30_000,
    what: 'an empty backend',
    everyMs: 10,
  });
  await untilStatus(volumes, `/v3/volumes/${id}`, 'gone');
  assert.deepEqual(await keyIds(volumes), []);
});
