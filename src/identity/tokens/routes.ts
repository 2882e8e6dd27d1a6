// `/v3/auth/tokens`.
import type { Route } from '#platform/http/api.ts';
import type { IdentityDeps } from '../deps.ts';
import { checkToken, createToken, revokeToken, showToken } from './handlers.ts';
import { createToken as createTokenBody } from './schema.ts';

export const tokenRoutes: readonly Route<IdentityDeps>[] = [
  {
    method: 'POST',
    path: '/v3/auth/tokens',
    auth: 'none',
    body: createTokenBody,
    handler: createToken,
    success: 201,
  },
  { method: 'GET', path: '/v3/auth/tokens', handler: showToken },
  { method: 'HEAD', path: '/v3/auth/tokens', handler: checkToken },
  { method: 'DELETE', path: '/v3/auth/tokens', handler: revokeToken, success: 204 },
];
