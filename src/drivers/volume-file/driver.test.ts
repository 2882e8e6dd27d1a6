// What the file backend promises beyond the contract: under a guest that writes, when the daemon is killed, when layers
// are merged, and with images that are there already.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { linkSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import {
  startTestDaemon,
  whyNoStorageDaemon,
  type TestDaemon,
} from '#drivers/storage-daemon/testing/test-daemon.ts';
import { bytesOf, type ConnectionInfo } from '#drivers/volume/port.ts';
import { NbdClient } from '#platform/nbd/client.ts';
import { waitUntil } from '#platform/supervise/wait.ts';
import { createFileVolumeDriver, type FileVolumeDriver } from './driver.ts';

const skip = whyNoStorageDaemon() ?? false;
const MIB = 2 ** 20;
const CONNECTOR = { host: 'h1' };

describe('volumes in files', { skip, timeout: 120_000 }, () => {
  let directory: string;
  let daemon: TestDaemon;
  let driver: FileVolumeDriver;
  const start = async (): Promise<FileVolumeDriver> =>
    createFileVolumeDriver({ directory, daemon: daemon.daemon });

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'pvf-'));
    daemon = await startTestDaemon(directory);
    driver = await start();
  });
  afterEach(async () => {
    await driver[Symbol.asyncDispose]();
    await daemon[Symbol.asyncDispose]();
    rmSync(directory, { recursive: true });
  });

  const blank = async (): Promise<string> => {
    const id = randomUUID();
    await driver.createVolume(id, 1, { kind: 'blank' });
    return id;
  };
  const files = (): string[] => readdirSync(join(directory, 'layers'));
  /** As a guest would: through the export. */
  const attach = async (volumeId: string): Promise<NbdClient> => {
    const options = { attachmentId: 'a1', connector: CONNECTOR, mode: 'rw' } as const;
    return reach(await driver.connect(volumeId, options));
  };
  const read = async (
    volumeId: string,
    offset: number,
    length: number,
    snapshotId?: string,
  ): Promise<string> => {
    await using access = await driver.open({ volumeId, ...(snapshotId && { snapshotId }) }, 'ro');
    return (await access.read(offset, length)).toString('latin1').replaceAll('\0', '.');
  };
  /** No file of the store is damaged. Clusters that nothing names are no damage: a killed daemon leaves some. */
  const check = (): void => {
    for (const file of files().filter((name) => name.endsWith('.qcow2'))) {
      const path = join(directory, 'layers', file);
      const report = execFileSync('sh', [
        '-c',
        'qemu-img check -U --output=json "$1" || [ $? = 3 ]',
        '-',
        path,
      ]);
      const { corruptions = 0 } = JSON.parse(report.toString()) as { corruptions?: number };
      assert.equal(corruptions, 0, file);
    }
  };

  test('takes snapshots under a guest that writes, and keeps its connection', async () => {
    const volumeId = await blank();
    await using guest = await attach(volumeId);
    const snapshots: string[] = [];
    let written = 0;
    let ended = false;
    const writing = (async () => {
      for (; !ended; written++) await guest.write(written * 4096, Buffer.alloc(4096, (written % 250) + 1));
    })();
    for (let i = 0; i < 5; i++) {
      const before = written;
      await waitUntil(() => written > before + 3, { what: 'writes', deadlineMs: 10_000 });
      snapshots.push(randomUUID());
      await driver.createSnapshot(volumeId, snapshots[i]!);
    }
    ended = true;
    await writing;
    for (const snapshotId of [...snapshots.slice(1), snapshots[0]!])
      await driver.deleteSnapshot(volumeId, snapshotId);
    await driver.settled();
    assert.equal(files().length, 1, 'every layer was merged');
    for (let i = 0; i < written; i++)
      assert.ok((await guest.read(i * 4096, 4096)).equals(Buffer.alloc(4096, (i % 250) + 1)), `block ${i}`);
    check();
  });

  test('takes snapshots of several volumes at one moment under a guest that writes to one after the other', async () => {
    const [a, b] = [await blank(), await blank()];
    await using guestA = await attach(a);
    await using guestB = await attach(b);
    let written = 0;
    let ended = false;
    const number = (value: number): Buffer => Buffer.from(String(value).padStart(512));
    const writing = (async () => {
      for (; !ended; written++)
        for (const guest of [guestA, guestB]) await guest.write(0, number(written + 1));
    })();
    for (let i = 0; i < 5; i++) {
      const before = written;
      await waitUntil(() => written > before + 3, { what: 'writes', deadlineMs: 10_000 });
      const members = [a, b].map((volumeId) => ({ volumeId, snapshotId: randomUUID() }));
      await driver.createSnapshots?.(members);
      const values: number[] = [];
      for (const { volumeId, snapshotId } of members)
        values.push(Number(await read(volumeId, 0, 512, snapshotId)));
      const [first = 0, second = 0] = values;
      assert.ok(first === second || first === second + 1, `${first} before ${second}`);
      assert.ok(first > before, `${first} was written before, the snapshot was taken after ${before}`);
    }
    ended = true;
    await writing;
    check();
  });

  test('a rotation of snapshots leaves no more layers than there are snapshots', async () => {
    const volumeId = await blank();
    await using guest = await attach(volumeId);
    const kept: { id: string; text: string }[] = [];
    for (let day = 0; day < 12; day++) {
      const text = `day ${String(day).padStart(3)}`;
      await guest.write(day * MIB, Buffer.from(text));
      await guest.write(0, Buffer.from(text));
      const id = randomUUID();
      await driver.createSnapshot(volumeId, id);
      kept.push({ id, text });
      if (kept.length > 3) await driver.deleteSnapshot(volumeId, kept.shift()!.id);
    }
    await driver.settled();
    assert.equal(files().length, 4);
    for (const { id, text } of kept) assert.equal(await read(volumeId, 0, 7, id), text);
    assert.equal(await read(volumeId, 3 * MIB, 7), 'day   3');
    check();
  });

  test('gives the space of deleted volumes back, and keeps what clones need', async () => {
    const volumeId = await blank();
    {
      await using access = await driver.open({ volumeId }, 'rw');
      await access.write(0, Buffer.from('source'));
    }
    const clones = [randomUUID(), randomUUID()] as const;
    for (const clone of clones) await driver.createVolume(clone, 1, { kind: 'volume', volumeId });
    await driver.deleteVolume(volumeId);
    await driver.settled();
    await driver.deleteVolume(clones[0]);
    await driver.settled();
    assert.deepEqual([files().length, await read(clones[1], 0, 6)], [1, 'source']);
    await driver.deleteVolume(clones[1]);
    assert.deepEqual(files(), []);
  });

  test('loses no acknowledged write and no export when the daemon is killed', async () => {
    const volumeId = await blank();
    const told = Promise.withResolvers<void>();
    driver.onLost(() => told.resolve());
    let guest = await attach(volumeId);
    const snapshotId = randomUUID();
    for (let round = 0; round < 5; round++) {
      let acknowledged = 0;
      const writing = (async () => {
        for (let i = 0; ; i++) {
          await guest.write(i * 65_536, Buffer.alloc(4096, round * 40 + (i % 39) + 1));
          acknowledged = i + 1;
        }
      })().catch(() => undefined);
      if (round === 2) await driver.createSnapshot(volumeId, snapshotId);
      await waitUntil(() => acknowledged > 10 + round, { what: 'writes', deadlineMs: 10_000 });
      await daemon.kill();
      await writing;
      await daemon.start();
      await waitUntil(async () => (await exportsOf(daemon)).includes(`volume-${volumeId}-rw`), {
        what: 'export',
        deadlineMs: 10_000,
      });
      guest = await attach(volumeId);
      for (let i = 0; i < acknowledged; i++)
        assert.equal(
          (await guest.read(i * 65_536, 1))[0],
          round * 40 + (i % 39) + 1,
          `round ${round}, block ${i}`,
        );
    }
    await told.promise;
    await guest.close();
    await driver.disconnect(volumeId, 'a1');
    assert.equal((await driver.list())[0]?.snapshotIds[0], snapshotId);
    check();
  });

  test('grows under a guest, who sees it when it connects anew', async () => {
    const volumeId = await blank();
    await using before = await attach(volumeId);
    await before.write(MIB, Buffer.from('kept'));
    await driver.extendVolume(volumeId, 2);
    assert.equal((await before.closed).code, 'closed');
    await using after = await attach(volumeId);
    assert.equal(after.size, bytesOf(2));
    assert.equal((await after.read(MIB, 4)).toString(), 'kept');
    await after.write(bytesOf(2) - 4, Buffer.from('last'));
  });

  test('says unreachable while the daemon is away, and goes on when it is back', async () => {
    const volumeId = await blank();
    await daemon.kill();
    // What needs only files is done.
    const other = await blank();
    await driver.deleteVolume(other);
    const opening = driver.open({ volumeId }, 'ro');
    await daemon.start();
    await using access = await opening;
    assert.equal(access.size, bytesOf(1));
  });

  test('ends what an earlier run left: exports nobody wants, files nothing names', async () => {
    const [wanted, unwanted] = [await blank(), await blank()];
    for (const [volumeId, attachmentId] of [
      [wanted, 'a1'],
      [unwanted, 'a2'],
    ] as const)
      await driver.connect(volumeId, { attachmentId, connector: CONNECTOR, mode: 'rw' });
    await driver.open({ volumeId: wanted }, 'ro');
    writeFileSync(join(directory, 'layers', 'l-0123456789abcdef0123.qcow2'), 'half');
    writeFileSync(join(directory, 'volumes', `${randomUUID()}.json.new`), '{"top');
    await driver[Symbol.asyncDispose]();
    driver = await start();
    await driver.restoreConnections([
      { volumeId: wanted, attachmentId: 'a1', connector: CONNECTOR, mode: 'rw' },
      { volumeId: randomUUID(), attachmentId: 'a3', connector: CONNECTOR, mode: 'rw' },
    ]);
    assert.deepEqual(await exportsOf(daemon), [`volume-${wanted}-rw`]);
    assert.equal(files().length, 2);
    await driver.deleteVolume(unwanted);
  });

  test('is reached over TCP by hosts that do not share its machine', async () => {
    const other = mkdtempSync(join(tmpdir(), 'pvt-'));
    const port = await freePort();
    await using remote = await startTestDaemon(other, { host: '127.0.0.1', port });
    await using served = await createFileVolumeDriver({ directory: other, daemon: remote.daemon });
    await served.createVolume('v1', 1, { kind: 'blank' });
    const { data } = await served.connect('v1', { attachmentId: 'a1', connector: CONNECTOR, mode: 'rw' });
    assert.ok('export_name' in data);
    assert.deepEqual([data.socket_path, data.host, data.port], [undefined, '127.0.0.1', port]);
    await using guest = await NbdClient.connect({
      address: { host: '127.0.0.1', port },
      exportName: data.export_name,
    });
    await guest.write(0, Buffer.from('far'));
    assert.equal((await guest.read(0, 4)).toString(), 'far\0');
    rmSync(other, { recursive: true });
  });

  test('clones an image in place, and lives on without the image', async () => {
    const images = join(directory, 'images');
    mkdirSync(images);
    const raw = join(images, 'raw');
    writeFileSync(raw, Buffer.alloc(MIB, 'image'));
    const image = { imageId: randomUUID(), url: `file://${raw}`, diskFormat: 'raw' };
    const [first, second] = [randomUUID(), randomUUID()];
    for (const id of [first, second])
      assert.deepEqual(await driver.cloneImage(id, 1, image), { bytesCopied: 0 });
    rmSync(raw);
    await using guest = await attach(first);
    await guest.write(0, Buffer.from('mine '));
    assert.equal(await read(second, 0, 10), 'imageimage');
    assert.equal(await read(first, 0, 10), 'mine image');
    await driver.settled();
    assert.equal(files().length, 3);
    await driver.disconnect(first, 'a1');
    for (const id of [first, second]) await driver.deleteVolume(id);
    assert.deepEqual(files(), []);
  });

  test('clones no image that is more than its own data, or cannot be shared', async () => {
    const at = (name: string): string => join(directory, name);
    writeFileSync(at('secret'), 'a file of the machine');
    execFileSync('qemu-img', [
      'create',
      '-q',
      '-f',
      'qcow2',
      '-b',
      at('secret'),
      '-F',
      'raw',
      at('backed'),
      '1M',
    ]);
    const external = `data_file=${at('data')},data_file_raw=on`;
    execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', '-o', external, at('external'), '1M']);
    execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', at('large'), '3G']);
    symlinkSync(at('secret'), at('link'));
    linkSync(at('large'), at('other'));
    const clone = async (file: string, diskFormat = 'qcow2', url = `file://${at(file)}`) =>
      driver.cloneImage(randomUUID(), 1, { imageId: randomUUID(), url, diskFormat });
    for (const file of ['backed', 'external', 'secret', 'absent', 'link'])
      assert.equal(await clone(file), undefined, file);
    assert.equal(await clone('link', 'raw'), undefined);
    assert.equal(await clone('large', 'vmdk'), undefined);
    assert.equal(await clone('large', 'qcow2', 'https://example.org/large'), undefined);
    await assert.rejects(clone('large'), /more than a volume of 1 GiB/);
    assert.deepEqual(files(), []);
  });
});

async function reach({ data, driver_volume_type: type }: ConnectionInfo): Promise<NbdClient> {
  assert.ok(type === 'nbd' && 'socket_path' in data && data.socket_path !== undefined);
  return NbdClient.connect({ address: { path: data.socket_path }, exportName: data.export_name });
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  return typeof address === 'object' ? (address?.port ?? 0) : 0;
}

async function exportsOf({ daemon }: TestDaemon): Promise<string[]> {
  return [...(await daemon.listExports()).keys()];
}
