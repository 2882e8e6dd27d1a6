// Makes a server's root disk from its image: cloned where it lies, or loaded and laid under or into it. Called by launch and
// rebuild.
import type { InstanceEntry } from '../../rpc.ts';
import type { FlavorSnapshot } from '../../tables.ts';
import type { HostDeps } from '../deps.ts';
import { ImageUnusable } from '../errors.ts';
import type { CachedImage } from '../image-cache.ts';
import type { ClonableImage } from './port.ts';

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

export async function makeRootDisk(
  { rootDisks }: HostDeps,
  entry: InstanceEntry,
  image: ClonableImage | null,
  { load, release = async () => undefined }: RootDiskWork,
): Promise<MadeRootDisk> {
  if (image && rootDisks.canClone(image)) {
    const size = sizeOf(entry, image.size);
    await release();
    const cloned = await rootDisks.clone(entry.id, image, size);
    return { ...cloned, bytesCopied: 0, cloned: true, base: undefined };
  }
  const base = await load();
  const size = sizeOf(entry, base?.virtualSize);
  await release();
  const made = await rootDisks.make(entry.id, base, size);
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
