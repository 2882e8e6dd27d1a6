// Disks between hosts that are on this machine: their files are in reach, holes stay holes.
import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { runCommand } from '#platform/supervise/run-command.ts';
import type { DiskCarrier } from './port.ts';

const CARRY_DEADLINE_MS = 1_800_000;
const BLOCK = 512; // what st_blocks counts

/** @param directoryOf the data directory of a host; undefined for one that is not on this machine */
export function createLocalCarrier(
  ownHost: string,
  directoryOf: (host: string) => string | undefined,
): DiskCarrier {
  return {
    carry: async ({ from, toHost, to, format }, signal) => {
      const directory = directoryOf(toHost);
      if (directory === undefined) throw new Error(`host ${toHost} is not on this machine`);
      const target = join(directory, to);
      const part = `${target}.part`;
      await mkdir(dirname(target), { recursive: true, mode: 0o700 });
      // On its own host a disk finds the image below it where it was.
      const whole = format === 'qcow2' && toHost !== ownHost;
      try {
        await runCommand(
          whole
            ? ['qemu-img', 'convert', '-q', '-f', 'qcow2', '-O', 'qcow2', from, part]
            : ['cp', '--reflink=auto', '--sparse=always', '--', from, part],
          { deadlineMs: CARRY_DEADLINE_MS, signal },
        );
        await flush(part);
        await rename(part, target);
        await flush(dirname(target));
      } catch (error) {
        await rm(part, { force: true });
        throw error;
      }
      return (await stat(target)).blocks * BLOCK;
    },
  };
}

/** The disk that was carried may be removed soon: a machine that loses its power then must have this one. */
async function flush(path: string): Promise<void> {
  await using file = await open(path);
  await file.sync();
}
