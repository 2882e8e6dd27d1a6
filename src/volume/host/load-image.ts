// Writes an image into a volume: verified while it is read, with holes left out. raw is written as it comes; qcow2, which is
// read out of order, comes to a file of the service's own first unless it lies on this machine.
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, open, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Transform, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { openQcow2 } from '#drivers/disk-image/qcow2-reader.ts';
import type { BlockAccess } from '#drivers/volume/port.ts';
import type { Image } from '#platform/clients/image.ts';
import { DomainError } from '#platform/errors/domain-error.ts';

/** The image can't be put on a volume. The message is for its owner. */
export class ImageUnusable extends DomainError {
  constructor(imageId: string, why: string) {
    super('bad-request', 'image-unusable', `Image ${imageId} can't be put on a volume: ${why}.`);
  }
}

export interface ImageLoad {
  readonly image: Image;
  /** Where its data is, when that is known. */
  readonly location: string | undefined;
  /** Opens the image's bytes at the image service. */
  readonly openData: () => Promise<Readable>;
  readonly access: BlockAccess;
  /** What is not written reads as noise: the image's zeros are written too. */
  readonly fillHoles?: boolean;
  /** A directory of the service's own for what is read out of order. */
  readonly spoolDir: string;
  readonly signal: AbortSignal;
}

const CHUNK = 2 ** 20; // larger: more memory a load; smaller: more requests to the backend
const SECTOR = 512;
const RAW_FORMATS = ['raw', 'iso', 'ami', 'ari', 'aki'];

/** Of volumes that hold zeros, or with `fillHoles`. @returns bytes written @throws ImageUnusable */
export async function loadImage(load: ImageLoad): Promise<number> {
  const { image, access } = load;
  if (image.container_format !== null && !['bare', 'ami', 'ari', 'aki'].includes(image.container_format))
    throw new ImageUnusable(image.id, `its container format is ${image.container_format}`);
  const format = image.disk_format ?? 'raw';
  const isRaw = RAW_FORMATS.includes(format);
  if (!isRaw && format !== 'qcow2')
    throw new ImageUnusable(image.id, `its format is ${format}, not raw or qcow2`);
  const writer = new SparseWriter(access, image.id, load.fillHoles ?? false);
  if (isRaw) await pipeline(await load.openData(), verifier(image), writer.sink(), { signal: load.signal });
  else await loadQcow2(load, writer);
  await access.flush();
  return writer.written;
}

async function loadQcow2(load: ImageLoad, writer: SparseWriter): Promise<void> {
  const here = await localFile(load.location);
  const path = here ?? (await spool(load));
  try {
    await using file = await open(path, 'r');
    const image = await openQcow2(file);
    writer.assertFits(image.virtualSize);
    for await (const { offset, data } of image.pieces(load.signal)) await writer.write(offset, data);
    await writer.fillTo(image.virtualSize);
  } finally {
    if (here === undefined) await rm(path, { force: true });
  }
}

async function localFile(location: string | undefined): Promise<string | undefined> {
  if (!location?.startsWith('file://')) return undefined;
  const path = fileURLToPath(location);
  return (await stat(path).catch(() => undefined))?.isFile() ? path : undefined;
}

async function spool({ image, openData, spoolDir, signal }: ImageLoad): Promise<string> {
  await mkdir(spoolDir, { recursive: true, mode: 0o700 });
  const path = join(spoolDir, crypto.randomUUID());
  try {
    await pipeline(await openData(), verifier(image), createWriteStream(path, { mode: 0o600 }), { signal });
    return path;
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  }
}

/** Lets bytes through, and fails at their end unless they are those that the image service says. */
function verifier({ id, size, os_hash_algo, os_hash_value }: Image): Transform {
  const hash = os_hash_algo === null ? undefined : createHash(os_hash_algo);
  let bytes = 0;
  return new Transform({
    transform: (chunk: Buffer, _encoding, done) => {
      bytes += chunk.length;
      hash?.update(chunk);
      done(size !== null && bytes > size ? new ImageUnusable(id, 'it is longer than it says') : null, chunk);
    },
    flush: (done) => {
      if (size !== null && bytes !== size) return done(new ImageUnusable(id, 'it is shorter than it says'));
      const actual = hash?.digest('hex');
      done(actual === (os_hash_value ?? undefined) ? null : new ImageUnusable(id, 'its checksum is wrong'));
    },
  });
}

/** Writes in large pieces that begin and end at sectors, in order, and leaves zeros out where the volume has them. */
class SparseWriter {
  readonly #access: BlockAccess;
  readonly #imageId: string;
  readonly #fillHoles: boolean;
  /** Where what is not written yet begins. */
  #end = 0;
  written = 0;

  constructor(access: BlockAccess, imageId: string, fillHoles: boolean) {
    this.#access = access;
    this.#imageId = imageId;
    this.#fillHoles = fillHoles;
  }

  /** @throws ImageUnusable */
  assertFits(bytes: number): void {
    if (bytes > this.#access.size)
      throw new ImageUnusable(
        this.#imageId,
        `it needs ${bytes} bytes and the volume has ${this.#access.size}`,
      );
  }

  async write(offset: number, data: Buffer): Promise<void> {
    if (data.equals(ZEROS.subarray(0, data.length))) return;
    const end = Math.ceil(data.length / SECTOR) * SECTOR;
    this.assertFits(offset + end);
    await this.fillTo(offset);
    await this.#access.write(offset, end === data.length ? data : Buffer.concat([data], end));
    this.#end = offset + end;
    this.written += data.length;
  }

  /** Makes the zeros before `offset` that were left out. */
  async fillTo(offset: number): Promise<void> {
    const end = Math.ceil(offset / SECTOR) * SECTOR;
    if (!this.#fillHoles || end <= this.#end) return;
    this.assertFits(end);
    await this.#access.zero(this.#end, end - this.#end);
    this.#end = end;
  }

  /** For `pipeline`: gathers what comes into pieces of one size. */
  sink(): (source: AsyncIterable<Buffer>) => Promise<void> {
    return async (source) => {
      let offset = 0;
      let parts: Buffer[] = [];
      let gathered = 0;
      const flush = async (): Promise<void> => {
        const data = Buffer.concat(parts, gathered);
        await this.write(offset, data);
        offset += gathered;
        parts = [];
        gathered = 0;
      };
      for await (const chunk of source) {
        for (let at = 0; at < chunk.length;) {
          const part = chunk.subarray(at, at + CHUNK - gathered);
          parts.push(part);
          gathered += part.length;
          at += part.length;
          if (gathered === CHUNK) await flush();
        }
      }
      if (gathered > 0) await flush();
      await this.fillTo(offset);
    };
  }
}

const ZEROS = Buffer.alloc(2 * CHUNK); // a qcow2 cluster has at most two mebibytes
