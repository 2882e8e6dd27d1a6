// The image of the simulated cloud's demo guest: a valid, empty qcow2 disk of 64 MiB. Nothing boots from it.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeOverlay } from '#drivers/disk-image/qcow2-overlay.ts';

const SIZE = 64 * 2 ** 20;

export async function emptyQcow2(): Promise<Buffer> {
  const dir = await mkdtemp(join(tmpdir(), 'pileus-sim-'));
  try {
    await writeOverlay({ path: join(dir, 'disk'), virtualSize: SIZE });
    return await readFile(join(dir, 'disk'));
  } finally {
    await rm(dir, { recursive: true });
  }
}
