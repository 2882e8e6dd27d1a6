// Copies the content of a volume or snapshot into the backup store: only blocks with data, and of an incremental backup only
// those that differ from its parent. Memory is constant: a block, a window of the parent's index, a few records.
import { createHash } from 'node:crypto';
import type { BlockAccess } from '#drivers/volume/port.ts';
import {
  BLOCK_BYTES,
  BLOCKS_PER_OBJECT,
  encodeRecord,
  isZero,
  objectName,
  sha256Of,
  type BlockRecord,
} from './index-format.ts';
import { BackupChain, INDEX } from './index-reader.ts';
import { writeManifest, type BackedUpVolume, type Manifest } from './manifest.ts';
import type { BackupObjects, ObjectWriter } from './objects/port.ts';

export interface CopyOut {
  readonly objects: BackupObjects;
  /** Set that the data goes to. What an earlier try left there is removed first. */
  readonly set: string;
  /** Set of the backup that this one builds on; null for a full one. */
  readonly parent: string | null;
  readonly volume: BackedUpVolume;
  readonly signal: AbortSignal;
}

/** @returns what was stored; the backup is whole when this resolves */
export async function copyOut(access: BlockAccess, options: CopyOut): Promise<Manifest> {
  const { objects, set, parent, signal } = options;
  await objects.remove(set);
  await using owned = new AsyncDisposableStack();
  const chain = parent === null ? undefined : owned.use(await BackupChain.open(objects, parent));
  const index = owned.use(await objects.create(set, INDEX));
  const pack = owned.use(new Pack(objects, set));
  const hash = createHash('sha256');
  const blocks = Math.ceil(access.size / BLOCK_BYTES);
  let pending: Buffer[] = [];
  const flush = async (): Promise<void> => {
    await index.append(Buffer.concat(pending));
    pending = [];
  };
  let block = 0;
  for await (const data of blocksOf(access, signal)) {
    signal.throwIfAborted();
    const bytes = encodeRecord(await recordOf(block, data, chain, pack));
    hash.update(bytes);
    pending.push(bytes);
    if (pending.length >= 1024) await flush();
    block += 1;
  }
  await flush();
  await pack.finish();
  await index.commit();
  const manifest: Manifest = {
    version: 1,
    size: access.size,
    block_bytes: BLOCK_BYTES,
    blocks,
    parent,
    index_sha256: hash.digest('hex'),
    object_count: pack.count,
    bytes_stored: pack.bytes,
    volume: options.volume,
  };
  await writeManifest(objects, set, manifest);
  return manifest;
}

async function recordOf(
  block: number,
  data: Buffer | undefined,
  chain: BackupChain | undefined,
  pack: Pack,
): Promise<BlockRecord> {
  if (!data || isZero(data)) return { kind: 'zero' };
  const sha256 = sha256Of(data);
  const before = await chain?.record(block);
  if (before && before.kind !== 'zero' && before.sha256.equals(sha256)) return { kind: 'parent', sha256 };
  return { kind: 'stored', sha256, ...(await pack.add(data)) };
}

/** Every block in order; undefined for one in a hole, which is not read. */
async function* blocksOf(access: BlockAccess, signal: AbortSignal): AsyncGenerator<Buffer | undefined> {
  let next = 0;
  const emit = async function* (end: number, hasData: boolean): AsyncGenerator<Buffer | undefined> {
    // A block that an extent of data touches is read whole, once.
    const until = hasData ? Math.ceil(end / BLOCK_BYTES) : Math.floor(end / BLOCK_BYTES);
    for (; next < until; next += 1) {
      const offset = next * BLOCK_BYTES;
      yield hasData ? await access.read(offset, Math.min(BLOCK_BYTES, access.size - offset)) : undefined;
    }
  };
  for await (const extent of access.extents(signal)) {
    if (extent.data && extent.offset > next * BLOCK_BYTES) yield* emit(extent.offset, false);
    yield* emit(extent.offset + extent.length, extent.data);
  }
  // The last block may be a short hole.
  for (; next * BLOCK_BYTES < access.size; next += 1) yield undefined;
}

/** Puts blocks into objects of many. */
class Pack implements AsyncDisposable {
  readonly #objects: BackupObjects;
  readonly #set: string;
  #writer: ObjectWriter | undefined;
  #slot = 0;
  /** Objects begun. */
  count = 0;
  bytes = 0;

  constructor(objects: BackupObjects, set: string) {
    this.#objects = objects;
    this.#set = set;
  }

  async add(data: Buffer): Promise<{ object: number; slot: number }> {
    if (this.#slot === BLOCKS_PER_OBJECT) await this.finish();
    if (!this.#writer) {
      this.count += 1;
      this.#slot = 0;
      this.#writer = await this.#objects.create(this.#set, objectName(this.count));
    }
    await this.#writer.append(data);
    this.bytes += data.length;
    this.#slot += 1;
    return { object: this.count, slot: this.#slot - 1 };
  }

  async finish(): Promise<void> {
    await this.#writer?.commit();
    this.#writer = undefined;
    this.#slot = 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writer?.[Symbol.asyncDispose]();
  }
}
