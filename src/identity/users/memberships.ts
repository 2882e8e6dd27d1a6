// The groups of a user, and the projects on which it has a role.
import type { Call } from '#platform/http/api.ts';
import type { IdentityDeps } from '../deps.ts';
import { listGroupsOfUser } from '../groups/store.ts';
import { groupView } from '../groups/view.ts';
import { booleanOf, listAnswer } from '../listing.ts';
import { projectView } from '../projects/view.ts';
import { projectsOfUser } from '../role-assignments/reach.ts';
import { getUser } from './find.ts';

export async function listUserGroups(call: Call, deps: IdentityDeps): Promise<unknown> {
  const user = await getUser(call, deps, 'identity:list_groups_for_user');
  const name = call.query.get('name');
  const rows = await listGroupsOfUser(deps.db.kysely, user.id);
  const views = rows.filter((row) => name === null || row.name === name);
  return listAnswer(
    call,
    'groups',
    views.map((row) => ({ ...groupView(row, call.baseUrl), membership_expires_at: null })),
  );
}

export async function listUserProjects(call: Call, deps: IdentityDeps): Promise<unknown> {
  const user = await getUser(call, deps, 'identity:list_user_projects');
  const { query } = call;
  const enabled = query.get('enabled');
  const rows = (await projectsOfUser(deps, user.id)).filter(
    (row) =>
      (query.get('name') ?? row.name) === row.name &&
      (query.get('domain_id') ?? row.domain_id) === row.domain_id &&
      (enabled === null || booleanOf(enabled) === (row.enabled === 1)),
  );
  return listAnswer(
    call,
    'projects',
    rows.map((row) => projectView(row, call.baseUrl)),
  );
}
