// Images in one pool of a Ceph cluster, as one user of it, in our words. The drivers of volumes, image data and root disks
// use this; `real.ts` speaks to the cluster. Sizes and offsets are bytes.
//
// Clones are of format 2: a snapshot that something was cloned from can be deleted at any time. It goes out of sight, and
// its image with it if that is deleted too; the cluster drops both with the last clone.
import type { Readable, Writable } from 'node:stream';
import type { BlockAccess, Extent } from '#drivers/volume/port.ts';

/** Where a clone comes from. */
export interface ImageSnapshot {
  readonly pool: string;
  readonly image: string;
  readonly snapshot: string;
}

export interface RbdImage {
  readonly name: string;
  readonly sizeBytes: number;
  readonly parent: ImageSnapshot | undefined;
  /** Something was cloned from one of its snapshots and still hangs on it. */
  readonly hasClones: boolean;
}

export interface RbdListed {
  readonly name: string;
  readonly sizeBytes: number;
  readonly snapshots: readonly string[];
}

export interface PoolUsage {
  /** What the pool can hold in all, copies taken into account. */
  readonly totalBytes: number;
  readonly freeBytes: number;
}

export type RbdFault =
  /** There is no such image, snapshot or pool. */
  | 'absent'
  | 'exists'
  /** Somebody has it open. */
  | 'busy'
  | 'no-space'
  /** The user may not. */
  | 'forbidden'
  /** The cluster does not answer. Whether the request took effect is unknown. */
  | 'unreachable'
  | 'failed';

export class RbdError extends Error {
  readonly code = 'rbd_failed';
  readonly fault: RbdFault;
  constructor(fault: RbdFault, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'RbdError';
    this.fault = fault;
  }
}

/** All throw RbdError. Names are checked by who makes them: they are ids with a prefix of ours. */
export interface RbdPool {
  readonly pool: string;
  list(): Promise<RbdListed[]>;
  find(image: string): Promise<RbdImage | undefined>;
  /** @throws `exists` */
  create(image: string, sizeBytes: number): Promise<void>;
  /** Copies nothing: the clone reads from the snapshot what was not written to it. @throws `exists` */
  clone(from: ImageSnapshot, image: string): Promise<void>;
  /**
   * Also of an image that is open elsewhere. Never makes it smaller: of one that is large enough, nothing happens.
   * @returns the size that it has now
   */
  grow(image: string, sizeBytes: number): Promise<number>;
  rename(image: string, to: string): Promise<void>;
  /**
   * Deletes it, or puts it out of sight until its last clone is gone. Of one that is not there, no error.
   * @throws `busy` when somebody has it open or it has snapshots that are in sight
   */
  remove(image: string): Promise<void>;
  /** Names of those in sight, the oldest first. @throws `absent` */
  snapshots(image: string): Promise<string[]>;
  /** Of one that is there already, no error. */
  createSnapshot(image: string, snapshot: string): Promise<void>;
  renameSnapshot(image: string, snapshot: string, to: string): Promise<void>;
  /** What was cloned from it lives on. Of one that is not there, no error. */
  removeSnapshot(image: string, snapshot: string): Promise<void>;
  /** Puts the image back to it, its size too. */
  rollback(image: string, snapshot: string): Promise<void>;
  /** How many have the image open; a client that was killed counts for some seconds more. */
  watchers(image: string): Promise<number>;
  findNote(image: string, key: string): Promise<string | undefined>;
  /** Kept with the image. */
  setNote(image: string, key: string, value: string): Promise<void>;
  /**
   * A new image of what the stream brings, as large as that. Aborted or failed it leaves an image without a snapshot.
   * @returns when all of it is on the cluster
   */
  write(image: string, from: (pipe: Writable) => Promise<void>): Promise<void>;
  /** The whole of a snapshot, holes as zeros. To be read to its end or destroyed. */
  read(image: string, snapshot: string): Readable;
  /** Which parts of it hold data, by pieces as small as the cluster knows. */
  extents(
    image: string,
    snapshot: string | undefined,
    size: number,
    signal?: AbortSignal,
  ): AsyncIterable<Extent>;
  /** Its content at any place. */
  open(image: string, snapshot: string | undefined, mode: 'ro' | 'rw'): Promise<BlockAccess>;
  usage(): Promise<PoolUsage>;
}
