// Finds the image of a request: what the caller may not see is not there, what it may not change it is told so.
import { isAdmin } from '#platform/auth/principal.ts';
import type { Call } from '#platform/http/api.ts';
import type { ImageDeps } from '../deps.ts';
import { Forbidden, ImageNotFound } from '../errors.ts';
import type { ImageRow } from '../tables.ts';
import { findImageRow, findMembership } from './store.ts';

export interface FoundImage {
  readonly image: ImageRow;
  /** What the rules are checked against. */
  readonly target: Readonly<Record<string, unknown>>;
  /** Its project's, or an administrator's. */
  readonly mutable: boolean;
}

const ID = /^[0-9a-fA-F-]{32,36}$/;

/** @throws ImageNotFound also when `rule` denies what the caller could see */
export async function findVisible(call: Call, deps: ImageDeps, rule: string): Promise<FoundImage> {
  const found = await findSeen(call, deps);
  call.enforce(rule, found.target);
  return found;
}

/** @throws ImageNotFound, Forbidden when the caller sees it and may not change it */
export async function findMutable(call: Call, deps: ImageDeps, rule: string): Promise<FoundImage> {
  const found = await findSeen(call, deps);
  if (!found.mutable) {
    throw new Forbidden(`Image ${found.image.id} belongs to another project: only its owner may change it.`);
  }
  call.enforce(rule, found.target);
  return found;
}

async function findSeen(call: Call, deps: ImageDeps): Promise<FoundImage> {
  const id = call.params['image'] ?? '';
  const found = await findIfSeen(call, deps, id);
  if (!found) throw new ImageNotFound(id.slice(0, 255));
  return found;
}

/** Undefined alike for what is not there and for what the caller may not see. */
export async function findIfSeen(call: Call, deps: ImageDeps, id: string): Promise<FoundImage | undefined> {
  const image = ID.test(id) ? await findImageRow(deps.db.kysely, id.toLowerCase()) : undefined;
  if (!image) return undefined;
  const { projectId } = call.principal;
  const owns = projectId !== undefined && image.owner === projectId;
  const sharedWithCaller =
    image.visibility === 'shared' &&
    !owns &&
    projectId !== undefined &&
    (await findMembership(deps.db.kysely, image.id, projectId)) !== undefined;
  const target = {
    project_id: image.owner,
    owner: image.owner,
    visibility: image.visibility,
    ...(sharedWithCaller ? { member_id: projectId } : {}),
  };
  if (!call.allows('get_image', target)) return undefined;
  return { image, target, mutable: owns || isAdmin(call.principal) };
}
