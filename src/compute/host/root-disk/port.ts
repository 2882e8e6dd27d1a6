// Where the root disks of a host's servers are: in its files, or in a storage cluster. One of each kind beside this file; the
// agent's operations use the one that the host was given.
import type { Readable } from 'node:stream';
import type { DiskSource } from '#drivers/libvirt/port.ts';
import type { CachedImage } from '../image-cache.ts';

/** What must be known of an image to clone it where it lies. */
export interface ClonableImage {
  readonly id: string;
  readonly disk_format: string;
  readonly size: number;
  readonly location: string;
}

/** A root disk as it is at one moment, for a snapshot of its server. Disposed when it was read. */
export interface DiskCopy extends AsyncDisposable {
  readonly stream: Readable;
  readonly size: number;
}

/** Every method may be repeated after a crash. */
export interface RootDisks {
  /** Whether `clone` can make disks of it; else the image is loaded, and `make` fills the disk from it. Pure. */
  canClone(image: ClonableImage): boolean;
  /** Makes the disk from the image where that lies, without reading it. Made anew when it was there. */
  clone(instanceId: string, image: ClonableImage, sizeBytes: number): Promise<{ at: string }>;
  /** Made anew when it was there. @returns where it is, and how many bytes were written to fill it */
  make(
    instanceId: string,
    base: CachedImage | undefined,
    sizeBytes: number,
  ): Promise<{ at: string; bytesCopied: number }>;
  /** How the hypervisor opens it. */
  source(instanceId: string): DiskSource;
  exists(instanceId: string): Promise<boolean>;
  /** Of one that is not there, no error. */
  remove(instanceId: string): Promise<void>;
  /**
   * The content as of one moment, in `format`.
   * @param standStill runs what must see the disk unchanged while the guest's processors stand still
   */
  copy(
    instanceId: string,
    name: string,
    standStill: (act: () => Promise<void>) => Promise<void>,
  ): Promise<DiskCopy>;
  /** In storage that every host reaches: a server that moves leaves its disk where it is. */
  readonly shared: boolean;
  /** Never makes it smaller. The guest is off. */
  grow(instanceId: string, sizeBytes: number): Promise<void>;
  /**
   * Keeps what a shared disk holds now under `name`, so that a move can be taken back. What lies in the instance's directory
   * is kept with that: then nothing happens here.
   */
  keep(instanceId: string, name: string): Promise<void>;
  /** Puts the disk back to what was kept, its size too, as long as that is there. */
  putBack(instanceId: string, name: string): Promise<void>;
  /** Of what is not kept, no error. */
  forget(instanceId: string, name: string): Promise<void>;
  /** Instances that have a disk elsewhere than in their directory, wherever they run. */
  list(): Promise<string[]>;
}

/** The root disks, and beside them those that servers are rescued from. */
export interface HostDisks extends RootDisks {
  readonly rescue: RootDisks;
}
