// An image row as JSON: base attributes and properties side by side, as clients know it. Pure.
import type { ImageRow } from '../tables.ts';

/** In which stores the data is; with addresses for services and administrators. */
export interface Whereabouts {
  readonly stores: readonly string[];
  readonly urls: ReadonlyArray<{ readonly url: string; readonly storeId: string }>;
}

export const NOWHERE: Whereabouts = { stores: [], urls: [] };

/** @param tags sorted */
export function imageView(
  image: ImageRow,
  tags: readonly string[],
  { stores, urls }: Whereabouts,
): Record<string, unknown> {
  const path = `/v2/images/${image.id}`;
  return {
    ...(JSON.parse(image.properties_json) as Record<string, string | null>),
    id: image.id,
    name: image.name,
    status: image.status,
    visibility: image.visibility,
    owner: image.owner,
    protected: image.protected === 1,
    os_hidden: image.os_hidden === 1,
    disk_format: image.disk_format,
    container_format: image.container_format,
    min_disk: image.min_disk,
    min_ram: image.min_ram,
    size: image.size,
    virtual_size: image.virtual_size,
    checksum: image.checksum,
    os_hash_algo: image.os_hash_algo,
    os_hash_value: image.os_hash_value,
    tags,
    created_at: clientTime(image.created_at),
    updated_at: clientTime(image.updated_at),
    self: path,
    file: `${path}/file`,
    schema: '/v2/schemas/image',
    ...(image.import_task === null ? {} : { os_glance_import_task: image.import_task }),
    ...(image.importing_to === null
      ? {}
      : {
          os_glance_importing_to_stores: image.importing_to,
          os_glance_failed_import: image.failed_import ?? '',
        }),
    ...(stores.length === 0 ? {} : { stores: stores.toSorted().join(',') }),
    ...(urls[0] === undefined
      ? {}
      : {
          direct_url: urls[0].url,
          locations: urls.map(({ url, storeId }) => ({ url, metadata: { store: storeId } })),
        }),
  };
}

/** Whole seconds, as the API has them. */
export function clientTime(iso: string): string {
  return `${iso.slice(0, 19)}Z`;
}
