// An image row as JSON: base attributes and properties side by side, as clients know it. Pure.
import type { ImageRow } from '../tables.ts';

/** Where the data is: only for services and administrators. */
export interface Whereabouts {
  readonly url: string;
}

/** @param tags sorted @param where shown when given and there is data */
export function imageView(
  image: ImageRow,
  tags: readonly string[],
  where?: Whereabouts,
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
    ...(image.location === null ? {} : { stores: 'file' }),
    ...(image.location === null || !where
      ? {}
      : { direct_url: where.url, locations: [{ url: where.url, metadata: { store: 'file' } }] }),
  };
}

/** Whole seconds, as the API has them. */
export function clientTime(iso: string): string {
  return `${iso.slice(0, 19)}Z`;
}
