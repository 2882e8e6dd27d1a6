// An image as compute has always shown it: other names, statuses in capitals, properties as `metadata`. Pure.
import type { Image } from '#platform/clients/image.ts';
import type { Call } from '#platform/http/api.ts';
import { bookmark, linksOf } from '#compute/links.ts';

type Json = Record<string, unknown>;

/** What an image has beside its properties: none of these is `metadata`. */
const ATTRIBUTES: ReadonlySet<string> = new Set(
  (
    'id name status visibility owner protected os_hidden tags stores locations size virtual_size checksum ' +
    'os_hash_algo os_hash_value disk_format container_format min_disk min_ram created_at updated_at self file ' +
    'schema direct_url'
  ).split(' '),
);

const STATUS: Readonly<Record<string, readonly [status: string, progress: number]>> = {
  active: ['ACTIVE', 100],
  queued: ['SAVING', 25],
  saving: ['SAVING', 50],
  uploading: ['SAVING', 50],
  importing: ['SAVING', 50],
  deleted: ['DELETED', 0],
  pending_delete: ['DELETED', 0],
  killed: ['ERROR', 0],
};

/** Properties that are text, as all are that a user sets. */
export function metadataOf(image: Image): Record<string, string> {
  return Object.fromEntries(
    Object.entries(image).filter(
      (entry): entry is [string, string] => !ATTRIBUTES.has(entry[0]) && typeof entry[1] === 'string',
    ),
  );
}

export function briefImageView(call: Call, image: Image): Json {
  return { id: image.id, name: image.name, links: imageLinks(call, image.id) };
}

export function imageView(call: Call, image: Image): Json {
  const [status, progress] = STATUS[image.status] ?? ['UNKNOWN', 0];
  const server = image['instance_uuid'];
  const automatic = image['auto_disk_config'];
  return {
    ...briefImageView(call, image),
    status,
    progress,
    created: image['created_at'],
    updated: image['updated_at'],
    minDisk: image.min_disk,
    minRam: image.min_ram,
    metadata: metadataOf(image),
    'OS-EXT-IMG-SIZE:size': image.size,
    ...(typeof server === 'string'
      ? { server: { id: server, links: linksOf(call, `servers/${server}`) } }
      : {}),
    ...(typeof automatic === 'string'
      ? { 'OS-DCF:diskConfig': automatic.toLowerCase() === 'true' ? 'AUTO' : 'MANUAL' }
      : {}),
  };
}

function imageLinks(call: Call, id: string): unknown[] {
  return [
    ...linksOf(call, `images/${id}`).slice(0, 1),
    bookmark(call, `images/${id}`),
    {
      rel: 'alternate',
      type: 'application/vnd.openstack.image',
      href: `${new URL(call.baseUrl).origin}/image/images/${id}`,
    },
  ];
}
