// Makes a server's root disk from its image: cloned where it lies, or loaded and laid under or into it. Called by launch,
// rebuild and rescue.
import type { InstanceEntry } from '../../rpc.ts';
import type { FlavorSnapshot } from '../../tables.ts';
import type { HostDeps } from '../deps.ts';
import { ImageUnusable } from '../errors.ts';
import type { CachedImage } from '../image-cache.ts';
import type { ClonableImage, RootDisks } from './port.ts';

const GIB = 2 ** 30;

export interface MadeRootDisk {
  /** A path, or `rbd:pool/image`. */
  readonly at: string;
  /** Bytes that were written to fill it; 0 for a clone and for an overlay. */
  readonly bytesCopied: number;
  readonly cloned: boolean;
  /** The image on this host, where it had to be loaded. */
  readonly base: CachedImage | undefined;
}

export interface RootDiskWork {
  /** Brings the image to this host; not called when it can be cloned. */
  readonly load: () => Promise<CachedImage | undefined>;
  /** Done when nothing of the image can fail any more: ends what uses the old disk. */
  readonly release?: () => Promise<void>;
}

/** A disk to be rescued from is as large as its image. */
export async function makeRescueDisk(
  { rootDisks }: HostDeps,
  entry: InstanceEntry,
  image: ClonableImage,
  work: RootDiskWork,
): Promise<MadeRootDisk> {
  return make(rootDisks.rescue, entry, image, { ...work, sizeOf: (own) => own ?? GIB });
}

export async function makeRootDisk(
  { rootDisks }: HostDeps,
  entry: InstanceEntry,
  image: ClonableImage | null,
  work: RootDiskWork,
): Promise<MadeRootDisk> {
  return make(rootDisks, entry, image, { ...work, sizeOf: (own) => sizeOf(entry, own) });
}

interface Making extends RootDiskWork {
  readonly sizeOf: (virtualSize: number | undefined) => number;
}

async function make(
  disks: RootDisks,
  entry: InstanceEntry,
  image: ClonableImage | null,
  { load, release = async () => undefined, sizeOf: sizeFor }: Making,
): Promise<MadeRootDisk> {
  if (image && disks.canClone(image)) {
    const size = sizeFor(image.size);
    await release();
    const cloned = await disks.clone(entry.id, image, size);
    return { ...cloned, bytesCopied: 0, cloned: true, base: undefined };
  }
  const base = await load();
  const size = sizeFor(base?.virtualSize);
  await release();
  const made = await disks.make(entry.id, base, size);
  return { ...made, cloned: false, base };
}

/** As large as the flavor says; without a word of it, as the image. @throws ImageUnusable when that is larger */
function sizeOf(entry: InstanceEntry, virtualSize: number | undefined): number {
  const flavor = JSON.parse(entry.flavor_json) as FlavorSnapshot;
  const wanted = flavor.disk * GIB;
  const size = wanted === 0 ? (virtualSize ?? GIB) : wanted;
  if (virtualSize !== undefined && virtualSize > size) {
    throw new ImageUnusable(
      entry.image_id ?? '',
      `its disk of ${Math.ceil(virtualSize / GIB)} GiB is larger than the flavor's ${flavor.disk} GiB`,
    );
  }
  return size;
}
