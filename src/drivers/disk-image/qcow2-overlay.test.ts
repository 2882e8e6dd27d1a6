// Proves our overlays with QEMU's own tools.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { writeOverlay } from './qcow2-overlay.ts';

function qemuImg(...args: string[]): string {
  return execFileSync('qemu-img', args, { encoding: 'utf8' });
}

for (const gib of [1, 80, 3000]) {
  test(`qemu-img finds no fault in an overlay of ${gib} GiB and sees its backing file`, async (t) => {
    const dir = mkdtempSync(join(tmpdir(), 'overlay-'));
    t.after(() => rmSync(dir, { recursive: true }));
    const base = join(dir, 'base');
    writeFileSync(base, Buffer.alloc(1024 * 1024, 'pattern!'));
    const path = join(dir, 'disk');
    await writeOverlay({ path, virtualSize: gib * 2 ** 30, backing: { path: base, format: 'raw' } });
    const info = JSON.parse(qemuImg('info', '--output=json', path)) as Record<string, unknown>;
    assert.equal(info['virtual-size'], gib * 2 ** 30);
    assert.equal(info['backing-filename'], base);
    assert.equal(info['backing-filename-format'], 'raw');
    assert.match(qemuImg('check', path), /No errors/);
  });
}

test('reads show the backing file, writes stay in the overlay', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'overlay-'));
  t.after(() => rmSync(dir, { recursive: true }));
  const base = join(dir, 'base');
  writeFileSync(base, Buffer.alloc(65536, 0x5a));
  const path = join(dir, 'disk');
  await writeOverlay({ path, virtualSize: 2 ** 20, backing: { path: base, format: 'raw' } });
  const io = (command: string): string =>
    execFileSync('qemu-io', ['-f', 'qcow2', '-c', command, path], { encoding: 'utf8' });
  assert.doesNotMatch(io('read -P 0x5a 0 65536'), /failed/);
  assert.doesNotMatch(io('write -P 0x11 4096 4096'), /failed/);
  assert.doesNotMatch(io('read -P 0x11 4096 4096'), /failed/);
  assert.match(qemuImg('check', path), /No errors/);
});
