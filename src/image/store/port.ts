// What the image service needs of a place that keeps image data: the contract of every store (`contract.test.ts` holds each
// to it). Used by uploads, imports, downloads and the sweep; `stores.ts` opens the configured ones.
import type { Readable } from 'node:stream';
import type { Log } from '#platform/log/log.ts';
import { DomainError } from '#platform/errors/domain-error.ts';

export interface StoredData {
  /** Bytes. */
  readonly size: number;
  readonly md5: string;
  readonly sha512: string;
}

export interface PutOptions {
  /** A UUID of the caller's: recorded before, so that a crash leaves nothing that nobody knows. */
  readonly name: string;
  readonly maxBytes: number;
  /** Bytes that are said to come, where it is known: a store that allocates beforehand can. */
  readonly size?: number;
  /** A sender that sends nothing for this long is given up. */
  readonly idleMs: number;
  readonly signal?: AbortSignal;
}

/** Both ends inclusive, as in a range header. */
export interface DataRange {
  readonly start: number;
  readonly end: number;
}

export interface ImageStore {
  /** `file`, `rbd`: what clients see as the store's type. */
  readonly kind: string;
  /** What administrators see of the configuration. No secrets. */
  readonly properties: Readonly<Record<string, unknown>>;
  /**
   * Takes the stream to its end, in constant memory. Once it resolves the data is whole and outlives a crash; what was
   * written goes when it fails. The source stays open when the store refuses: its sender may still have to be answered.
   * @throws TooLarge past `maxBytes` (`image-too-large`) or when there is no room (`store-full`), or what the stream fails with
   */
  put(from: Readable, options: PutOptions): Promise<StoredData>;
  /** To be read to its end or destroyed. @throws NoSuchData */
  get(name: string, range?: DataRange): Promise<Readable>;
  /** Bytes; undefined when there is no such data, or only a part of it. */
  size(name: string): Promise<number | undefined>;
  /** May be repeated, and removes half-written data too. @throws DataInUse while disks are clones of it: try again later */
  delete(name: string): Promise<void>;
  /** Whether something made from the data hangs on it, so that it must stay. */
  isInUse(name: string): Promise<boolean>;
  /** Names of what this store wrote, half-written too; nothing that others keep beside it, since the sweep removes orphans. */
  list(): Promise<string[]>;
  /** URL for services of the cloud: `file:///…`, `rbd://fsid/pool/image/snap`. Pure, no secrets. */
  location(name: string): string;
  /** Bytes that it can still take; undefined when it does not say. */
  free(): Promise<number | undefined>;
  /** Ends connections. */
  close?(): Promise<void>;
}

/** One store of the configuration. */
export interface StoreConfig {
  /** Lower case letters, digits, `-` and `_`: clients name it. */
  readonly id: string;
  /** Which factory opens it. */
  readonly kind: string;
  readonly description?: string;
  /** New data goes here when nobody says where. Exactly one; the first when none says so. */
  readonly default?: boolean;
  /** Passed to the factory as it is: a file store takes `path`. */
  readonly options?: Readonly<Record<string, string>>;
}

export interface StoreContext {
  /** The image service's directory. */
  readonly dataDir: string;
  readonly log: Log;
}

/** Opens a store of one kind. */
export type StoreFactory = (config: StoreConfig, context: StoreContext) => Promise<ImageStore>;

/** There is no such data in the store. */
export class NoSuchData extends DomainError {
  constructor(name: string, cause?: unknown) {
    super('not-found', 'no-such-data', `The store has no data ${name}.`, { cause });
  }
}

/** Something hangs on the data: a disk that is a clone of it. */
export class DataInUse extends DomainError {
  constructor(name: string, cause?: unknown) {
    super('conflict', 'data-in-use', `The data ${name} is in use: disks were cloned from it.`, { cause });
  }
}

const NAME = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Whether a store can have made it: other names are of others. */
export function isDataName(name: string): boolean {
  return NAME.test(name);
}

/** @throws RangeError for anything but a lower case UUID: nothing else is a name in a store */
export function checkDataName(name: string): string {
  if (!isDataName(name)) throw new RangeError(`${JSON.stringify(name)} is no name in the store`);
  return name;
}
