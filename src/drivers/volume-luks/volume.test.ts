// Encrypted volumes on each backend that a machine has, and QEMU, which opens in guests what this makes.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import {
  startTestDaemon,
  whyNoStorageDaemon,
  type TestDaemon,
} from '#drivers/storage-daemon/testing/test-daemon.ts';
import type { VolumeBackendError } from '#drivers/volume/errors.ts';
import { bytesOf, type VolumeDriver } from '#drivers/volume/port.ts';
import { createFileVolumeDriver } from '#drivers/volume-file/driver.ts';
import { createMemoryVolumeDriver } from '#drivers/volume-memory/driver.ts';
import { HEADER_BYTES, readHeader } from './header.ts';
import { changePassphrase, formatLuks, openLuks, payloadSize } from './volume.ts';

const run = promisify(execFile);
const MARK = Buffer.from('the payroll of all employees'.padEnd(512, '.'));
const passphrase = (): Buffer => Buffer.from(randomBytes(32).toString('hex'));
const closed = { name: 'VolumeBackendError', fault: 'failed' } satisfies Partial<VolumeBackendError>;

interface World {
  readonly driver: VolumeDriver;
  readonly directory: string;
  readonly end: () => Promise<void>;
}

const WORLDS: ReadonlyArray<readonly [string, string | undefined, (directory: string) => Promise<World>]> = [
  [
    'the model',
    undefined,
    async (directory) => {
      const driver = await createMemoryVolumeDriver({ directory, totalGb: 100 });
      return { driver, directory, end: async () => driver[Symbol.asyncDispose]() };
    },
  ],
  ['volumes in files', whyNoStorageDaemon(), async (directory) => filesWorld(directory)],
];

async function filesWorld(directory: string): Promise<World & { daemon: TestDaemon }> {
  const daemon = await startTestDaemon(directory);
  const driver = await createFileVolumeDriver({ directory: join(directory, 'v'), daemon: daemon.daemon });
  const end = async (): Promise<void> => {
    await driver[Symbol.asyncDispose]();
    await daemon[Symbol.asyncDispose]();
  };
  return { driver, directory, daemon, end };
}

async function formatByQemu(file: string, keyFile: string): Promise<void> {
  const options = 'key-secret=s,iter-time=10,cipher-alg=aes-128';
  const secret = `secret,id=s,file=${keyFile}`;
  for (let left = 20; ; left--)
    try {
      await run('qemu-img', ['create', '-q', '--object', secret, '-f', 'luks', '-o', options, file, '1M']);
      return;
    } catch (error) {
      // It measures how fast it derives keys, and gives up where a machine's clock shows no time for that.
      if (left === 0 || !String(error).includes('accurate CPU usage')) throw error;
    }
}

async function encryptedVolume(driver: VolumeDriver, key: Buffer, keyBits: 128 | 256 = 256): Promise<string> {
  const volumeId = randomUUID();
  await driver.createVolume(volumeId, 1, { kind: 'blank' });
  await using access = await driver.open({ volumeId }, 'rw');
  await formatLuks(access, key, keyBits);
  return volumeId;
}

async function readMark(driver: VolumeDriver, volumeId: string, key: Buffer, at = 0): Promise<boolean> {
  await using opened = await openLuks(await driver.open({ volumeId }, 'ro'), key);
  return MARK.equals(await opened.read(at, 512));
}

for (const [name, why, make] of WORLDS)
  describe(`an encrypted volume on ${name}`, { skip: why ?? false, timeout: 120_000 }, () => {
    let world: World;
    const directory = mkdtempSync(join(tmpdir(), 'luks-'));
    before(async () => {
      world = await make(directory);
    });
    after(async () => {
      await world?.end();
      rmSync(directory, { recursive: true, force: true });
    });

    test('keeps what is written, and nobody who has the files reads it', async () => {
      const key = passphrase();
      const volumeId = await encryptedVolume(world.driver, key);
      {
        await using opened = await openLuks(await world.driver.open({ volumeId }, 'rw'), key);
        assert.equal(opened.size, payloadSize(bytesOf(1)));
        await opened.write(0, MARK);
        await opened.write(opened.size - 512, MARK);
        await opened.zero(4096, 3 * 2 ** 20);
        assert.ok((await opened.read(4096, 2 ** 20)).every((byte) => byte === 0));
        await opened.flush();
      }
      assert.ok(await readMark(world.driver, volumeId, key));
      assert.ok(await readMark(world.driver, volumeId, key, payloadSize(bytesOf(1)) - 512));
      const files = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((e) =>
        e.isFile(),
      );
      assert.ok(files.length > 0);
      for (const file of files) {
        const bytes = readFileSync(join(file.parentPath, file.name));
        assert.ok(!bytes.includes(MARK.subarray(0, 28)), `${file.name} shows what was written`);
        assert.ok(!bytes.includes(key), `${file.name} shows the passphrase`);
      }
    });

    test('opens by its own passphrase alone, and formatting it again changes nothing', async () => {
      const key = passphrase();
      const volumeId = await encryptedVolume(world.driver, key, 128);
      {
        await using opened = await openLuks(await world.driver.open({ volumeId }, 'rw'), key);
        await opened.write(0, MARK);
      }
      await using raw = await world.driver.open({ volumeId }, 'rw');
      await assert.rejects(openLuks(raw, passphrase()), closed);
      await formatLuks(raw, key, 128);
      await using opened = await openLuks(raw, key);
      assert.deepEqual(await opened.read(0, 512), MARK);
    });

    test('a clone gets a passphrase of its own, also when the change was cut off', async () => {
      const [old, fresh] = [passphrase(), passphrase()];
      const source = await encryptedVolume(world.driver, old);
      {
        await using opened = await openLuks(await world.driver.open({ volumeId: source }, 'rw'), old);
        await opened.write(8192, MARK);
      }
      const clone = randomUUID();
      await world.driver.createVolume(clone, 1, { kind: 'volume', volumeId: source });
      for (let writes = 0; writes < 4; writes++) {
        await using raw = await world.driver.open({ volumeId: clone }, 'rw');
        let left = writes;
        const dying = async (offset: number, data: Buffer): Promise<void> => {
          if (left-- === 0) throw new Error('killed');
          await raw.write(offset, data);
        };
        await changePassphrase({ ...raw, write: dying }, old, fresh).catch((error: Error) => {
          assert.equal(error.message, 'killed');
        });
      }
      assert.ok(await readMark(world.driver, clone, fresh, 8192));
      await assert.rejects(readMark(world.driver, clone, old, 8192), closed);
      assert.ok(await readMark(world.driver, source, old, 8192), 'the source keeps its own');
      await assert.rejects(readMark(world.driver, source, fresh, 8192), closed);
    });

    test('refuses headers that a guest has put together to make it go astray', async () => {
      const key = passphrase();
      const volumeId = await encryptedVolume(world.driver, key);
      await using raw = await world.driver.open({ volumeId }, 'rw');
      const right = await raw.read(0, HEADER_BYTES);
      assert.ok(readHeader(right));
      for (const [at, value] of [
        [104, 0xffffffff], // payload far away
        [104, 9], // over the slots
        [108, 1], // an impossible key
        [164, 0xffffffff], // years of stretching
        [212, 0xffffffff],
        [212, 0],
        [248, 0], // key material over the header
        [248, 0xffffffff],
      ] as const) {
        const wrong = Buffer.from(right);
        wrong.writeUInt32BE(value, at);
        await raw.write(0, wrong);
        await assert.rejects(openLuks(raw, key), closed, `${value} at ${at}`);
      }
    });
  });

const noQemu = existsSync('/usr/bin/qemu-img') ? whyNoStorageDaemon() : 'not installed: qemu-img';

describe('QEMU and encrypted volumes', { skip: noQemu ?? false, timeout: 120_000 }, () => {
  let world: Awaited<ReturnType<typeof filesWorld>>;
  const directory = mkdtempSync(join(tmpdir(), 'luks-'));
  before(async () => {
    world = await filesWorld(directory);
  });
  after(async () => {
    await world?.end();
    rmSync(directory, { recursive: true, force: true });
  });

  test('reads what was written here, writes what is read here, and wants the right passphrase', async () => {
    const key = passphrase();
    const { driver } = world;
    const volumeId = await encryptedVolume(driver, key);
    {
      await using opened = await openLuks(await driver.open({ volumeId }, 'rw'), key);
      await opened.write(2 ** 20, Buffer.alloc(4096, 0x5a));
    }
    const info = await driver.connect(volumeId, {
      attachmentId: 'a',
      connector: { host: 'h' },
      mode: 'rw',
    });
    assert.ok(info.driver_volume_type === 'nbd' && info.data.socket_path !== undefined);
    const { socket_path, export_name } = info.data;
    const [right, wrong] = [join(directory, 'right'), join(directory, 'wrong')];
    await writeFile(right, key);
    await writeFile(wrong, passphrase());
    const io = async (file: string, ...commands: string[]): Promise<string> => {
      const image = `driver=luks,key-secret=s,file.driver=nbd,file.server.type=unix,file.server.path=${socket_path},file.export=${export_name}`;
      const said = await run(
        'qemu-io',
        [
          '--object',
          `secret,id=s,file=${file}`,
          '--image-opts',
          image,
          ...commands.flatMap((command) => ['-c', command]),
        ],
        { timeout: 30_000 },
      );
      return said.stdout;
    };
    const said = await io(right, `read -P 0x5a ${2 ** 20} 4096`, `write -P 0xa5 ${2 ** 21} 8192`, 'length');
    assert.doesNotMatch(said, /verification failed/i);
    assert.match(said, /1022 MiB/);
    await assert.rejects(io(wrong, 'read 0 512'), /passphrase|password/i);
    await driver.disconnect(volumeId, 'a');
    await using opened = await openLuks(await driver.open({ volumeId }, 'ro'), key);
    assert.ok((await opened.read(2 ** 21, 8192)).every((byte) => byte === 0xa5));
  });

  test('what it has made itself is opened here', async () => {
    const key = passphrase();
    const file = join(directory, 'made-by-qemu');
    await writeFile(join(directory, 'its-key'), key);
    await formatByQemu(file, join(directory, 'its-key'));
    const volumeId = randomUUID();
    await world.driver.createVolume(volumeId, 1, { kind: 'blank' });
    await using raw = await world.driver.open({ volumeId }, 'rw');
    await raw.write(0, readFileSync(file));
    await using opened = await openLuks(raw, key);
    await opened.write(0, MARK);
    assert.deepEqual(await opened.read(0, 512), MARK);
  });
});
