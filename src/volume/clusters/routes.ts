// `/clusters` (3.7): volume services that share a backend. There are none here: each backend has one service.
import type { Call } from '#platform/http/api.ts';
import type { PolicyRule } from '#platform/policy/enforcer.ts';
import type { VolumeRoute } from '#volume/deps.ts';
import { ResourceNotFound } from '#volume/errors.ts';
import { ADMIN, rule } from '#volume/policies.ts';

export const clusterPolicies: readonly PolicyRule[] = [
  rule('clusters:get_all', ADMIN, 'List clusters of volume services.'),
  rule('clusters:get', ADMIN, 'Show a cluster of volume services.'),
];

async function show(call: Call): Promise<never> {
  throw new ResourceNotFound('Cluster', call.params['id'] ?? '');
}

const since = '3.7';
const none = async (): Promise<unknown> => ({ clusters: [] });

export const clusterRoutes: readonly VolumeRoute[] = [
  { method: 'GET', path: '/clusters', handler: none, policy: 'clusters:get_all', since },
  { method: 'GET', path: '/clusters/detail', handler: none, policy: 'clusters:get_all', since },
  { method: 'GET', path: '/clusters/:id', handler: show, policy: 'clusters:get', since },
];
