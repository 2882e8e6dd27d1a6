// `/v3/groups` and their members.
import type { Route } from '#platform/http/api.ts';
import type { IdentityDeps } from '../deps.ts';
import { createGroup, listGroups, removeOneGroup, showGroup, updateOneGroup } from './handlers.ts';
import { addMember, checkMember, listGroupMembers, removeOneMember } from './members.ts';
import { createGroupBody, updateGroupBody } from './schema.ts';

export const groupRoutes: readonly Route<IdentityDeps>[] = [
  { method: 'GET', path: '/v3/groups', handler: listGroups },
  {
    method: 'POST',
    path: '/v3/groups',
    body: createGroupBody,
    handler: createGroup,
    success: 201,
    errors: [409],
  },
  { method: 'GET', path: '/v3/groups/:id', handler: showGroup },
  { method: 'PATCH', path: '/v3/groups/:id', body: updateGroupBody, handler: updateOneGroup, errors: [409] },
  { method: 'DELETE', path: '/v3/groups/:id', handler: removeOneGroup, success: 204 },
  { method: 'GET', path: '/v3/groups/:id/users', handler: listGroupMembers },
  { method: 'PUT', path: '/v3/groups/:id/users/:user_id', handler: addMember, success: 204 },
  { method: 'GET', path: '/v3/groups/:id/users/:user_id', handler: checkMember, success: 204 },
  { method: 'DELETE', path: '/v3/groups/:id/users/:user_id', handler: removeOneMember, success: 204 },
];
