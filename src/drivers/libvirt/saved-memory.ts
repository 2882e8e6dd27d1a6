// Files with the memory of suspended servers, one a server. Used by real.ts.
import { mkdir, open, rename, rm } from 'node:fs/promises';
import path from 'node:path';

/** First bytes of a file that libvirt finished; while it writes, they are others. */
const COMPLETE = 'LibvirtQemudSave';

/**
 * A memory image may be brought back once: brought back later, over disks that changed since, it corrupts them.
 * So it is renamed before it is used, and a name that was renamed is never used again.
 */
export class SavedMemory {
  readonly #dir: string;

  constructor(dir: string) {
    this.#dir = dir;
  }

  async prepare(): Promise<void> {
    await mkdir(this.#dir, { recursive: true, mode: 0o700 });
  }

  path(id: string): string {
    return path.join(this.#dir, `${id}.memory`);
  }

  async exists(id: string): Promise<boolean> {
    try {
      await using file = await open(this.path(id), 'r');
      const { buffer, bytesRead } = await file.read(Buffer.alloc(COMPLETE.length), 0, COMPLETE.length, 0);
      return buffer.toString('latin1', 0, bytesRead) === COMPLETE;
    } catch (error) {
      if (isAbsent(error)) return false;
      throw error;
    }
  }

  /** Takes the image out of use and returns where it is now. */
  async claim(id: string): Promise<string> {
    const claimed = this.#claimedPath(id);
    await rename(this.path(id), claimed);
    return claimed;
  }

  /** For an image that was claimed and certainly not used. */
  async unclaim(id: string): Promise<void> {
    await rename(this.#claimedPath(id), this.path(id));
  }

  async remove(id: string): Promise<void> {
    await rm(this.path(id), { force: true });
    await rm(this.#claimedPath(id), { force: true });
  }

  #claimedPath(id: string): string {
    return path.join(this.#dir, `${id}.memory-in-use`);
  }
}

function isAbsent(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
