// `/v3/domains`.
import type { Route } from '#platform/http/api.ts';
import type { IdentityDeps } from '../deps.ts';
import { createDomain, listDomains, removeOneDomain, showDomain, updateOneDomain } from './handlers.ts';
import { createDomainBody, updateDomainBody } from './schema.ts';

export const domainRoutes: readonly Route<IdentityDeps>[] = [
  { method: 'GET', path: '/v3/domains', handler: listDomains },
  {
    method: 'POST',
    path: '/v3/domains',
    policy: 'identity:create_domain',
    body: createDomainBody,
    handler: createDomain,
    success: 201,
    errors: [409],
  },
  { method: 'GET', path: '/v3/domains/:id', handler: showDomain },
  {
    method: 'PATCH',
    path: '/v3/domains/:id',
    policy: 'identity:update_domain',
    body: updateDomainBody,
    handler: updateOneDomain,
    errors: [409],
  },
  {
    method: 'DELETE',
    path: '/v3/domains/:id',
    policy: 'identity:delete_domain',
    handler: removeOneDomain,
    success: 204,
  },
];
