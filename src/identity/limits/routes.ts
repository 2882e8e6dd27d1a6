// `/v3/registered_limits` and `/v3/limits`.
import type { Route } from '#platform/http/api.ts';
import type { IdentityDeps } from '../deps.ts';
import {
  createLimits,
  listLimits,
  removeOneLimit,
  showLimit,
  showModel,
  updateOneLimit,
} from './handlers.ts';
import {
  createRegistered,
  listRegistered,
  removeOneRegistered,
  showRegistered,
  updateOneRegistered,
} from './registered.ts';
import { createLimitsBody, createRegisteredBody, updateLimitBody, updateRegisteredBody } from './schema.ts';

const REGISTERED = '/v3/registered_limits';
const LIMITS = '/v3/limits';

export const limitRoutes: readonly Route<IdentityDeps>[] = [
  { method: 'GET', path: REGISTERED, policy: 'identity:list_registered_limits', handler: listRegistered },
  {
    method: 'POST',
    path: REGISTERED,
    policy: 'identity:create_registered_limits',
    body: createRegisteredBody,
    handler: createRegistered,
    success: 201,
    errors: [409],
  },
  {
    method: 'GET',
    path: `${REGISTERED}/:id`,
    policy: 'identity:get_registered_limit',
    handler: showRegistered,
  },
  {
    method: 'PATCH',
    path: `${REGISTERED}/:id`,
    policy: 'identity:update_registered_limit',
    body: updateRegisteredBody,
    handler: updateOneRegistered,
    errors: [409],
  },
  {
    method: 'DELETE',
    path: `${REGISTERED}/:id`,
    policy: 'identity:delete_registered_limit',
    handler: removeOneRegistered,
    success: 204,
  },
  { method: 'GET', path: `${LIMITS}/model`, policy: 'identity:get_limit_model', handler: showModel },
  { method: 'GET', path: LIMITS, policy: 'identity:list_limits', handler: listLimits },
  {
    method: 'POST',
    path: LIMITS,
    policy: 'identity:create_limits',
    body: createLimitsBody,
    handler: createLimits,
    success: 201,
    errors: [409],
  },
  { method: 'GET', path: `${LIMITS}/:id`, handler: showLimit },
  { method: 'PATCH', path: `${LIMITS}/:id`, body: updateLimitBody, handler: updateOneLimit },
  { method: 'DELETE', path: `${LIMITS}/:id`, handler: removeOneLimit, success: 204 },
];
