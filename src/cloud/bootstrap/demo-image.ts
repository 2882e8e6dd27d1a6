// The image `pileus-demo` of a new cloud, in two forms: a disk that boots by itself, and one with its kernel and ramdisk apart.
import { createReadStream } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { Readable } from 'node:stream';
import { runCommand } from '#platform/supervise/run-command.ts';
import { createImageClient } from '#platform/clients/image.ts';
import type { FirstBoot } from './first-boot.ts';
import type { Session } from './rest.ts';

/** What the guest needs at least. */
const MIN_DISK_GB = 1;
const MIN_RAM_MB = 128;

export async function bootstrapDemoImage(
  { foundation, shared, world }: FirstBoot,
  admin: Session,
): Promise<void> {
  const images = createImageClient(shared.identityContext().peer('image'));
  const known = new Set(
    (await images.listImages(admin.token, { visibility: 'public' }))
      .filter((image) => image.status === 'active')
      .map((image) => image.name),
  );
  if (known.has('pileus-demo')) return;
  const upload = async (
    name: string,
    formats: { disk_format: string; container_format: string },
    data: string | Buffer,
    properties: Readonly<Record<string, unknown>> = {},
  ): Promise<string> => {
    const image = await images.createImage(admin.token, {
      name,
      visibility: 'public',
      ...formats,
      ...properties,
    });
    const size = typeof data === 'string' ? (await stat(data)).size : data.length;
    await images.uploadData(
      admin.token,
      image.id,
      typeof data === 'string' ? createReadStream(data) : Readable.from([data]),
      { size },
    );
    return image.id;
  };
  const raw = foundation.storage === 'ceph';
  const disk = { disk_format: raw ? 'raw' : 'qcow2', container_format: 'bare' };
  const needs = {
    min_disk: MIN_DISK_GB,
    min_ram: MIN_RAM_MB,
    os_distro: 'pileus-demo',
    hw_rng_model: 'virtio',
  };
  if (world.simulated) {
    const { emptyQcow2 } = await import('#sim/empty-image.ts');
    await upload('pileus-demo', disk, await emptyQcow2(), { ...needs, pileus_simulated: 'true' });
    return;
  }
  await world.packagesReady();
  const { buildDemoImage } = await import('../demo-image/build.ts');
  const built = await buildDemoImage({
    workDir: join(foundation.data.cache, 'demo-image', 'work'),
    outDir: join(foundation.data.cache, 'demo-image'),
    signal: foundation.signal,
  });
  // Disks are cloned from raw data only.
  const asStored = async (path: string): Promise<string> =>
    raw ? toRaw(path, foundation.data.make('cache', 'raw')) : path;
  await upload('pileus-demo', disk, await asStored(built.disk), needs);
  const kernel_id = await upload(
    'pileus-demo-kernel',
    { disk_format: 'aki', container_format: 'aki' },
    built.kernel,
  );
  const ramdisk_id = await upload(
    'pileus-demo-ramdisk',
    { disk_format: 'ari', container_format: 'ari' },
    built.initrd,
  );
  await upload('pileus-demo-direct', disk, await asStored(built.rootDisk), {
    ...needs,
    kernel_id,
    ramdisk_id,
    os_command_line: built.kernelArgs,
  });
  await rm(join(foundation.data.cache, 'raw'), { recursive: true, force: true });
}

/** Sparse; the directory goes when all is uploaded. */
async function toRaw(path: string, directory: string): Promise<string> {
  const raw = join(directory, basename(path));
  await runCommand(['qemu-img', 'convert', '-O', 'raw', path, raw], { deadlineMs: 120_000 });
  return raw;
}
