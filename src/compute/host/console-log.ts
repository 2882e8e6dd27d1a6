// The serial console's log of a guest: the guest writes it, so its size is bounded and only its end is read.
import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** As much of the log as one answer holds, and as is kept when it is cut. */
const TAIL_BYTES = 1024 * 1024;
/** Larger logs are cut at the next audit; a guest writes some megabytes between two of them at most. */
const LIMIT_BYTES = 16 * 1024 * 1024;

/** The last MiB; empty when there is no log. */
export async function readConsoleTail(path: string): Promise<Buffer> {
  try {
    await using handle = await open(path, 'r');
    const { size } = await handle.stat();
    const bytes = Buffer.alloc(Math.min(size, TAIL_BYTES));
    const { bytesRead } = await handle.read(bytes, 0, bytes.length, size - bytes.length);
    return bytes.subarray(0, bytesRead);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return Buffer.alloc(0);
    throw error;
  }
}

/** Cuts the logs in `instancesDir` that are too large to their end. QEMU appends, so it goes on behind what is kept. */
export async function boundConsoleLogs(instancesDir: string, limitBytes = LIMIT_BYTES): Promise<void> {
  for (const name of await readdir(instancesDir).catch(() => [])) {
    const path = join(instancesDir, name, 'console.log');
    const found = await stat(path).catch(() => undefined);
    if (!found || found.size <= limitBytes) continue;
    const tail = await readConsoleTail(path);
    await using handle = await open(path, 'r+');
    await handle.truncate(0);
    await handle.write(tail, 0, tail.length, 0);
  }
}
