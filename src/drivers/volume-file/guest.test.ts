// A guest of a real libvirt on a volume in files: it writes while the daemon is killed, snapshots are taken and the volume
// grows, and each write that it was told is done is there.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { GuestDisk, GuestSpec } from '#drivers/libvirt/port.ts';
import { LibvirtHypervisor } from '#drivers/libvirt/real.ts';
import { startTestHost, whyNoLibvirt, type TestHost } from '#drivers/libvirt/testing/test-host.ts';
import { tinyGuestDisk } from '#drivers/libvirt/testing/tiny-guest.ts';
import {
  startTestDaemon,
  whyNoStorageDaemon,
  type TestDaemon,
} from '#drivers/storage-daemon/testing/test-daemon.ts';
import { openLuks, formatLuks, payloadSize } from '#drivers/volume-luks/volume.ts';
import { bytesOf, type ConnectionInfo } from '#drivers/volume/port.ts';
import { waitUntil } from '#platform/supervise/wait.ts';
import { createFileVolumeDriver, type FileVolumeDriver } from './driver.ts';

const skip = whyNoLibvirt() ?? whyNoStorageDaemon() ?? false;
if (skip) console.error(`SKIPPED: guests on volumes in files are not tested (${skip})`);
const SECTOR = 512;

describe('a guest on volumes in files', { skip, timeout: 180_000 }, () => {
  let host: TestHost;
  let daemon: TestDaemon;
  let driver: FileVolumeDriver;
  let hypervisor: LibvirtHypervisor;

  before(async () => {
    host = await startTestHost();
    daemon = await startTestDaemon(host.dir);
    driver = await createFileVolumeDriver({ directory: join(host.dir, 'volumes'), daemon: daemon.daemon });
    hypervisor = new LibvirtHypervisor({
      address: { path: host.socketPath },
      savedMemoryDir: join(host.dir, 'saved'),
    });
  });
  after(async () => {
    await hypervisor?.[Symbol.asyncDispose]();
    await driver?.[Symbol.asyncDispose]();
    await daemon?.[Symbol.asyncDispose]();
    await host?.[Symbol.asyncDispose]();
  });

  const volume = async (): Promise<string> => {
    const id = randomUUID();
    await driver.createVolume(id, 1, { kind: 'blank' });
    return id;
  };
  const diskOf = async (volumeId: string, target: string): Promise<GuestDisk> => {
    const info = await driver.connect(volumeId, {
      attachmentId: `of-${volumeId}`,
      connector: { host: 'h1' },
      mode: 'rw',
    });
    return guestDisk(info, target, volumeId);
  };
  test('loses no write through kill -9 of the daemon, snapshots, growth and hot-plug', async () => {
    const volumeId = await volume();
    const spec = await writerOn(host, await diskOf(volumeId, 'vdb'));
    await hypervisor.createServer(spec);
    const console = async (): Promise<string> => readFile(spec.consoleLogPath, 'latin1').catch(() => '');
    const written = async (): Promise<number> => (await console()).split('.').length - 1;
    const goesOn = async (what: string): Promise<void> => {
      const from = await written();
      await waitUntil(async () => (await written()) > from + 20, {
        what: `writes ${what}`,
        deadlineMs: 40_000,
      });
    };
    await goesOn('at first');

    const snapshotId = randomUUID();
    for (let round = 0; round < 2; round++) {
      await daemon.kill();
      await daemon.start();
      await goesOn('after the daemon was killed');
      if (round === 0) await driver.createSnapshot(volumeId, snapshotId);
    }
    await goesOn('after a snapshot');

    await driver.extendVolume(volumeId, 2);
    await hypervisor.resizeDisk(spec.id, 'vdb', bytesOf(2));
    await goesOn('after growth');
    const grown = (await hypervisor.listDisks(spec.id)).find(({ target }) => target === 'vdb');
    assert.deepEqual([grown?.bytes, grown?.serial], [bytesOf(2), volumeId.slice(0, 20)]);

    const idle = await volume();
    await hypervisor.attachDisk(spec.id, await diskOf(idle, 'vdc'));
    // It has never read or written: growth is seen all the same.
    await driver.extendVolume(idle, 3);
    await hypervisor.resizeDisk(spec.id, 'vdc', bytesOf(3));
    const plugged = (await hypervisor.listDisks(spec.id)).find(({ target }) => target === 'vdc');
    assert.deepEqual([plugged?.bytes, plugged?.serial], [bytesOf(3), idle.slice(0, 20)]);

    await hypervisor.suspendServer(spec.id);
    await hypervisor.resumeSuspendedServer(spec.id);
    await daemon.kill();
    await daemon.start();
    await goesOn('of a server that was suspended');

    await driver.deleteSnapshot(volumeId, snapshotId);
    await goesOn('while layers are merged');
    await driver.settled();
    await goesOn('after layers were merged');
    assert.equal((await hypervisor.serverState(spec.id)).state, 'running');
    await hypervisor.destroyServer(spec.id);
    const acknowledged = await written();
    assert.ok(!(await console()).includes('!'), 'the guest met an error');
    for (const id of [volumeId, idle]) await driver.disconnect(id, `of-${id}`);

    await using access = await driver.open({ volumeId }, 'ro');
    const content = await access.read(0, acknowledged * SECTOR);
    for (let sector = 0; sector < acknowledged; sector++) {
      const wanted = Buffer.alloc(SECTOR);
      for (let at = 0; at < SECTOR; at += 2) wanted.writeUInt16LE((sector + 1) & 0xffff, at);
      assert.ok(content.subarray(sector * SECTOR, (sector + 1) * SECTOR).equals(wanted), `sector ${sector}`);
    }
  });
});

describe('a guest on an encrypted volume', { skip, timeout: 180_000 }, () => {
  test('goes on through what happens to its storage, which shows nothing of what it writes', async () => {
    await using undo = new AsyncDisposableStack();
    const host = undo.use(await startTestHost());
    const daemon = undo.use(await startTestDaemon(host.dir));
    const driver = undo.use(
      await createFileVolumeDriver({ directory: join(host.dir, 'volumes'), daemon: daemon.daemon }),
    );
    const hypervisor = undo.use(
      new LibvirtHypervisor({ address: { path: host.socketPath }, savedMemoryDir: join(host.dir, 'saved') }),
    );
    const passphrase = Buffer.from('5'.repeat(64));
    const secret = { id: randomUUID(), purpose: 'volume' as const, usage: 'attachment/a', value: passphrase };
    const lent = async (use: () => Promise<unknown>): Promise<void> => {
      await hypervisor.defineSecret(secret);
      await use();
      await hypervisor.removeSecret(secret.id);
    };
    const disk = async (target: string): Promise<readonly [string, GuestDisk]> => {
      const volumeId = randomUUID();
      await driver.createVolume(volumeId, 1, { kind: 'blank' });
      {
        await using access = await driver.open({ volumeId }, 'rw');
        await formatLuks(access, passphrase, 256);
      }
      const connector = { host: 'h1' };
      const info = await driver.connect(volumeId, { attachmentId: `of-${volumeId}`, connector, mode: 'rw' });
      const encryption = { secretId: secret.id };
      return [volumeId, { ...guestDisk(info, target, volumeId), encryption }];
    };
    const [volumeId, second] = await disk('vdb');
    const spec = await writerOn(host, second);
    const console = async (): Promise<string> => readFile(spec.consoleLogPath, 'latin1').catch(() => '');
    const written = async (): Promise<number> => (await console()).split('.').length - 1;
    const goesOn = async (what: string): Promise<void> => {
      const before = await written();
      await waitUntil(async () => (await written()) > before + 4, { deadlineMs: 60_000, what });
    };
    await assert.rejects(hypervisor.createServer(spec), { name: 'HypervisorError' }, 'without its secret');
    await lent(async () => hypervisor.createServer(spec));
    await goesOn('with its secret');
    await daemon.kill();
    await daemon.start();
    await goesOn('after the daemon was killed');
    await driver.extendVolume(volumeId, 2);
    await hypervisor.resizeDisk(spec.id, 'vdb', bytesOf(2));
    await goesOn('after growth');
    const bytes = async (target: string): Promise<number | undefined> =>
      (await hypervisor.listDisks(spec.id)).find((each) => each.target === target)?.bytes;
    assert.equal(await bytes('vdb'), payloadSize(bytesOf(2)));
    const [, third] = await disk('vdc');
    await lent(async () => hypervisor.attachDisk(spec.id, third));
    assert.equal(await bytes('vdc'), payloadSize(bytesOf(1)));
    await hypervisor.suspendServer(spec.id);
    await lent(async () => hypervisor.resumeSuspendedServer(spec.id));
    await daemon.kill();
    await daemon.start();
    await goesOn('of a server that was suspended');
    await hypervisor.destroyServer(spec.id);
    const sectors = await written();
    assert.ok(!(await console()).includes('!'), 'the guest met an error');
    await driver.disconnect(volumeId, `of-${volumeId}`);
    const wanted = (sector: number): Buffer =>
      Buffer.alloc(SECTOR, Buffer.from([(sector + 1) & 0xff, (sector + 1) >> 8]));
    await using raw = await driver.open({ volumeId }, 'ro');
    const below = await raw.read(0, bytesOf(1) / 64);
    assert.ok(!below.includes(wanted(1)) && !below.includes(wanted(2)), 'what it wrote shows');
    await using access = await openLuks(raw, passphrase);
    for (let sector = 0; sector < sectors; sector++)
      assert.ok((await access.read(sector * SECTOR, SECTOR)).equals(wanted(sector)), `sector ${sector}`);
  });
});

async function writerOn(host: TestHost, second: GuestDisk): Promise<GuestSpec> {
  const boot = join(host.dir, 'boot.img');
  await writeFile(boot, tinyGuestDisk('writes to its second disk'));
  const source = { kind: 'file', path: boot, format: 'raw' } as const;
  return {
    id: randomUUID(),
    name: 'writer',
    vcpus: 1,
    memoryMb: 16,
    arch: 'x86_64',
    machine: 'pc',
    accel: 'tcg',
    cpuMode: 'maximum',
    disks: [
      { source, device: 'disk', bus: 'virtio', target: 'vda', bootIndex: 1 },
      { ...second, bootIndex: 2 },
    ], // the firmware ignores disks that it may not boot
    interfaces: [],
    consoleLogPath: join(host.dir, 'console.log'),
    serialSocketPath: join(host.dir, 'serial'),
    vncSocketPath: join(host.dir, 'vnc'),
    randomDevice: false,
    metadata: { displayName: 'writer', projectId: 'p', userId: 'u', flavorName: 'f' },
  };
}

function guestDisk(
  { driver_volume_type: type, data }: ConnectionInfo,
  target: string,
  volumeId: string,
): GuestDisk {
  assert.ok(type === 'nbd' && 'socket_path' in data && data.socket_path !== undefined);
  const { socket_path: socketPath, export_name: exportName } = data;
  return {
    source: { kind: 'nbd', socketPath, exportName, reconnectMs: 60_000 },
    device: 'disk',
    bus: 'virtio',
    target,
    serial: volumeId.slice(0, 20),
    discard: true,
    cache: 'none',
  };
}
