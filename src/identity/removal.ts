// What goes with a user, group, project, role or domain when it is removed, so that nothing of it is left behind. Each in
// the caller's transaction.
import { removeAccessRulesOfUser } from './access-rules/store.ts';
import { removeApplicationCredentials } from './application-credentials/store.ts';
import { removeCredentials } from './credentials/store.ts';
import type { IdentityExecutor } from './database.ts';
import { removeOptions } from './domain-config/store.ts';
import { removeTies } from './endpoint-filter/store.ts';
import { removeLimits } from './limits/store.ts';
import { listGroupRows, removeGroup, removeMembershipsOfUser } from './groups/store.ts';
import { removeAccessTokens } from './oauth1/store.ts';
import { listProjectRows, removeProject } from './projects/store.ts';
import { removeAssignments } from './role-assignments/store.ts';
import { listRoleRows, removeRole } from './roles/store.ts';
import { removeTrusts } from './trusts/store.ts';
import { forgetDefaultProject, listUserRows, removeUser } from './users/store.ts';

export async function removeUserWithAll(trx: IdentityExecutor, id: string): Promise<void> {
  await removeMembershipsOfUser(trx, id);
  await removeAssignments(trx, { actor_type: 'user', actor_id: id });
  await removeApplicationCredentials(trx, { user_id: id });
  await removeAccessRulesOfUser(trx, id);
  await removeCredentials(trx, { user_id: id });
  await removeTrusts(trx, { trustor_user_id: id });
  await removeTrusts(trx, { trustee_user_id: id });
  await removeAccessTokens(trx, { user_id: id });
  await removeUser(trx, id);
}

export async function removeGroupWithAll(trx: IdentityExecutor, id: string): Promise<void> {
  await removeAssignments(trx, { actor_type: 'group', actor_id: id });
  await removeGroup(trx, id);
}

export async function removeProjectWithAll(trx: IdentityExecutor, id: string): Promise<void> {
  await removeAssignments(trx, { target_type: 'project', target_id: id });
  await removeApplicationCredentials(trx, { project_id: id });
  await removeCredentials(trx, { project_id: id });
  await removeTrusts(trx, { project_id: id });
  await removeAccessTokens(trx, { project_id: id });
  await removeTies(trx, { project_id: id });
  await removeLimits(trx, { project_id: id });
  await forgetDefaultProject(trx, id);
  await removeProject(trx, id);
}

export async function removeRoleWithAll(trx: IdentityExecutor, id: string): Promise<void> {
  await removeAssignments(trx, { role_id: id });
  await removeRole(trx, id);
}

export async function removeDomainWithAll(trx: IdentityExecutor, id: string): Promise<void> {
  for (const project of await listProjectRows(trx, { domain_id: id }))
    await removeProjectWithAll(trx, project.id);
  for (const user of await listUserRows(trx, { domain_id: id })) await removeUserWithAll(trx, user.id);
  for (const group of await listGroupRows(trx, { domain_id: id })) await removeGroupWithAll(trx, group.id);
  for (const role of await listRoleRows(trx, { domain_id: id })) await removeRoleWithAll(trx, role.id);
  await removeAssignments(trx, { target_type: 'domain', target_id: id });
  await removeLimits(trx, { domain_id: id });
  await removeOptions(trx, id);
  await removeProject(trx, id);
}
