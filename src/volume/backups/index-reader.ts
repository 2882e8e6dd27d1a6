// Reads the index of a backup record by record, a window at a time, and finds a block's bytes along the chain of backups.
import { createHash } from 'node:crypto';
import {
  BLOCK_BYTES,
  decodeRecord,
  objectName,
  RECORD_BYTES,
  sha256Of,
  type BlockRecord,
} from './index-format.ts';
import { readManifest, type Manifest } from './manifest.ts';
import { BackupStoreError, type BackupObjects, type ObjectReader } from './objects/port.ts';

export const INDEX = 'index';
const WINDOW_RECORDS = 4096;
/** A longer chain is a circle, or was not made by us. */
const MOST_IN_CHAIN = 1000;

/** One backup of a chain, open for reading. Blocks are asked for in ascending order. */
class ChainLink implements AsyncDisposable {
  readonly set: string;
  readonly manifest: Manifest;
  readonly #objects: BackupObjects;
  readonly #index: ObjectReader;
  #window: { readonly first: number; readonly bytes: Buffer } = { first: 0, bytes: Buffer.alloc(0) };
  #object: { readonly number: number; readonly reader: ObjectReader } | undefined;

  constructor(objects: BackupObjects, set: string, manifest: Manifest, index: ObjectReader) {
    this.#objects = objects;
    this.set = set;
    this.manifest = manifest;
    this.#index = index;
  }

  /** A block past its end is a hole. */
  async record(block: number): Promise<BlockRecord> {
    if (block >= this.manifest.blocks) return { kind: 'zero' };
    const { first, bytes } = this.#window;
    if (block < first || block >= first + bytes.length / RECORD_BYTES) {
      const count = Math.min(WINDOW_RECORDS, this.manifest.blocks - block);
      this.#window = {
        first: block,
        bytes: await this.#index.read(block * RECORD_BYTES, count * RECORD_BYTES),
      };
    }
    const at = (block - this.#window.first) * RECORD_BYTES;
    return decodeRecord(this.#window.bytes.subarray(at, at + RECORD_BYTES));
  }

  /** @throws BackupStoreError `damaged` when the bytes are not those that were stored */
  async read(record: Extract<BlockRecord, { kind: 'stored' }>, length: number): Promise<Buffer> {
    if (this.#object?.number !== record.object) {
      await this.#object?.reader[Symbol.asyncDispose]();
      this.#object = undefined;
      const reader = await this.#objects.open(this.set, objectName(record.object));
      this.#object = { number: record.object, reader };
    }
    const data = await this.#object.reader.read(record.slot * BLOCK_BYTES, length);
    if (!sha256Of(data).equals(record.sha256))
      throw new BackupStoreError('damaged', 'A block in the backup store does not match its checksum.');
    return data;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#object?.reader[Symbol.asyncDispose]();
    await this.#index[Symbol.asyncDispose]();
  }
}

/** A backup with all those that it builds on, newest first. */
export class BackupChain implements AsyncDisposable {
  readonly #links: readonly ChainLink[];
  readonly #owned: AsyncDisposableStack;
  readonly manifest: Manifest;

  private constructor(links: readonly ChainLink[], manifest: Manifest, owned: AsyncDisposableStack) {
    this.#links = links;
    this.manifest = manifest;
    this.#owned = owned;
  }

  /** @throws BackupStoreError when a part is absent or damaged */
  static async open(objects: BackupObjects, set: string): Promise<BackupChain> {
    await using owned = new AsyncDisposableStack();
    const links: ChainLink[] = [];
    for (let at: string | null = set; at !== null;) {
      if (links.length >= MOST_IN_CHAIN)
        throw new BackupStoreError('damaged', 'The backups in the store build on each other without an end.');
      const manifest: Manifest = await readManifest(objects, at);
      if (manifest.block_bytes !== BLOCK_BYTES)
        throw new BackupStoreError('damaged', 'The backup has blocks of a size that is not known here.');
      const index = await objects.open(at, INDEX);
      const link = owned.use(new ChainLink(objects, at, manifest, index));
      await verifyIndex(index, manifest);
      links.push(link);
      at = manifest.parent;
    }
    return new BackupChain(links, links[0]!.manifest, owned.move()); // the loop ran once at least
  }

  /** The record of the newest one. */
  async record(block: number): Promise<BlockRecord> {
    return this.#links[0]!.record(block); // never empty
  }

  /** The bytes of a block, checked; undefined for a hole. */
  async read(block: number, length: number): Promise<Buffer | undefined> {
    for (const link of this.#links) {
      const record = await link.record(block);
      if (record.kind === 'zero') return undefined;
      if (record.kind === 'stored') return link.read(record, length);
    }
    throw new BackupStoreError(
      'damaged',
      'A block of the backup is in none of the backups that it builds on.',
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owned.disposeAsync();
  }
}

async function verifyIndex(index: ObjectReader, manifest: Manifest): Promise<void> {
  const hash = createHash('sha256');
  const bytes = manifest.blocks * RECORD_BYTES;
  const window = WINDOW_RECORDS * RECORD_BYTES;
  if (index.size === bytes)
    for (let at = 0; at < bytes; at += window)
      hash.update(await index.read(at, Math.min(window, bytes - at)));
  if (index.size !== bytes || hash.digest('hex') !== manifest.index_sha256)
    throw new BackupStoreError('damaged', 'The index of the backup does not match its checksum.');
}
