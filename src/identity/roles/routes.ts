// `/v3/roles`, what they imply, and `/v3/role_inferences`.
import type { Route } from '#platform/http/api.ts';
import type { IdentityDeps } from '../deps.ts';
import { createRole, listRoles, removeOneRole, showRole, updateOneRole } from './handlers.ts';
import {
  checkImplication,
  createImplication,
  listImpliedRoles,
  listInferences,
  removeOneImplication,
  showImplication,
} from './implications.ts';
import { createRoleBody, updateRoleBody } from './schema.ts';

const IMPLIED = '/v3/roles/:id/implies/:implied_id';

export const roleRoutes: readonly Route<IdentityDeps>[] = [
  { method: 'GET', path: '/v3/roles', handler: listRoles },
  {
    method: 'POST',
    path: '/v3/roles',
    body: createRoleBody,
    handler: createRole,
    success: 201,
    errors: [409],
  },
  { method: 'GET', path: '/v3/roles/:id', handler: showRole },
  { method: 'PATCH', path: '/v3/roles/:id', body: updateRoleBody, handler: updateOneRole, errors: [409] },
  { method: 'DELETE', path: '/v3/roles/:id', handler: removeOneRole, success: 204 },
  {
    method: 'GET',
    path: '/v3/roles/:id/implies',
    policy: 'identity:list_implied_roles',
    handler: listImpliedRoles,
  },
  { method: 'GET', path: IMPLIED, policy: 'identity:get_implied_role', handler: showImplication },
  {
    method: 'HEAD',
    path: IMPLIED,
    policy: 'identity:check_implied_role',
    handler: checkImplication,
    success: 204,
  },
  {
    method: 'PUT',
    path: IMPLIED,
    policy: 'identity:create_implied_role',
    handler: createImplication,
    success: 201,
    errors: [409],
  },
  {
    method: 'DELETE',
    path: IMPLIED,
    policy: 'identity:delete_implied_role',
    handler: removeOneImplication,
    success: 204,
  },
  {
    method: 'GET',
    path: '/v3/role_inferences',
    policy: 'identity:list_role_inference_rules',
    handler: listInferences,
  },
];
