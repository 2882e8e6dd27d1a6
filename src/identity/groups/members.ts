// Members of a group: a change counts for tokens at once, so validators are told.
import type { Call } from '#platform/http/api.ts';
import type { GroupRow, UserRow } from '../database.ts';
import type { IdentityDeps } from '../deps.ts';
import { NotFound } from '../errors.ts';
import { listAnswer } from '../listing.ts';
import { lookUp } from '../resource.ts';
import { userTarget } from '../users/find.ts';
import { findUser } from '../users/store.ts';
import { userView } from '../users/view.ts';
import { getGroup, groupTarget } from './find.ts';
import { findGroup, insertMember, isMember, listMembers, removeMember } from './store.ts';

export async function listGroupMembers(call: Call, deps: IdentityDeps): Promise<unknown> {
  const group = await getGroup(call, deps, 'identity:list_users_in_group');
  const rows = await listMembers(deps.db.kysely, group.id);
  return listAnswer(
    call,
    'users',
    rows.map((row) => userView(row, call.baseUrl)),
  );
}

export async function checkMember(call: Call, deps: IdentityDeps): Promise<unknown> {
  const { group, user } = await pairOf(call, deps, 'identity:check_user_in_group');
  if (!(await isMember(deps.db.kysely, group.id, user.id))) throw notMember(user, group);
  return undefined;
}

export async function addMember(call: Call, deps: IdentityDeps): Promise<unknown> {
  const { group, user } = await pairOf(call, deps, 'identity:add_user_to_group');
  await deps.db.transaction(async (trx) => insertMember(trx, group.id, user.id));
  await deps.revocations.announce({ user_id: user.id });
  return undefined;
}

export async function removeOneMember(call: Call, deps: IdentityDeps): Promise<unknown> {
  const { group, user } = await pairOf(call, deps, 'identity:remove_user_from_group');
  const removed = await deps.db.transaction(async (trx) => removeMember(trx, group.id, user.id));
  if (!removed) throw notMember(user, group);
  await deps.revocations.announce({ user_id: user.id });
  return undefined;
}

function notMember(user: UserRow, group: GroupRow): NotFound {
  return new NotFound('user in group', `${user.id} in ${group.id}`);
}

async function pairOf(
  call: Call,
  deps: IdentityDeps,
  rule: string,
): Promise<{ group: GroupRow; user: UserRow }> {
  const { id = '', user_id: userId = '' } = call.params;
  const group = await lookUp(id, async (key) => findGroup(deps.db.kysely, key));
  const user = await lookUp(userId, async (key) => findUser(deps.db.kysely, key));
  call.enforce(rule, { ...(group ? groupTarget(group) : {}), ...(user ? userTarget(user) : {}) });
  if (!group) throw new NotFound('group', id);
  if (!user) throw new NotFound('user', userId);
  return { group, user };
}
