// The file store: one file an upload, in a directory of the service's own. Streams both ways, in constant memory.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, rename, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { finished, Transform, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { pathToFileURL } from 'node:url';
import { DomainError } from '#platform/errors/domain-error.ts';
import { TooLarge } from '../errors.ts';

export interface StoredData {
  /** Bytes. */
  readonly size: number;
  readonly md5: string;
  readonly sha512: string;
}

export interface WriteOptions {
  /** A UUID of the caller's: recorded before, so that a crash leaves no file that nobody knows. */
  readonly name: string;
  readonly maxBytes: number;
  /** A sender that sends nothing for this long is given up. */
  readonly idleMs: number;
  readonly signal?: AbortSignal;
}

export interface ImageStore {
  /** Takes the stream to its end. What was written goes when it fails. @throws TooLarge, or what the stream fails with */
  write(from: Readable, options: WriteOptions): Promise<StoredData>;
  /** `end` is inclusive, as in a range header. */
  read(name: string, range?: { start: number; end: number }): Readable;
  /** The file's path, for a look at its format. Never leaves the service but as `url`. */
  path(name: string): string;
  /** `file:///…`, for services of the cloud on the same file system. */
  url(name: string): string;
  /** May be repeated. */
  remove(name: string): Promise<void>;
  /** Names of what is there, half-written too. */
  list(): Promise<string[]>;
  /** Bytes that the file system can still take. */
  free(): Promise<number>;
}

const NAME = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const CHUNK = 1 << 18; // more is no faster, and each reader holds two of them

export async function createFileStore(dir: string): Promise<ImageStore> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const path = (name: string): string => {
    if (!NAME.test(name)) throw new RangeError(`${JSON.stringify(name)} is no name in the store`);
    return join(dir, name);
  };
  return {
    path,
    url: (name) => pathToFileURL(path(name)).href,
    read: (name, range) => createReadStream(path(name), { highWaterMark: CHUNK, ...range }),
    remove: async (name) => {
      await rm(path(name), { force: true });
      await rm(`${path(name)}.part`, { force: true });
    },
    write: async (from, { name, maxBytes, idleMs, signal }) => {
      const part = `${path(name)}.part`;
      from.on('error', () => undefined); // it may break before and after it is read here
      const idle = new AbortController();
      const timer = setTimeout(() => idle.abort(new SenderIdle(idleMs)), idleMs);
      const meter = new Meter(maxBytes, () => timer.refresh());
      try {
        // Opened before anything can fail, so that no file appears after `rm` below has looked for it.
        await using handle = await open(part, 'wx', 0o600);
        feed(from, meter);
        await pipeline(meter, handle.createWriteStream({ highWaterMark: CHUNK, flush: true }), {
          signal: signal ? AbortSignal.any([signal, idle.signal]) : idle.signal,
        });
        await rename(part, path(name));
        return meter.result();
      } catch (error) {
        await rm(part, { force: true });
        if (idle.signal.aborted) throw idle.signal.reason;
        throw isFull(error)
          ? new TooLarge('There is not enough room for the image in the store.', 'store-full')
          : error;
      } finally {
        clearTimeout(timer);
      }
    },
    list: async () => {
      const names = await readdir(dir);
      return [...new Set(names.map((name) => name.replace(/\.part$/, '')))].filter((name) => NAME.test(name));
    },
    free: async () => {
      const { bavail, bsize } = await statfs(dir);
      return bavail * bsize;
    },
  };
}

/**
 * As `pipe`, and what ends the source early ends `into`. The source stays open when `into` fails: the caller may still have
 * to answer on the same connection.
 */
function feed(from: Readable, into: Transform): void {
  const forget = finished(from, { writable: false }, (error) => {
    if (error) into.destroy(error);
  });
  into.once('close', () => {
    forget();
    from.unpipe(into);
  });
  from.pipe(into);
}

class SenderIdle extends DomainError {
  constructor(idleMs: number) {
    super('bad-request', 'sender-idle', `No data came for ${idleMs / 1000} s: the upload was given up.`);
  }
}

function isFull(error: unknown): boolean {
  const { code } = error as { code?: string };
  return code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG';
}

/** Counts and hashes what passes through, and stops what is too large. */
class Meter extends Transform {
  readonly #max: number;
  readonly #md5 = createHash('md5');
  readonly #sha512 = createHash('sha512');
  readonly #alive: () => void;
  #size = 0;

  constructor(max: number, alive: () => void) {
    super({ highWaterMark: CHUNK });
    this.#max = max;
    this.#alive = alive;
  }

  override _transform(
    chunk: Buffer,
    _encoding: string,
    done: (error: Error | null, data?: Buffer) => void,
  ): void {
    this.#alive();
    this.#size += chunk.length;
    if (this.#size > this.#max) {
      return done(
        new TooLarge(`The image is larger than the limit of ${this.#max} bytes.`, 'image-too-large'),
      );
    }
    this.#md5.update(chunk);
    this.#sha512.update(chunk);
    done(null, chunk);
  }

  result(): StoredData {
    return { size: this.#size, md5: this.#md5.digest('hex'), sha512: this.#sha512.digest('hex') };
  }
}
