// The client against QEMU's own servers, and against peers that misbehave.
import assert from 'node:assert/strict';
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { NbdClient } from './client.ts';
import { NbdConnectionError, NbdError } from './errors.ts';
import { HANDSHAKE_MAGIC, OPTION_MAGIC } from './protocol.ts';

const MIB = 2 ** 20;
const SIZE = 64 * MIB;

interface Server {
  readonly path: string;
  readonly process: ChildProcess;
}

const servers: Record<string, (dir: string) => { path: string; argv: string[] }> = {
  'qemu-nbd': (dir) => ({
    path: join(dir, 'nbd'),
    argv: [
      'qemu-nbd',
      '-t',
      '-e',
      '8',
      '-k',
      join(dir, 'nbd'),
      '-x',
      'vol',
      '-f',
      'qcow2',
      '--discard=unmap',
      join(dir, 'disk'),
    ],
  }),
  'qemu-storage-daemon': (dir) => ({
    path: join(dir, 'nbd'),
    argv: [
      'qemu-storage-daemon',
      '--blockdev',
      `driver=qcow2,node-name=n,discard=unmap,file.driver=file,file.filename=${join(dir, 'disk')}`,
      '--nbd-server',
      `addr.type=unix,addr.path=${join(dir, 'nbd')}`,
      '--export',
      'type=nbd,id=e,node-name=n,name=vol,writable=on',
    ],
  }),
};

async function start(argv: readonly string[], path: string): Promise<ChildProcess> {
  const child = spawn(argv[0]!, argv.slice(1), { stdio: 'inherit' });
  const deadline = performance.now() + 10_000;
  while (!existsSync(path)) {
    assert.ok(performance.now() < deadline && child.exitCode === null, `${argv[0]} did not start`);
    await delay(5);
  }
  return child;
}

const missing = Object.keys(servers).filter((name) => !existsSync(`/usr/bin/${name}`));
const skip = missing.length > 0 ? `not installed: ${missing.join(', ')}` : false;
if (skip) console.error(`SKIPPED: the NBD client is not tested (${skip})`);

for (const [name, command] of Object.entries(servers)) {
  describe(`NBD client with ${name}`, { skip, timeout: 60_000 }, () => {
    let dir: string;
    let server: Server;
    const connect = () => NbdClient.connect({ address: { path: server.path }, exportName: 'vol' });

    before(async () => {
      dir = mkdtempSync(join(tmpdir(), 'pnbd-'));
      execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', join(dir, 'disk'), String(SIZE)]);
      const { path, argv } = command(dir);
      server = { path, process: await start(argv, path) };
    });
    after(async () => {
      const ended = once(server.process, 'exit');
      server.process.kill('SIGKILL');
      await ended;
      rmSync(dir, { recursive: true });
    });

    test('reads what it wrote, also more than fits one request', async () => {
      await using disk = await connect();
      assert.deepEqual([disk.size, disk.readOnly], [SIZE, false]);
      const bytes = randomBytes(40 * MIB);
      await disk.write(512, bytes);
      await disk.flush();
      await using other = await connect();
      assert.ok((await other.read(512, bytes.length)).equals(bytes));
      assert.ok((await other.read(0, 512)).equals(Buffer.alloc(512)));
      assert.equal((await other.read(0, 0)).length, 0);
    });

    test('zeroes and trims, and tells what is allocated', async () => {
      await using disk = await connect();
      await disk.writeZeroes(0, SIZE);
      await disk.write(8 * MIB, Buffer.alloc(MIB, 1), { durable: true });
      const ranges = [];
      for (let at = 0; at < SIZE;) {
        for (const range of await disk.allocation(at, SIZE - at)) {
          ranges.push({ at, ...range });
          at += range.length;
        }
      }
      const data = ranges.filter(({ zero }) => !zero);
      assert.deepEqual(
        data.map(({ at, length, hole }) => ({ at, length, hole })),
        [{ at: 8 * MIB, length: MIB, hole: false }],
      );
      await disk.trim(8 * MIB, MIB);
      assert.ok((await disk.allocation(8 * MIB, MIB))[0]?.hole);
    });

    test('has many requests under way, and answers each with its own bytes', async () => {
      await using disk = await NbdClient.connect({
        address: { path: server.path },
        exportName: 'vol',
        maxInFlight: 7,
      });
      const blocks = Array.from({ length: 200 }, (_, i) => Buffer.alloc(4096, i + 1));
      await Promise.all(blocks.map((block, i) => disk.write(i * 4096, block)));
      const read = await Promise.all(blocks.map((_, i) => disk.read(i * 4096, 4096)));
      assert.ok(read.every((block, i) => block.equals(blocks[i]!)));
    });

    test('refuses what lies outside, and an export that is not there', async () => {
      await using disk = await connect();
      const code = (wanted: string) => (error: unknown) => error instanceof NbdError && error.code === wanted;
      await assert.rejects(disk.read(SIZE - 1, 2), code('EINVAL'));
      await assert.rejects(disk.write(-1, Buffer.alloc(1)), code('EINVAL'));
      const other = NbdClient.connect({ address: { path: server.path }, exportName: '../vol' });
      await assert.rejects(other, code('no-export'));
    });

    test('fails what is under way when the connection ends', async () => {
      const disk = await connect();
      const reading = disk.read(0, MIB);
      await disk.close();
      await assert.rejects(
        reading,
        (error) => error instanceof NbdConnectionError && error.code === 'closed',
      );
      await assert.rejects(disk.flush(), NbdConnectionError);
      assert.equal((await disk.closed).code, 'closed');
    });
  });
}

describe('NBD client with a peer that misbehaves', { timeout: 20_000 }, () => {
  async function withPeer(
    answer: (socket: Socket) => void,
    act: (port: number) => Promise<void>,
  ): Promise<void> {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket.on('error', () => undefined));
      answer(socket);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    try {
      await act(typeof address === 'object' ? (address?.port ?? 0) : 0);
    } finally {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    }
  }
  const connect = (port: number) =>
    NbdClient.connect({ address: { host: '127.0.0.1', port }, exportName: 'vol', connectTimeoutMs: 200 });
  const failing = (code: string) => (error: unknown) =>
    error instanceof NbdConnectionError && error.code === code;

  test('gives up on one that says nothing', async () => {
    await withPeer(
      () => undefined,
      async (port) => assert.rejects(connect(port), failing('timeout')),
    );
  });

  test('refuses one that speaks something else', async () => {
    await withPeer(
      (socket) => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'),
      async (port) => assert.rejects(connect(port), failing('protocol')),
    );
  });

  test('does not believe in a reply of gigabytes', async () => {
    const greeting = Buffer.alloc(18);
    greeting.writeBigUInt64BE(HANDSHAKE_MAGIC, 0);
    greeting.writeBigUInt64BE(OPTION_MAGIC, 8);
    greeting.writeUInt16BE(3, 16);
    const reply = Buffer.from('0003e889045565a9' + '00000008' + '00000001' + 'ffffffff', 'hex');
    await withPeer(
      (socket) => socket.write(Buffer.concat([greeting, reply])),
      async (port) => assert.rejects(connect(port), failing('protocol')),
    );
  });

  test('says refused when nobody listens', async () => {
    const path = join(tmpdir(), `none-${randomBytes(4).toString('hex')}`);
    await assert.rejects(NbdClient.connect({ address: { path }, exportName: 'vol' }), failing('refused'));
  });
});
