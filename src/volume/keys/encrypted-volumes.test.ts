// Encrypted volumes through the API on model backends: what they are made from, whose key opens what, who is told it, and that
// no key outlives its volume.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { openLuks } from '#drivers/volume-luks/volume.ts';
import { VolumeBackendError } from '#drivers/volume/errors.ts';
import type { Image } from '#platform/clients/image.ts';
import { loadImage } from '#volume/host/load-image.ts';
import {
  attached,
  gone,
  inVolume,
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
  type Json,
} from '../../../test/support/encrypted-volumes.ts';
import type { Answer } from '../../../test/support/service-harness.ts';
import { until } from '../../../test/support/until.ts';
import { untilStatus, type VolumeHarness } from '../../../test/support/volume-harness.ts';
import { masterKeyPath, openKeyring } from './keyring.ts';

/** Of everything that the service and its backends keep, nothing shows the mark or a passphrase. */
async function assertNothingShows(volumes: VolumeHarness, ...secrets: Buffer[]): Promise<void> {
  const files = await readdir(volumes.dir, { recursive: true, withFileTypes: true });
  for (const file of files.filter((each) => each.isFile())) {
    const bytes = await readFile(join(file.parentPath, file.name));
    for (const secret of [MARK.subarray(0, 28), ...secrets])
      assert.ok(!bytes.includes(secret), `${file.name} shows ${secret.toString()}`);
  }
}

test('is made, says how, keeps what is written out of sight, and its key goes with it', async () => {
  await using volumes = await start();
  await types(volumes);
  const { volume } = await ok(volumes, 'POST', '/volumes', 'member', {
    volume: { size: 1, volume_type: 'secret' },
  });
  assert.equal(volume.encrypted, true);
  const id: string = volume.id;
  await untilStatus(volumes, `/v3/volumes/${id}`, 'available');
  const now = await shown(volumes, id);
  assert.deepEqual([now.encrypted, now.encryption_key_id], [true, volume.encryption_key_id]);
  const older = await volumes.call('GET', `/v3/volumes/${id}`, { version: '3.63' });
  assert.deepEqual([older.body.volume.encrypted, older.body.volume.encryption_key_id], [true, undefined]);
  const facts = await ok(volumes, 'GET', `/volumes/${id}/encryption`, 'member');
  assert.deepEqual(facts, { ...LUKS, encryption_key_id: now.encryption_key_id });
  const one = await volumes.call('GET', `/v3/volumes/${id}/encryption/key_size`);
  assert.deepEqual([one.status, one.body], [200, 256]);
  await write(volumes, id);
  assert.deepEqual(await read(volumes, id), MARK);
  await attached(volumes, id, async ({ encryption_key_id, passphrase }) => {
    assert.equal(encryption_key_id, now.encryption_key_id);
    await assertNothingShows(volumes, Buffer.from(passphrase));
  });
  const master = await stat(masterKeyPath({ dataDir: volumes.dir }));
  assert.deepEqual([master.size, master.mode & 0o777], [32, 0o600]);
  assert.deepEqual(await keyIds(volumes), [now.encryption_key_id]);
  await gone(volumes, `/volumes/${id}`);
  assert.deepEqual(await keyIds(volumes), []);
});

test('tells what opens it to services alone, and while it is attached', async () => {
  await using volumes = await start();
  await types(volumes);
  const id = await made(volumes, { size: 1, volume_type: 'secret' });
  const ask = async (attachment: string, token: string): Promise<Answer> =>
    volumes.call('GET', `/v3/attachments/${attachment}/encryption-secret`, { version, token });
  const { attachment } = await ok(volumes, 'POST', '/attachments', 'member', {
    attachment: { volume_uuid: id },
  });
  assert.equal((await ask(attachment.id, 'compute')).status, 400, 'nobody is connected');
  await ok(volumes, 'DELETE', `/attachments/${attachment.id}`, 'member');
  await attached(volumes, id, async ({ passphrase }, attachmentId) => {
    const told = await ask(attachmentId, 'compute');
    assert.deepEqual([told.status, told.body.encryption_secret.passphrase], [200, passphrase]);
    assert.equal(told.headers['cache-control'], 'no-store');
    for (const token of ['member', 'reader', 'admin'])
      assert.equal((await ask(attachmentId, token)).status, 403, token);
    assert.equal((await ask(attachmentId, 'stranger')).status, 404);
    const vouched = await volumes.call('GET', `/v3/attachments/${attachmentId}/encryption-secret`, {
      version,
      headers: { 'x-service-token': 'service' },
    });
    assert.equal(vouched.status, 403, 'a service token beside a user’s does not make the user a service');
    for (const url of [`/attachments/${attachmentId}`, `/volumes/${id}`, `/volumes/${id}/encryption`])
      for (const token of ['member', 'admin', 'service'])
        assert.doesNotMatch(JSON.stringify(await ok(volumes, 'GET', url, token)), new RegExp(passphrase));
  });
  const plain = await made(volumes, { size: 1 });
  const other = await ok(volumes, 'POST', '/attachments', 'service', {
    attachment: { volume_uuid: plain, connector: { host: 'h1' } },
  });
  assert.equal(other.attachment.connection_info.encrypted, false);
  assert.equal((await ask(other.attachment.id, 'compute')).status, 404);
});

test('refuses what can not be encrypted, and what is encrypted otherwise', async () => {
  await using volumes = await start();
  await types(volumes);
  await typeNamed(volumes, 'at-the-back', { ...LUKS, control_location: 'back-end' });
  await typeNamed(volumes, 'luks2', { ...LUKS, provider: 'luks2' });
  await typeNamed(volumes, 'serpent', { ...LUKS, cipher: 'serpent-xts-plain64' });
  await typeNamed(volumes, 'odd', { ...LUKS, key_size: 200 });
  await typeNamed(volumes, 'shared', LUKS, { multiattach: '<is> True' });
  const id = await made(volumes, { size: 1, volume_type: 'secret' });
  const plain = await made(volumes, { size: 1 });
  const refuse = async (volume: Json, word: RegExp): Promise<void> => {
    const answer = await volumes.call('POST', '/v3/volumes', { version, body: { volume } });
    assert.equal(answer.status, 400, JSON.stringify(answer.body));
    assert.match(answer.body.badRequest.message, word);
  };
  await refuse({ size: 1, volume_type: 'at-the-back' }, /back-end/);
  await refuse({ size: 1, volume_type: 'luks2' }, /luks2/);
  await refuse({ size: 1, volume_type: 'serpent' }, /serpent/);
  await refuse({ size: 1, volume_type: 'odd' }, /200/);
  await refuse({ size: 1, volume_type: 'shared' }, /more than once/);
  await refuse({ source_volid: id, volume_type: 'plain' }, /encrypted/);
  await refuse({ source_volid: id, volume_type: 'secret-128' }, /encrypted/);
  await refuse({ source_volid: plain, volume_type: 'secret' }, /encrypted/);
  for (const body of [
    { 'os-volume_upload_image': { image_name: 'i' } },
    { 'os-unmanage': {} },
    { 'os-retype': { new_type: 'shared', migration_policy: 'on-demand' } },
    { 'os-retype': { new_type: 'plain', migration_policy: 'never' } },
  ]) {
    const answer = await volumes.call('POST', `/v3/volumes/${id}/action`, { version, body, token: 'admin' });
    assert.equal(answer.status, 400, JSON.stringify([body, answer.body]));
  }
  const type = (await ok(volumes, 'GET', '/types', 'admin')).volume_types.find(
    (each: Json) => each['name'] === 'secret',
  );
  const url = `/v3/types/${type.id}/encryption`;
  for (const [method, path] of [
    ['PUT', `${url}/provider`],
    ['DELETE', `${url}/provider`],
  ] as const)
    assert.equal(
      (await volumes.call(method, path, { token: 'admin', body: { encryption: { key_size: 128 } } })).status,
      400,
      'the type is in use',
    );
  assert.deepEqual((await keyIds(volumes)).length, 1);
});

test('a clone, also of a snapshot, has a key of its own', async () => {
  await using volumes = await start();
  await types(volumes);
  const source = await made(volumes, { size: 1, volume_type: 'secret' });
  await write(volumes, source);
  const { snapshot } = await ok(volumes, 'POST', '/snapshots', 'member', { snapshot: { volume_id: source } });
  await untilStatus(volumes, `/v3/snapshots/${snapshot.id}`, 'available');
  const clones = [
    await made(volumes, { source_volid: source, size: 2 }),
    await made(volumes, { snapshot_id: snapshot.id, volume_type: 'secret-too' }),
  ];
  const passphrase = await attached(volumes, source, async (secret) => secret.passphrase);
  for (const clone of clones) {
    assert.deepEqual(await read(volumes, clone), MARK);
    await using raw = await open(volumes, clone, 'ro');
    await assert.rejects(openLuks(raw, Buffer.from(passphrase)), VolumeBackendError);
  }
  assert.equal((await keyIds(volumes)).length, 3);
  await gone(volumes, `/snapshots/${snapshot.id}`);
  await gone(volumes, `/volumes/${source}`);
  assert.deepEqual(await read(volumes, clones[0]!), MARK);
  await ok(volumes, 'POST', `/volumes/${clones[0]}/action`, 'member', { 'os-extend': { new_size: 3 } });
  await untilStatus(volumes, `/v3/volumes/${clones[0]}`, 'available');
  const size = await inVolume(volumes, clones[0]!, async (content) => content.size);
  assert.equal(size, 3 * 2 ** 30 - 2 ** 21);
  assert.equal((await keyIds(volumes)).length, 2);
});

test('a backup is ciphertext with a key of its own, and is restored into what is encrypted alone', async () => {
  await using volumes = await start();
  await types(volumes);
  const id = await made(volumes, { size: 1, volume_type: 'secret' });
  await write(volumes, id);
  const { backup } = await ok(volumes, 'POST', '/backups', 'member', { backup: { volume_id: id } });
  await untilStatus(volumes, `/v3/backups/${backup.id}`, 'available');
  await assertNothingShows(volumes);
  const record = (await ok(volumes, 'GET', `/backups/${backup.id}`, 'member')).backup;
  assert.match(record.encryption_key_id, /^[0-9a-f-]{36}$/);
  assert.notEqual(record.encryption_key_id, (await shown(volumes, id)).encryption_key_id);
  const older = await volumes.call('GET', `/v3/backups/${backup.id}`, { version: '3.63' });
  assert.equal('encryption_key_id' in older.body.backup, false);
  const plain = await made(volumes, { size: 1 });
  const refused = await volumes.call('POST', `/v3/backups/${backup.id}/restore`, {
    body: { restore: { volume_id: plain } },
  });
  assert.equal(refused.status, 400);
  const restored = async (restore: Json): Promise<string> => {
    const begun = await ok(volumes, 'POST', `/backups/${backup.id}/restore`, 'member', { restore });
    await untilStatus(volumes, `/v3/volumes/${begun.restore.volume_id}`, 'available');
    await untilStatus(volumes, `/v3/backups/${backup.id}`, 'available');
    return begun.restore.volume_id;
  };
  const other = await made(volumes, { size: 1, volume_type: 'secret-too' });
  assert.deepEqual(await read(volumes, await restored({ volume_id: other })), MARK);
  assert.deepEqual(
    await read(volumes, await restored({})),
    MARK,
    'into a new one, of the type that it was of',
  );
  const again = await made(volumes, { size: 2, backup_id: backup.id, volume_type: 'secret' });
  assert.deepEqual(await read(volumes, again), MARK);
  const imported = await volumes.call('GET', `/v3/backups/${backup.id}/export_record`, { token: 'admin' });
  assert.equal(imported.status, 200);
  const before = await keyIds(volumes);
  assert.ok(before.includes(record.encryption_key_id));
  await gone(volumes, `/volumes/${id}`);
  assert.deepEqual(
    await read(volumes, await restored({ volume_id: other })),
    MARK,
    'also without the volume',
  );
  await gone(volumes, `/backups/${backup.id}`);
  assert.equal((await keyIds(volumes)).length, before.length - 2);
  const lost = await volumes.call('POST', '/v3/backups/import_record', {
    token: 'admin',
    body: imported.body,
  });
  assert.equal(lost.status, 400, 'its key is gone, and so are its data');
});

test('changes hands from 3.70 on, with its snapshots and a key id of the new owner', async () => {
  await using volumes = await start();
  await types(volumes);
  const id = await made(volumes, { size: 1, volume_type: 'secret' });
  await write(volumes, id);
  const { encryption_key_id: old } = await shown(volumes, id);
  const offer = async (transfer: Json, at: string): Promise<Answer> =>
    volumes.call('POST', '/v3/volume-transfers', {
      version: at,
      body: { transfer: { volume_id: id, ...transfer } },
    });
  assert.equal((await offer({}, '3.69')).status, 400);
  const { snapshot } = await ok(volumes, 'POST', '/snapshots', 'member', { snapshot: { volume_id: id } });
  await untilStatus(volumes, `/v3/snapshots/${snapshot.id}`, 'available');
  assert.equal((await offer({ no_snapshots: true }, '3.70')).status, 400, 'its snapshots open with its key');
  const offered = await offer({}, '3.70');
  assert.equal(offered.status, 202, JSON.stringify(offered.body));
  const { id: transfer, auth_key } = offered.body.transfer;
  await ok(volumes, 'POST', `/volume-transfers/${transfer}/accept`, 'stranger', { accept: { auth_key } });
  assert.equal((await volumes.call('GET', `/v3/volumes/${id}`)).status, 404);
  const now = await shown(volumes, id, 'stranger');
  assert.notEqual(now.encryption_key_id, old);
  assert.deepEqual(await keyIds(volumes), [now.encryption_key_id]);
  assert.deepEqual(await read(volumes, id), MARK);
});

test('a group that is made from another has volumes with keys of their own', async () => {
  await using volumes = await start();
  await types(volumes);
  const { group_type } = await ok(volumes, 'POST', '/group_types', 'admin', { group_type: { name: 'g' } });
  const { volume_types } = await ok(volumes, 'GET', '/types', 'admin');
  const secret = volume_types.find((each: Json) => each['name'] === 'secret').id;
  const { group } = await ok(volumes, 'POST', '/groups', 'member', {
    group: { name: 'g', group_type: group_type.id, volume_types: [secret] },
  });
  await until(
    async () => (await ok(volumes, 'GET', `/groups/${group.id}`, 'member')).group.status === 'available',
    {
      deadlineMs: 30_000,
      what: 'the group',
      everyMs: 10,
    },
  );
  const id = await made(volumes, { size: 1, volume_type: 'secret', group_id: group.id });
  await write(volumes, id);
  const clone = await ok(volumes, 'POST', '/groups/action', 'member', {
    'create-from-src': { name: 'h', source_group_id: group.id },
  });
  const cloned = await until(
    async () => {
      const { volumes: all } = await ok(
        volumes,
        'GET',
        `/volumes/detail?group_id=${clone.group.id}`,
        'member',
      );
      return all[0]?.status === 'available' ? (all[0] as Json) : undefined;
    },
    { deadlineMs: 30_000, what: 'its volume', everyMs: 10 },
  );
  assert.deepEqual(await read(volumes, String(cloned['id'])), MARK);
  assert.equal(new Set(await keyIds(volumes)).size, 2);
});

test('a master key that is another opens nothing, and several who make it make one', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'pileus-keys-'));
  try {
    const rings = await Promise.all(Array.from({ length: 8 }, async () => openKeyring({ dataDir })));
    const wrapped = rings[0]!.wrap('k', MARK);
    for (const ring of rings) assert.deepEqual(ring.unwrap('k', wrapped), MARK);
    assert.throws(() => rings[1]!.unwrap('l', wrapped), /does not open/);
    await writeFile(masterKeyPath({ dataDir }), Buffer.alloc(32));
    const other = await openKeyring({ dataDir });
    assert.throws(() => other.unwrap('k', wrapped), /does not open/);
    await writeFile(masterKeyPath({ dataDir }), 'cut');
    await assert.rejects(openKeyring({ dataDir }), /damaged/);
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
});

test('an image is written with its zeros, which would read as noise', async () => {
  await using volumes = await start();
  await types(volumes);
  const id = await made(volumes, { size: 1, volume_type: 'secret' });
  const bytes = Buffer.concat([Buffer.alloc(2 ** 20), MARK, Buffer.alloc(3 * 2 ** 20 - 100)]);
  const digest = createHash('sha512').update(bytes).digest('hex');
  const image = {
    id: 'i',
    status: 'active',
    disk_format: 'raw',
    container_format: 'bare',
    size: bytes.length,
    os_hash_algo: 'sha512',
    os_hash_value: digest,
  } as unknown as Image;
  await inVolume(volumes, id, async (access) => {
    const spoolDir = join(volumes.dir, 'spool');
    const { signal } = new AbortController();
    const openData = async (): Promise<Readable> => Readable.from([bytes]);
    const load = { image, location: undefined, openData, access, spoolDir, signal };
    await loadImage({ ...load, fillHoles: true });
    assert.deepEqual(await access.read(0, 4 * 2 ** 20 + 4096), Buffer.concat([bytes, Buffer.alloc(100)]));
  });
});
