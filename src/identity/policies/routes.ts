// `/v3/policies`.
import type { Route } from '#platform/http/api.ts';
import type { IdentityDeps } from '../deps.ts';
import { createPolicy, listPolicies, removeOnePolicy, showPolicy, updateOnePolicy } from './handlers.ts';
import { createPolicyBody, updatePolicyBody } from './schema.ts';

const ONE = '/v3/policies/:id';

export const policyRoutes: readonly Route<IdentityDeps>[] = [
  { method: 'GET', path: '/v3/policies', policy: 'identity:list_policies', handler: listPolicies },
  {
    method: 'POST',
    path: '/v3/policies',
    policy: 'identity:create_policy',
    body: createPolicyBody,
    handler: createPolicy,
    success: 201,
  },
  { method: 'GET', path: ONE, policy: 'identity:get_policy', handler: showPolicy },
  {
    method: 'PATCH',
    path: ONE,
    policy: 'identity:update_policy',
    body: updatePolicyBody,
    handler: updateOnePolicy,
  },
  { method: 'DELETE', path: ONE, policy: 'identity:delete_policy', handler: removeOnePolicy, success: 204 },
];
