// Composes the self-booting disk: MBR, a FAT partition with syslinux, kernel and initrd, and the root partition.
// mtools and syslinux write into plain files, so no mount and no root is needed. Called by build.ts.

import { open, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import path from 'node:path';

import { DemoImageError } from './errors.ts';
import { runTool } from './run-tool.ts';

export type BootDiskParts = {
  readonly target: string;
  readonly work: string;
  readonly kernel: string;
  readonly initrd: string;
  readonly root: string;
  readonly kernelArgs: string;
  readonly signal: AbortSignal | undefined;
};

const sectorBytes = 512;
const mebibyte = 1024 * 1024;
/** Both partitions start on a whole MiB, as partitioning tools expect. */
const bootStart = mebibyte;
const mbrCode = ['/usr/lib/syslinux/mbr/mbr.bin', '/usr/share/syslinux/mbr.bin'];

export async function bootDisk(parts: BootDiskParts): Promise<void> {
  const { signal } = parts;
  const needed = (await stat(parts.kernel)).size + (await stat(parts.initrd)).size;
  // Room for the FAT itself and the files of syslinux.
  const bootBytes = Math.ceil(needed / mebibyte + 2) * mebibyte;
  const fat = path.join(parts.work, 'boot.fat');
  await makeBootPartition(fat, bootBytes, parts);

  const rootStart = bootStart + bootBytes;
  const rootBytes = (await stat(parts.root)).size;
  const partial = `${parts.target}.partial`;
  const disk = await open(partial, 'w');
  try {
    await disk.truncate(rootStart + rootBytes);
    await disk.write(await masterBootRecord(bootBytes, rootStart, rootBytes), 0, sectorBytes, 0);
    const boot = await readFile(fat);
    await disk.write(boot, 0, boot.length, bootStart);
    const root = await readFile(parts.root);
    await disk.write(root, 0, root.length, rootStart);
  } finally {
    await disk.close();
  }
  await runTool('syslinux', ['-t', String(bootStart), '--install', partial], {
    signal,
    env: { MTOOLS_SKIP_CHECK: '1' },
  });
  await rename(partial, parts.target);
}

async function makeBootPartition(fat: string, bytes: number, parts: BootDiskParts): Promise<void> {
  const { signal } = parts;
  const config = path.join(parts.work, 'syslinux.cfg');
  await writeFile(
    config,
    `DEFAULT pileus\nPROMPT 0\nNOESCAPE 1\nLABEL pileus\n  KERNEL vmlinuz\n  INITRD initrd\n  APPEND ${parts.kernelArgs}\n`,
  );
  const sectors = bytes / sectorBytes;
  const hidden = bootStart / sectorBytes;
  const empty = await open(fat, 'w');
  await empty.truncate(bytes);
  await empty.close();
  await runTool(
    'mformat',
    [
      '-i',
      fat,
      '-T',
      String(sectors),
      '-h',
      '16',
      '-s',
      '63',
      '-H',
      String(hidden),
      '-c',
      '8',
      '-v',
      'PILEUS',
      '::',
    ],
    { signal },
  );
  await runTool('mcopy', ['-i', fat, config, '::syslinux.cfg'], { signal });
  await runTool('mcopy', ['-i', fat, parts.kernel, '::vmlinuz'], { signal });
  await runTool('mcopy', ['-i', fat, parts.initrd, '::initrd'], { signal });
}

async function masterBootRecord(bootBytes: number, rootStart: number, rootBytes: number): Promise<Buffer> {
  const file = mbrCode.find((candidate) => existsSync(candidate));
  if (file === undefined) {
    throw new DemoImageError(
      'input-missing',
      'mbr.bin of syslinux is not there: install the Debian package syslinux-common',
    );
  }
  const record = Buffer.alloc(sectorBytes);
  (await readFile(file)).copy(record, 0, 0, 440);
  partition(record, 0, { active: true, type: 0x0e, start: bootStart, bytes: bootBytes });
  partition(record, 1, { active: false, type: 0x83, start: rootStart, bytes: rootBytes });
  record.writeUInt16LE(0xaa55, 510);
  return record;
}

type Partition = {
  readonly active: boolean;
  readonly type: number;
  readonly start: number;
  readonly bytes: number;
};

/** One of the four entries at 446: flag, first CHS, type, last CHS, start and length in sectors. */
function partition(record: Buffer, index: number, { active, type, start, bytes }: Partition): void {
  const offset = 446 + index * 16;
  record.writeUInt8(active ? 0x80 : 0, offset);
  // Cylinder addresses are given as "beyond": every reader of today goes by the sector numbers.
  record.writeUIntBE(0xfeffff, offset + 1, 3);
  record.writeUInt8(type, offset + 4);
  record.writeUIntBE(0xfeffff, offset + 5, 3);
  record.writeUInt32LE(start / sectorBytes, offset + 8);
  record.writeUInt32LE(bytes / sectorBytes, offset + 12);
}
