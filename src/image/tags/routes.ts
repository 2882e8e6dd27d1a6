// One tag of an image, by its name in the path.
import { isoTime } from '#platform/context/clock.ts';
import { DomainError } from '#platform/errors/domain-error.ts';
import { Reply, type Call, type Route } from '#platform/http/api.ts';
import type { ImageDeps } from '../deps.ts';
import { checkAmounts, checkTag } from '../images/attributes.ts';
import { findMutable } from '../images/find.ts';
import { insertTags, listTags, removeTag, updateImage } from '../images/store.ts';

async function addTag(call: Call, deps: ImageDeps): Promise<Reply> {
  const { image } = await findMutable(call, deps, 'modify_image');
  const tag = call.params['tag'] ?? '';
  checkTag(tag);
  await deps.db.transaction(async (trx) => {
    const present = (await listTags(trx, [image.id])).get(image.id) ?? [];
    if (present.includes(tag)) return;
    checkAmounts(deps.config, 0, present.length + 1);
    if (!(await updateImage(trx, image.id, {}, { updated_at: isoTime(deps.clock) }))) return;
    await insertTags(trx, image.id, [tag]);
  });
  return new Reply(204);
}

async function deleteTag(call: Call, deps: ImageDeps): Promise<Reply> {
  const { image } = await findMutable(call, deps, 'modify_image');
  const tag = call.params['tag'] ?? '';
  const removed = await deps.db.transaction(async (trx) => {
    if (!(await removeTag(trx, image.id, tag))) return false;
    return updateImage(trx, image.id, {}, { updated_at: isoTime(deps.clock) });
  });
  if (!removed)
    throw new DomainError('not-found', 'tag-not-found', `Image ${image.id} has no tag ${tag.slice(0, 255)}.`);
  return new Reply(204);
}

export const tagRoutes: readonly Route<ImageDeps>[] = [
  { method: 'PUT', path: '/v2/images/:image/tags/:tag', handler: addTag, success: 204, errors: [413] },
  { method: 'DELETE', path: '/v2/images/:image/tags/:tag', handler: deleteTag, success: 204 },
];
