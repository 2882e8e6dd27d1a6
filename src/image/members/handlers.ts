// Sharing: the owner adds and removes projects; each project accepts or rejects for itself.
import { isAdmin } from '#platform/auth/principal.ts';
import { isoTime } from '#platform/context/clock.ts';
import { Reply, type Call } from '#platform/http/api.ts';
import { isUniqueViolation } from '#platform/sql/database.ts';
import type { ImageDeps } from '../deps.ts';
import { Conflict, Forbidden, MemberNotFound, TooLarge } from '../errors.ts';
import { findMutable, findVisible, type FoundImage } from '../images/find.ts';
import { clientTime } from '../images/view.ts';
import type { ImageMemberRow, MemberStatus } from '../tables.ts';
import { insertMember, listMembers, removeMember, updateMember } from './store.ts';

function memberView(row: ImageMemberRow): Record<string, unknown> {
  return {
    member_id: row.member,
    image_id: row.image_id,
    status: row.status,
    created_at: clientTime(row.created_at),
    updated_at: clientTime(row.updated_at),
    schema: '/v2/schemas/member',
  };
}

/** A member that is not the owner sees itself only. */
function ownView(call: Call, { mutable }: FoundImage): string | undefined {
  return mutable ? undefined : call.principal.projectId;
}

export async function listImageMembers(call: Call, deps: ImageDeps): Promise<unknown> {
  const found = await findVisible(call, deps, 'get_image');
  requireShared(found);
  call.enforce('get_members', found.target);
  const rows = await listMembers(deps.db.kysely, found.image.id, ownView(call, found));
  return { members: rows.map(memberView), schema: '/v2/schemas/members' };
}

export async function showImageMember(call: Call, deps: ImageDeps): Promise<unknown> {
  const found = await findVisible(call, deps, 'get_image');
  const member = call.params['member'] ?? '';
  const own = ownView(call, found);
  const [row] =
    own === undefined || own === member ? await listMembers(deps.db.kysely, found.image.id, member) : [];
  if (!row || !call.allows('get_member', found.target))
    throw new MemberNotFound(member.slice(0, 255), found.image.id);
  return memberView(row);
}

export async function addImageMember(call: Call, deps: ImageDeps): Promise<unknown> {
  const { member } = call.body as { readonly member: string };
  const found = await findMutable(call, deps, 'add_member');
  requireShared(found);
  const now = isoTime(deps.clock);
  const row: ImageMemberRow = {
    image_id: found.image.id,
    member,
    status: 'pending',
    created_at: now,
    updated_at: now,
  };
  try {
    await deps.db.transaction(async (trx) => {
      const present = await listMembers(trx, row.image_id);
      if (present.length >= deps.config.maxMembers) {
        throw new TooLarge(`An image has at most ${deps.config.maxMembers} members.`);
      }
      await insertMember(trx, row);
    });
  } catch (error) {
    if (!isUniqueViolation(error)) throw error;
    throw new Conflict(`Project ${member} is a member of image ${row.image_id} already.`, 'duplicate-member');
  }
  return memberView(row);
}

export async function updateImageMember(call: Call, deps: ImageDeps): Promise<unknown> {
  const { status } = call.body as { readonly status: MemberStatus };
  const found = await findVisible(call, deps, 'get_image');
  const member = call.params['member'] ?? '';
  const { projectId } = call.principal;
  const own = ownView(call, found);
  const [row] =
    own === undefined || own === member ? await listMembers(deps.db.kysely, found.image.id, member) : [];
  if (!row) throw new MemberNotFound(member.slice(0, 255), found.image.id);
  if (!isAdmin(call.principal) && projectId !== member) {
    throw new Forbidden(`Only project ${member} itself may set its status on the image.`, 'not-the-member');
  }
  call.enforce('modify_member', { ...found.target, member_id: member, project_id: member });
  const updated_at = isoTime(deps.clock);
  if (!(await updateMember(deps.db.kysely, found.image.id, member, { status, updated_at }))) {
    throw new MemberNotFound(member, found.image.id);
  }
  return memberView({ ...row, status, updated_at });
}

export async function deleteImageMember(call: Call, deps: ImageDeps): Promise<Reply> {
  const found = await findMutable(call, deps, 'delete_member');
  requireShared(found);
  const member = call.params['member'] ?? '';
  if (!(await removeMember(deps.db.kysely, found.image.id, member))) {
    throw new MemberNotFound(member.slice(0, 255), found.image.id);
  }
  return new Reply(204);
}

/** @throws Forbidden */
function requireShared({ image }: FoundImage): void {
  if (image.visibility === 'shared') return;
  throw new Forbidden(
    `Only images of visibility shared have members; image ${image.id} is ${image.visibility}.`,
    'not-shared',
  );
}
