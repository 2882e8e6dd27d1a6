// Create, show and remove an image; deactivate and reactivate its data. List and update have files of their own.
import { randomUUID } from 'node:crypto';
import { isAdmin } from '#platform/auth/principal.ts';
import { isoTime } from '#platform/context/clock.ts';
import { Reply, type Call } from '#platform/http/api.ts';
import { isUniqueViolation } from '#platform/sql/database.ts';
import type { ImageDeps } from '../deps.ts';
import { Conflict, Forbidden, ImageNotFound, Invalid } from '../errors.ts';
import { discardData, placesOf, requireUnused } from '../locations/places.ts';
import { listLocationsOf } from '../locations/store.ts';
import { requireQuota } from '../quotas/quotas.ts';
import type { ImageRow } from '../tables.ts';
import { checkAmounts, checkAttribute, DEFAULT_ATTRIBUTES, isBase, type Attributes } from './attributes.ts';
import { findMutable, findVisible } from './find.ts';
import { isStaged, requireSwitchable } from './states.ts';
import { findImageRow, insertImage, listTags, removeImage, updateImage } from './store.ts';
import { mayLocate, whereabouts } from './trust.ts';
import { imageView, NOWHERE } from './view.ts';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

export async function createImage(call: Call, deps: ImageDeps): Promise<Reply> {
  const { image, tags } = newImage(call, deps, call.body as Readonly<Record<string, unknown>>);
  const { id } = image;
  try {
    await deps.db.transaction(async (trx) => {
      await requireQuota(deps, trx, 'image_count_total', image.owner, 1);
      await insertImage(trx, image, tags);
    });
  } catch (error) {
    if (isUniqueViolation(error)) throw new Conflict(`Image ID ${id} already exists!`, 'id-taken');
    throw error;
  }
  return new Reply(201, imageView(image, tags, NOWHERE), {
    location: `${call.baseUrl}/v2/images/${id}`,
    'openstack-image-import-methods': deps.config.importMethods.join(','),
    'openstack-image-store-ids': deps.stores.all.map(({ id: store }) => store).join(','),
  });
}

/** The image that the caller wishes, checked, not yet stored. @throws Invalid, Forbidden, PolicyDenied, TooLarge */
export function newImage(
  call: Call,
  deps: ImageDeps,
  { id: wantedId, ...wanted }: Readonly<Record<string, unknown>>,
): { image: ImageRow; tags: string[] } {
  for (const [name, value] of Object.entries(wanted)) checkAttribute(name, value);
  const given = Object.entries(wanted);
  const attributes: Attributes = {
    ...DEFAULT_ATTRIBUTES,
    owner: call.principal.projectId ?? null,
    ...Object.fromEntries(given.filter(([name]) => isBase(name))),
  };
  const properties = Object.fromEntries(given.filter(([name]) => !isBase(name)));
  const id = chosenId(wantedId);
  checkAmounts(deps.config, Object.keys(properties).length, attributes.tags.length);
  enforceOwner(call, attributes.owner);
  call.enforce('add_image', { project_id: attributes.owner, owner: attributes.owner });
  enforceVisibility(call, attributes.visibility, attributes.owner);
  return {
    image: newRow(deps, id, attributes, properties),
    tags: [...new Set(attributes.tags)].toSorted(),
  };
}

function chosenId(wanted: unknown): string {
  if (wanted === undefined) return randomUUID();
  if (typeof wanted !== 'string' || !UUID.test(wanted))
    throw new Invalid("Invalid value for 'id': it must be a UUID.");
  return wanted.toLowerCase();
}

/** @throws Forbidden when a tenant gives an image to another project */
export function enforceOwner(call: Call, owner: string | null): void {
  if (isAdmin(call.principal) || owner === (call.principal.projectId ?? null)) return;
  throw new Forbidden(
    'You are not permitted to create or give an image to another project.',
    'foreign-owner',
  );
}

/** @throws PolicyDenied */
export function enforceVisibility(call: Call, visibility: string, owner: string | null): void {
  const target = { project_id: owner, owner, visibility };
  if (visibility === 'public') call.enforce('publicize_image', target);
  if (visibility === 'community') call.enforce('communitize_image', target);
}

function newRow(
  deps: ImageDeps,
  id: string,
  attributes: Attributes,
  properties: Readonly<Record<string, unknown>>,
): ImageRow {
  const now = isoTime(deps.clock);
  const { tags: _, ...columns } = attributes;
  return {
    ...columns,
    id,
    status: 'queued',
    protected: attributes.protected ? 1 : 0,
    os_hidden: attributes.os_hidden ? 1 : 0,
    size: null,
    virtual_size: null,
    checksum: null,
    os_hash_algo: null,
    os_hash_value: null,
    upload_id: null,
    upload_lease: null,
    staged_json: null,
    import_task: null,
    importing_to: null,
    failed_import: null,
    properties_json: JSON.stringify(properties),
    created_at: now,
    updated_at: now,
  };
}

export async function showImage(call: Call, deps: ImageDeps): Promise<unknown> {
  const { image } = await findVisible(call, deps, 'get_image');
  return viewFor(call, deps, image);
}

/** The image as this caller may see it. */
export async function viewFor(call: Call, deps: ImageDeps, image: ImageRow): Promise<unknown> {
  const tags = await listTags(deps.db.kysely, [image.id]);
  const locations = await listLocationsOf(deps.db.kysely, image.id);
  const where = whereabouts(deps, locations, await mayLocate(call, deps));
  return imageView(image, tags.get(image.id) ?? [], where);
}

export async function deleteImage(call: Call, deps: ImageDeps): Promise<Reply> {
  const { image } = await findMutable(call, deps, 'delete_image');
  const places = placesOf(deps, await listLocationsOf(deps.db.kysely, image.id));
  await requireUnused(image.id, places);
  const removed = await deps.db.transaction(async (trx) => removeImage(trx, image.id));
  if (!removed) {
    if (!(await findImageRow(deps.db.kysely, image.id))) throw new ImageNotFound(image.id);
    throw new Forbidden(`Image ${image.id} is protected and cannot be deleted.`, 'protected');
  }
  // Whoever reads it now reads on: the file's blocks go with the last reader. A crash here leaves it to the sweep.
  await discardData(deps, places);
  if (isStaged(image)) await deps.staging.delete(image.upload_id ?? '');
  return new Reply(204);
}

export async function deactivateImage(call: Call, deps: ImageDeps): Promise<Reply> {
  return switchImage(call, deps, 'deactivate', 'deactivated');
}

export async function reactivateImage(call: Call, deps: ImageDeps): Promise<Reply> {
  return switchImage(call, deps, 'reactivate', 'active');
}

async function switchImage(
  call: Call,
  deps: ImageDeps,
  rule: string,
  to: 'active' | 'deactivated',
): Promise<Reply> {
  const { image } = await findMutable(call, deps, rule);
  requireSwitchable(image, to);
  if (image.status !== to) {
    const set = { status: to, updated_at: isoTime(deps.clock) };
    const done = await updateImage(deps.db.kysely, image.id, { status: image.status }, set);
    if (!done) throw new Conflict(`Image ${image.id} changed meanwhile: try again.`, 'changed-meanwhile');
  }
  return new Reply(204);
}
