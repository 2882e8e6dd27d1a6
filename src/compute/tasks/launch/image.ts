// Hops `image.locate` and `image.load`: where the image is, and its bytes on this host, verified, with the root disk over them.
import { rm } from 'node:fs/promises';
import type { Step, StepContext } from '#platform/saga/saga.ts';
import type { HostDeps } from '../../host/deps.ts';
import { ImageUnusable } from '../../host/errors.ts';
import { bootsFromVolume } from '../../host/guest-spec.ts';
import type { CachedImage } from '../../host/image-cache.ts';
import { instancePaths } from '../../host/paths.ts';
import { makeRootDisk } from '../../host/root-disk/make.ts';
import type { LaunchMessage } from '../../rpc.ts';
import type { LaunchOutputs, LocatedImage } from './hops.ts';

export function locateImage(deps: HostDeps): Step<LaunchMessage, LaunchOutputs, 'image.locate'> {
  return {
    name: 'image.locate',
    needs: ['prepare'],
    deadlineMs: 30_000,
    do: async ({ input, outputs, evidence }) => {
      const { entry } = outputs.prepare!; // in `needs`
      const find = async (id: string | null): Promise<LocatedImage | null> =>
        id === null ? null : locate(deps, id, input.user_token);
      const [disk, kernel, ramdisk] = await Promise.all([
        find(entry.image_id),
        find(entry.kernel_id),
        find(entry.ramdisk_id),
      ]);
      evidence({
        image_id: entry.image_id,
        kernel_id: entry.kernel_id,
        ramdisk_id: entry.ramdisk_id,
        validated_for: { user_id: entry.user_id, project_id: entry.project_id },
      });
      return { disk, kernel, ramdisk };
    },
    // Nothing to undo: it only reads.
  };
}

export function loadImage(deps: HostDeps): Step<LaunchMessage, LaunchOutputs, 'image.load'> {
  return {
    name: 'image.load',
    needs: ['image.locate'],
    deadlineMs: deps.config.imageDeadlineMs,
    do: async (context) => {
      const { entry } = context.outputs.prepare!; // needed by image.locate
      const { disk, kernel, ramdisk } = context.outputs['image.locate']!; // in `needs`
      const load = async (image: LocatedImage | null): Promise<CachedImage | undefined> =>
        image ? loadOne(deps, image, context) : undefined;
      const [made, kernelFile, initrdFile] = await Promise.all([
        bootsFromVolume(entry)
          ? undefined
          : makeRootDisk(deps, entry, disk, { load: async () => load(disk) }),
        load(kernel),
        load(ramdisk),
      ]);
      context.evidence({
        location: disk?.location ? maskLocation(disk.location) : null,
        bytes: made?.base?.bytes ?? 0,
        bytes_copied: made?.bytesCopied ?? 0,
        cloned: made?.cloned ?? false,
        checksum: disk ? `${disk.os_hash_algo}:${disk.os_hash_value.slice(0, 16)}…` : null,
        cache_hit: made?.base?.hit ?? null,
        root_disk: made?.at ?? null,
      });
      return {
        diskPath: made?.at ?? null,
        ...(kernelFile ? { kernelPath: kernelFile.path } : {}),
        ...(initrdFile ? { initrdPath: initrdFile.path } : {}),
      };
    },
    undo: async ({ input }) => {
      await deps.rootDisks.remove(input.instance_id);
      await rm(instancePaths(deps.config, input.instance_id).dir, { recursive: true, force: true });
    },
  };
}

/** The image as the image service tells it to the user of the request, with a location for a service of the cloud. */
export async function locate(deps: HostDeps, imageId: string, userToken: string): Promise<LocatedImage> {
  const image = await deps.image.locateImage(userToken, imageId, await deps.serviceToken());
  if (!image) throw new ImageUnusable(imageId, 'it does not exist, or this project may not see it');
  if (image.status !== 'active') throw new ImageUnusable(imageId, `its status is ${image.status}`);
  const { os_hash_algo: algo, os_hash_value: sum, direct_url: location } = image;
  if (
    image.size === null ||
    image.disk_format === null ||
    typeof algo !== 'string' ||
    typeof sum !== 'string'
  ) {
    throw new ImageUnusable(imageId, 'it has no data or no checksum');
  }
  return {
    id: image.id,
    disk_format: image.disk_format,
    size: image.size,
    os_hash_algo: algo,
    os_hash_value: sum,
    location: typeof location === 'string' ? location : '',
  };
}

async function loadOne(
  deps: HostDeps,
  image: LocatedImage,
  { input, signal, waitingFor }: StepContext<LaunchMessage, LaunchOutputs>,
): Promise<CachedImage> {
  waitingFor(`image ${image.id} (${image.size} bytes)`);
  const open = async () => deps.image.openData(input.user_token, image.id, await deps.serviceToken());
  const cached = await deps.imageCache.load(image, image.location, open, signal);
  waitingFor(null);
  return cached;
}

/** A location can hold credentials of a store; a file's path does not. */
function maskLocation(location: string): string {
  return location.replace(/\/\/[^/@]*@/, '//***@');
}
