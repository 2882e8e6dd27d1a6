// Assignments one by one, `PUT|HEAD|GET|DELETE /v3/{projects|domains}/{id}/{users|groups}/{id}/roles/{id}` (also inherited
// ones and those on the system), and the list of all, `/v3/role_assignments`. Rules are checked in the handlers.
import type { Route } from '#platform/http/api.ts';
import type { IdentityDeps } from '../deps.ts';
import { checkGrant, createGrant, listGrants, removeGrant, type GrantKind } from './grants.ts';
import { listRoleAssignments } from './list.ts';

function grantRoutes(base: string, suffix: string, kind: GrantKind): Route<IdentityDeps>[] {
  const one = `${base}/:role_id${suffix}`;
  return [
    { method: 'GET', path: base + suffix, handler: async (call, deps) => listGrants(call, deps, kind) },
    {
      method: 'GET',
      path: one,
      handler: async (call, deps) => checkGrant(call, deps, kind),
      success: 204,
    },
    {
      method: 'PUT',
      path: one,
      handler: async (call, deps) => createGrant(call, deps, kind),
      success: 204,
    },
    {
      method: 'DELETE',
      path: one,
      handler: async (call, deps) => removeGrant(call, deps, kind),
      success: 204,
    },
  ];
}

const kinds = (['user', 'group'] as const).flatMap((actor) => [
  ...(['project', 'domain'] as const).flatMap((target) => [
    ...grantRoutes(`/v3/${target}s/:target_id/${actor}s/:actor_id/roles`, '', {
      actor,
      target,
      inherited: 0,
    }),
    ...grantRoutes(
      `/v3/OS-INHERIT/${target}s/:target_id/${actor}s/:actor_id/roles`,
      '/inherited_to_projects',
      { actor, target, inherited: 1 },
    ),
  ]),
  ...grantRoutes(`/v3/system/${actor}s/:actor_id/roles`, '', { actor, target: 'system', inherited: 0 }),
]);

export const assignmentRoutes: readonly Route<IdentityDeps>[] = [
  ...kinds,
  { method: 'GET', path: '/v3/role_assignments', handler: listRoleAssignments },
];
