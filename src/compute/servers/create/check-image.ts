// Is the image there, usable and small enough for the flavor? Asked by create and by rebuild before anything is recorded.
import type { Call } from '#platform/http/api.ts';
import type { Image } from '#platform/clients/image.ts';
import type { ComputeDeps } from '#compute/deps.ts';
import { Forbidden, InvalidInput } from '#compute/errors.ts';
import { viewerOf } from '#compute/flavors/handlers.ts';
import { findFlavor } from '#compute/flavors/store.ts';
import type { FlavorSnapshot } from '#compute/tables.ts';
import type { FlavorRow } from '#compute/flavors/tables.ts';

/** Undefined with a malformed token never happens: the route asks for one. */
export const tokenOf = (call: Call): string => call.token ?? '';

/** @throws InvalidInput when it is absent or not usable. The user's own token decides what is visible. */
export async function requireImage(call: Call, deps: ComputeDeps, id: string): Promise<Image> {
  const image = await deps.image.findImage(tokenOf(call), id);
  if (!image) throw new InvalidInput(`Can not find requested image ${id}`, 'image-not-found');
  if (image.status !== 'active')
    throw new InvalidInput(`Image ${id} is not active: its status is ${image.status}.`);
  return image;
}

/** @throws InvalidInput */
export async function requireFlavor(call: Call, deps: ComputeDeps, ref: string): Promise<FlavorSnapshot> {
  const flavor = await findFlavor(deps.db.kysely, ref, viewerOf(call));
  if (!flavor || flavor.disabled === 1)
    throw new InvalidInput(`Flavor ${ref.slice(0, 255)} could not be found.`, 'flavor-not-found');
  return snapshotOf(flavor);
}

export function snapshotOf(flavor: FlavorRow): FlavorSnapshot {
  return {
    id: flavor.flavor_id,
    name: flavor.name,
    vcpus: flavor.vcpus,
    ram: flavor.ram,
    disk: flavor.disk,
    ephemeral: flavor.ephemeral,
    swap: flavor.swap,
    rxtx_factor: flavor.rxtx_factor,
    extra_specs: JSON.parse(flavor.extra_specs_json) as Record<string, string>,
  };
}

const GIB = 1024 ** 3;

/** @throws InvalidInput when the image needs more than the flavor has, Forbidden for a flavor without a disk. */
export function requireFit(call: Call, flavor: FlavorSnapshot, image: Image): void {
  if (image.min_ram > flavor.ram) {
    throw new InvalidInput(
      `Flavor's memory is too small for requested image: it has ${flavor.ram} MiB, the image needs ${image.min_ram} MiB.`,
    );
  }
  if (flavor.disk === 0) {
    if (!call.allows('os_compute_api:servers:create:zero_disk_flavor'))
      throw new Forbidden('Flavors with zero disk are for volume-backed servers: choose one with a disk.');
    return;
  }
  const size = Math.max(image.size ?? 0, image.virtual_size ?? 0);
  if (size > flavor.disk * GIB) {
    throw new InvalidInput(
      `Flavor's disk is too small for requested image. Flavor disk is ${flavor.disk * GIB} bytes, image is ${size} bytes.`,
    );
  }
  if (image.min_disk > flavor.disk) {
    throw new InvalidInput(
      `Flavor's disk is smaller than the minimum size specified in image metadata. Flavor disk is ${flavor.disk * GIB} bytes, minimum size is ${image.min_disk * GIB} bytes.`,
    );
  }
}

const NOT_KEPT: ReadonlySet<string> = new Set([
  'id', 'name', 'status', 'visibility', 'owner', 'self', 'file', 'schema', 'tags', 'locations', 'direct_url',
  'created_at', 'updated_at', 'protected', 'stores', 'os_hidden',
]); // prettier-ignore

/** What the entry keeps of the image: the properties that a launch reads, as text. */
export function imageProperties(image: Image): Record<string, string> {
  return Object.fromEntries(
    Object.entries(image)
      .filter(([key, value]) => !NOT_KEPT.has(key) && value !== null && value !== undefined)
      .map(([key, value]) => [key, typeof value === 'object' ? JSON.stringify(value) : String(value)]),
  );
}

/** A property that names another image, `kernel_id` or `ramdisk_id`. */
export function relatedImage(image: Image, property: string): string | null {
  const value = image[property];
  return typeof value === 'string' && value !== '' ? value : null;
}
