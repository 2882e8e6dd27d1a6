// `PATCH /v2/images/{image}`: attributes, properties and tags in one step.
import { isoTime } from '#platform/context/clock.ts';
import type { Call } from '#platform/http/api.ts';
import type { ImageDeps } from '../deps.ts';
import { Conflict, Forbidden, ImageNotFound, WrongMediaType } from '../errors.ts';
import type { ImageRow } from '../tables.ts';
import { checkAmounts, type Attributes } from './attributes.ts';
import { findMutable } from './find.ts';
import { enforceOwner, enforceVisibility, viewFor } from './handlers.ts';
import { applyPatch, parsePatch, PATCH_TYPES, type Patchable } from './json-patch.ts';
import { findImageRow, listTags, replaceTags, updateImage } from './store.ts';

export async function updateImageByPatch(call: Call, deps: ImageDeps): Promise<unknown> {
  const changes = parsePatch(call.body, isOlderForm(call));
  const { image } = await findMutable(call, deps, 'modify_image');
  const tags = (await listTags(deps.db.kysely, [image.id])).get(image.id) ?? [];
  const before = patchableOf(image, tags);
  const after = applyPatch(before, changes);
  requireAllowed(call, image, before.attributes, after.attributes);
  checkAmounts(deps.config, Object.keys(after.properties).length, after.attributes.tags.length);
  const { tags: _, ...columns } = after.attributes;
  const set: Partial<ImageRow> = {
    ...columns,
    protected: columns.protected ? 1 : 0,
    os_hidden: columns.os_hidden ? 1 : 0,
    properties_json: JSON.stringify(after.properties),
    updated_at: isoTime(deps.clock),
  };
  const done = await deps.db.transaction(async (trx) => {
    const fits = { updated_at: image.updated_at, status: image.status };
    if (!(await updateImage(trx, image.id, fits, set))) return false;
    await replaceTags(trx, image.id, after.attributes.tags);
    return true;
  });
  const updated = await findImageRow(deps.db.kysely, image.id);
  if (!updated) throw new ImageNotFound(image.id);
  if (!done)
    throw new Conflict(`Image ${image.id} changed meanwhile: read it again and retry.`, 'changed-meanwhile');
  return viewFor(call, deps, updated);
}

function isOlderForm(call: Call): boolean {
  const type = call.headers['content-type']?.split(';')[0]?.trim().toLowerCase();
  if (type !== PATCH_TYPES.current && type !== PATCH_TYPES.older)
    throw new WrongMediaType(type, PATCH_TYPES.current);
  return type === PATCH_TYPES.older;
}

function patchableOf(image: ImageRow, tags: readonly string[]): Patchable {
  const { name, visibility, disk_format, container_format, min_disk, min_ram, owner } = image;
  return {
    attributes: {
      name,
      visibility,
      disk_format,
      container_format,
      min_disk,
      min_ram,
      owner,
      tags,
      protected: image.protected === 1,
      os_hidden: image.os_hidden === 1,
    },
    properties: JSON.parse(image.properties_json) as Record<string, string | null>,
  };
}

/** @throws Forbidden, PolicyDenied */
function requireAllowed(call: Call, image: ImageRow, before: Attributes, after: Attributes): void {
  if (after.owner !== before.owner) enforceOwner(call, after.owner);
  if (after.visibility !== before.visibility) enforceVisibility(call, after.visibility, after.owner);
  if (image.status === 'queued') return;
  // The data was inspected as what it was said to be; another name would let it be opened as something else.
  for (const name of ['disk_format', 'container_format'] as const) {
    if (after[name] !== before[name]) {
      throw new Forbidden(`Attribute ${name} can be replaced only for a queued image.`, 'has-data');
    }
  }
}
