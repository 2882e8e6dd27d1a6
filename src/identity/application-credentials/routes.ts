// `/v3/users/{id}/application_credentials`.
import type { Route } from '#platform/http/api.ts';
import type { IdentityDeps } from '../deps.ts';
import {
  createApplicationCredential,
  listCredentials,
  removeApplicationCredential,
  showApplicationCredential,
} from './handlers.ts';
import { createApplicationCredentialBody } from './schema.ts';

const ALL = '/v3/users/:id/application_credentials';

export const applicationCredentialRoutes: readonly Route<IdentityDeps>[] = [
  { method: 'GET', path: ALL, handler: listCredentials },
  {
    method: 'POST',
    path: ALL,
    body: createApplicationCredentialBody,
    handler: createApplicationCredential,
    success: 201,
    errors: [409],
  },
  { method: 'GET', path: `${ALL}/:credential_id`, handler: showApplicationCredential },
  { method: 'DELETE', path: `${ALL}/:credential_id`, handler: removeApplicationCredential, success: 204 },
];
