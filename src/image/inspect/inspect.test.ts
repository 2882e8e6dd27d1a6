// What disk images really are: files made by qemu-img and by hand, honest and hostile.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { inspectBytes, inspectImage, refusalOf, type Inspection } from './inspect.ts';

async function inspectFile(path: string): Promise<Inspection> {
  const { size } = await stat(path);
  return inspectImage(async (range) => createReadStream(path, range), size);
}

const run = promisify(execFile);
const MIB = 1 << 20;
let dir: string;
before(async () => void (dir = await mkdtemp(join(tmpdir(), 'pileus-inspect-'))));
after(async () => rm(dir, { recursive: true, force: true }));

async function qemuImg(name: string, ...args: string[]): Promise<string> {
  const path = join(dir, name);
  await run('qemu-img', ['create', '-q', ...args, path, '3M']);
  return path;
}

function refusal(
  declared: string,
  head: Buffer,
  tail: Buffer = head.subarray(-512),
  size = head.length,
): string | undefined {
  return refusalOf(declared, inspectBytes(head, tail, size));
}

for (const [declared, args] of [
  ['qcow2', ['-f', 'qcow2']],
  ['qcow2', ['-f', 'qcow2', '-o', 'compat=0.10']],
  ['qcow2', ['-f', 'qcow2', '-o', 'compression_type=zstd,extended_l2=on']],
  ['vmdk', ['-f', 'vmdk']],
  ['vmdk', ['-f', 'vmdk', '-o', 'subformat=streamOptimized']],
  ['vdi', ['-f', 'vdi']],
  ['vhd', ['-f', 'vpc', '-o', 'force_size=on']],
  ['vhd', ['-f', 'vpc', '-o', 'subformat=fixed,force_size=on']],
  ['raw', ['-f', 'raw']],
] as const) {
  test(`takes ${declared} made with ${args.join(' ')}`, async () => {
    const path = await qemuImg(`good-${args.join('')}`.replaceAll(/[^a-z0-9]/gi, ''), ...args);
    const inspection = await inspectFile(path);
    assert.equal(refusalOf(declared, inspection), undefined);
    assert.equal(inspection.virtualSize, 3 * MIB);
  });
}

test('takes VHDX', async () => {
  assert.equal(refusalOf('vhdx', await inspectFile(await qemuImg('good.vhdx', '-f', 'vhdx'))), undefined);
});

test('refuses qcow2 with a backing file, with or without an absolute path', async () => {
  const base = await qemuImg('base.qcow2', '-f', 'qcow2');
  for (const backing of [base, '/etc/passwd', 'base.qcow2']) {
    const path = await qemuImg('backed.qcow2', '-f', 'qcow2', '-u', '-b', backing, '-F', 'raw');
    assert.match(refusalOf('qcow2', await inspectFile(path)) ?? '', /backing file/);
  }
});

test('refuses qcow2 that keeps its data in another file', async () => {
  const path = await qemuImg(
    'outside.qcow2',
    '-f',
    'qcow2',
    '-o',
    `data_file=${join(dir, 'data.raw')},data_file_raw=on`,
  );
  assert.match(refusalOf('qcow2', await inspectFile(path)) ?? '', /another file/);
});

test('refuses qcow2 of versions and features that it does not know', async () => {
  const good = await readFile(await qemuImg('patched.qcow2', '-f', 'qcow2'));
  const version = Buffer.from(good);
  version.writeUInt32BE(4, 4);
  assert.match(refusal('qcow2', version) ?? '', /version 4/);
  const feature = Buffer.from(good);
  feature.writeBigUInt64BE(1n << 40n, 72);
  assert.match(refusal('qcow2', feature) ?? '', /features/);
  assert.match(refusal('qcow2', good.subarray(0, 40)) ?? '', /./);
});

test('refuses VMDK whose extents are other files', async () => {
  for (const subformat of ['monolithicFlat', 'twoGbMaxExtentSparse', 'twoGbMaxExtentFlat']) {
    const path = await qemuImg(`${subformat}.vmdk`, '-f', 'vmdk', '-o', `subformat=${subformat}`);
    assert.match(refusalOf('vmdk', await inspectFile(path)) ?? '', /other files/, subformat);
  }
  const base = await qemuImg('base.vmdk', '-f', 'vmdk');
  const path = await qemuImg('backed.vmdk', '-f', 'vmdk', '-b', base, '-F', 'vmdk');
  assert.match(refusalOf('vmdk', await inspectFile(path)) ?? '', /parent/);
});

test('refuses VMDK with a descriptor changed by hand', async () => {
  const good = await readFile(await qemuImg('hand.vmdk', '-f', 'vmdk'));
  const at = good.indexOf('RW ');
  const line = good.toString('latin1', at, good.indexOf('\n', at));
  for (const evil of ['RW 1 FLAT "/etc/passwd" 0', 'RW 1 SPARSE "../../secret"', 'RW 1 FLAT "passwd" 0']) {
    const bytes = Buffer.from(good);
    bytes.write(evil.padEnd(line.length, ' ').slice(0, Math.max(line.length, evil.length)), at, 'latin1');
    assert.match(refusal('vmdk', bytes) ?? '', /other files/, evil);
  }
  const bare = Buffer.from(good);
  bare.writeBigUInt64LE(0n, 12); // no capacity: QEMU would read it as a descriptor of files
  assert.notEqual(refusal('vmdk', bare), undefined);
  const far = Buffer.from(good);
  far.writeBigUInt64LE(1n << 50n, 28); // the descriptor is said to be where nobody looks
  assert.notEqual(refusal('vmdk', far), undefined);
});

test('refuses VMDK descriptors in disguise, and disks larger than any', async () => {
  for (const text of [
    '# note\n\nversion=1\nRW 1 FLAT "/etc/passwd" 0\n',
    '# Disk DescriptorFile\nversion=1\n',
    'COWD....',
  ]) {
    for (const declared of ['raw', 'vmdk'])
      assert.notEqual(refusal(declared, Buffer.from(text)), undefined, text);
  }
  const huge = await readFile(await qemuImg('huge.qcow2', '-f', 'qcow2'));
  huge.writeBigUInt64BE(2n ** 63n, 24);
  assert.match(refusal('qcow2', huge) ?? '', /larger/);
});

test('refuses VHD and VDI that are a difference to a parent', async () => {
  const vhd = await readFile(await qemuImg('parent.vhd', '-f', 'vpc'));
  vhd.writeUInt32BE(4, 60);
  assert.match(refusal('vhd', vhd) ?? '', /parent/);
  const vdi = await readFile(await qemuImg('parent.vdi', '-f', 'vdi'));
  vdi.writeUInt32LE(4, 76);
  assert.match(refusal('vdi', vdi) ?? '', /parent/);
});

test('refuses a file that is not what it says', async () => {
  const qcow2 = await readFile(await qemuImg('liar.qcow2', '-f', 'qcow2'));
  for (const declared of ['raw', 'vmdk', 'iso', 'vhd', 'vdi', 'ami', 'aki', 'ari']) {
    assert.match(refusal(declared, qcow2) ?? '', /qcow2/, declared);
  }
  const text = Buffer.from('hello, I am not a disk');
  for (const declared of ['qcow2', 'vmdk', 'vhd', 'vhdx', 'vdi', 'iso'])
    assert.notEqual(refusal(declared, text), undefined);
  assert.equal(refusal('raw', text), undefined);
  assert.equal(refusal('aki', text), undefined);
});

test('refuses QED, and looks at files of any length without falling over', async () => {
  assert.match(refusalOf('raw', await inspectFile(await qemuImg('old.qed', '-f', 'qed'))) ?? '', /qed/);
  for (const magic of [
    '',
    'Q',
    'QFI\u00fb',
    'KDMV',
    'vhdxfile',
    'conectix',
    'QED\0',
    '# Disk DescriptorFile',
    'LUKS\u00ba\u00be',
  ]) {
    const path = join(dir, 'short');
    await writeFile(path, Buffer.from(magic, 'latin1'));
    await inspectFile(path);
  }
});

test('tells ISO images, also as raw', async () => {
  const iso = Buffer.alloc(40_000);
  iso.write('CD001', 32_769, 'latin1');
  assert.equal(refusal('iso', iso), undefined);
  assert.equal(refusal('raw', iso), undefined);
  assert.notEqual(refusal('iso', Buffer.alloc(40_000)), undefined);
});
