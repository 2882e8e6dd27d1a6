// `/v3/OS-OAUTH1` and `/v3/users/{id}/OS-OAUTH1`.
import type { Route } from '#platform/http/api.ts';
import type { IdentityDeps } from '../deps.ts';
import {
  listAccessTokenRoles,
  listAccessTokens,
  removeAccessToken,
  showAccessToken,
  showAccessTokenRole,
} from './access-tokens.ts';
import {
  createConsumer,
  createConsumerBody,
  listConsumers,
  removeOneConsumer,
  showConsumer,
  updateConsumerBody,
  updateOneConsumer,
} from './consumers.ts';
import { authorize, authorizeBody, createAccessToken, createRequestToken } from './flow.ts';

const OAUTH = '/v3/OS-OAUTH1';
const ALL = `${OAUTH}/consumers`;
const TOKENS = '/v3/users/:id/OS-OAUTH1/access_tokens';
const TOKEN = `${TOKENS}/:token_id`;

export const oauthRoutes: readonly Route<IdentityDeps>[] = [
  { method: 'GET', path: ALL, policy: 'identity:list_consumers', handler: listConsumers },
  {
    method: 'POST',
    path: ALL,
    policy: 'identity:create_consumer',
    body: createConsumerBody,
    handler: createConsumer,
    success: 201,
  },
  { method: 'GET', path: `${ALL}/:id`, policy: 'identity:get_consumer', handler: showConsumer },
  {
    method: 'PATCH',
    path: `${ALL}/:id`,
    policy: 'identity:update_consumer',
    body: updateConsumerBody,
    handler: updateOneConsumer,
  },
  {
    method: 'DELETE',
    path: `${ALL}/:id`,
    policy: 'identity:delete_consumer',
    handler: removeOneConsumer,
    success: 204,
  },
  {
    method: 'POST',
    path: `${OAUTH}/request_token`,
    auth: 'none',
    handler: createRequestToken,
    success: 201,
  },
  {
    method: 'PUT',
    path: `${OAUTH}/authorize/:id`,
    policy: 'identity:authorize_request_token',
    body: authorizeBody,
    handler: authorize,
  },
  {
    method: 'POST',
    path: `${OAUTH}/access_token`,
    auth: 'none',
    handler: createAccessToken,
    success: 201,
  },
  { method: 'GET', path: TOKENS, policy: 'identity:list_access_tokens', handler: listAccessTokens },
  { method: 'GET', path: TOKEN, policy: 'identity:get_access_token', handler: showAccessToken },
  {
    method: 'DELETE',
    path: TOKEN,
    policy: 'identity:delete_access_token',
    handler: removeAccessToken,
    success: 204,
  },
  {
    method: 'GET',
    path: `${TOKEN}/roles`,
    policy: 'identity:list_access_token_roles',
    handler: listAccessTokenRoles,
  },
  {
    method: 'GET',
    path: `${TOKEN}/roles/:role_id`,
    policy: 'identity:get_access_token_role',
    handler: showAccessTokenRole,
  },
];
