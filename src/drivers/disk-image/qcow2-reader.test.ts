// The reader of uploaded qcow2 images: what QEMU writes is read, and what lies is refused.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openQcow2 } from './qcow2-reader.ts';

const QEMU_IMG = '/usr/bin/qemu-img';
const MIB = 2 ** 20;

async function contentOf(path: string): Promise<Buffer> {
  await using file = await open(path);
  const image = await openQcow2(file);
  const content = Buffer.alloc(image.virtualSize);
  for await (const { offset, data } of image.pieces()) data.copy(content, offset);
  return content;
}

for (const options of [
  [],
  ['-c'],
  ['-c', '-o', 'compression_type=zstd'],
  ['-o', 'compat=0.10'],
  ['-o', 'cluster_size=512'],
]) {
  test(
    `reads what qemu-img writes with ${options.join(' ') || 'no options'}`,
    { skip: !existsSync(QEMU_IMG) && 'qemu-img is not installed' },
    async () => {
      const dir = await mkdtemp(join(tmpdir(), 'pileus-qcow2-'));
      const raw = Buffer.alloc(3 * MIB + 512);
      crypto.getRandomValues(raw.subarray(100_000, 160_000));
      raw.fill('pattern', 2 * MIB, 2 * MIB + 200_000);
      await writeFile(join(dir, 'raw'), raw);
      execFileSync(QEMU_IMG, [
        'convert',
        '-f',
        'raw',
        '-O',
        'qcow2',
        ...options,
        join(dir, 'raw'),
        join(dir, 'qcow2'),
      ]);
      assert.ok((await contentOf(join(dir, 'qcow2'))).equals(raw));
      await rm(dir, { recursive: true });
    },
  );
}

function header(change: (head: Buffer) => void): Buffer {
  const head = Buffer.alloc(104);
  head.writeUInt32BE(0x51_46_49_fb, 0);
  head.writeUInt32BE(3, 4);
  head.writeUInt32BE(16, 20);
  head.writeBigUInt64BE(BigInt(MIB), 24);
  head.writeUInt32BE(1, 36);
  head.writeBigUInt64BE(96n, 40);
  change(head);
  return head;
}

for (const [what, bytes] of [
  ['no qcow2', Buffer.alloc(512)],
  ['a backing file', header((head) => head.writeBigUInt64BE(8n, 8))],
  ['an external data file', header((head) => head.writeBigUInt64BE(4n, 72))],
  ['huge tables', header((head) => head.writeUInt32BE(0xff_ff_ff_ff, 36))],
  ['clusters of no size', header((head) => head.writeUInt32BE(63, 20))],
  ['tables beyond its end', header((head) => head.writeBigUInt64BE(1n << 40n, 40))],
  ['encryption', header((head) => head.writeUInt32BE(1, 32))],
] as const) {
  test(`refuses an image with ${what}`, async () => {
    const dir = await mkdtemp(join(tmpdir(), 'pileus-qcow2-'));
    await writeFile(join(dir, 'image'), bytes);
    await assert.rejects(contentOf(join(dir, 'image')), { code: 'unreadable-qcow2' });
    await rm(dir, { recursive: true });
  });
}
