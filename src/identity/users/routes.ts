// `/v3/users` and what belongs to each.
import type { Route } from '#platform/http/api.ts';
import type { IdentityDeps } from '../deps.ts';
import { changePassword } from './change-password.ts';
import { createUser, listUsers, removeOneUser, showUser, updateOneUser } from './handlers.ts';
import { listUserGroups, listUserProjects } from './memberships.ts';
import { changePasswordBody, createUserBody, updateUserBody } from './schema.ts';

export const userRoutes: readonly Route<IdentityDeps>[] = [
  { method: 'GET', path: '/v3/users', handler: listUsers },
  {
    method: 'POST',
    path: '/v3/users',
    body: createUserBody,
    handler: createUser,
    success: 201,
    errors: [409],
  },
  { method: 'GET', path: '/v3/users/:id', handler: showUser },
  { method: 'PATCH', path: '/v3/users/:id', body: updateUserBody, handler: updateOneUser, errors: [409] },
  { method: 'DELETE', path: '/v3/users/:id', handler: removeOneUser, success: 204 },
  {
    method: 'POST',
    path: '/v3/users/:id/password',
    auth: 'none', // the old password says who it is: an expired one must be changeable
    body: changePasswordBody,
    handler: changePassword,
    success: 204,
  },
  { method: 'GET', path: '/v3/users/:id/groups', handler: listUserGroups },
  { method: 'GET', path: '/v3/users/:id/projects', handler: listUserProjects },
];
