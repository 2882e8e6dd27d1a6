// What a volume remembers of the image that it was made from: base attributes and the image's own properties, as text. Pure.
import type { Image } from '#platform/clients/image.ts';

const BASE = ['checksum', 'container_format', 'disk_format', 'min_disk', 'min_ram', 'size'] as const;
/** Of the image record itself, or of where its data is: nothing that a volume inherits. */
const NOT_INHERITED = new Set([
  'id',
  'name',
  'status',
  'visibility',
  'owner',
  'virtual_size',
  'os_hash_algo',
  'os_hash_value',
  'os_hidden',
  'protected',
  'tags',
  'created_at',
  'updated_at',
  'self',
  'file',
  'schema',
  'direct_url',
  'locations',
  'stores',
  'members',
  ...BASE,
]);

export function imagePropertiesOf(image: Image): Record<string, string> {
  const properties: Record<string, string> = { image_id: image.id };
  if (image.name !== null) properties['image_name'] = image.name;
  for (const name of BASE)
    if (image[name] !== null && image[name] !== undefined) properties[name] = String(image[name]);
  for (const [name, value] of Object.entries(image))
    if (!NOT_INHERITED.has(name) && typeof value === 'string') properties[name] = value.slice(0, 255);
  return properties;
}
