// `/v3/OS-TRUST/trusts`. Rules are checked in the handlers, which know both sides.
import type { Route } from '#platform/http/api.ts';
import type { IdentityDeps } from '../deps.ts';
import {
  createTrust,
  listTrustRoles,
  listTrusts,
  removeTrust,
  showTrust,
  showTrustRole,
} from './handlers.ts';
import { createTrustBody } from './schema.ts';

const ALL = '/v3/OS-TRUST/trusts';

export const trustRoutes: readonly Route<IdentityDeps>[] = [
  { method: 'GET', path: ALL, handler: listTrusts },
  {
    method: 'POST',
    path: ALL,
    body: createTrustBody,
    handler: createTrust,
    success: 201,
    errors: [409],
  },
  { method: 'GET', path: `${ALL}/:id`, handler: showTrust },
  { method: 'DELETE', path: `${ALL}/:id`, handler: removeTrust, success: 204 },
  { method: 'GET', path: `${ALL}/:id/roles`, handler: listTrustRoles },
  { method: 'GET', path: `${ALL}/:id/roles/:role_id`, handler: showTrustRole },
];
