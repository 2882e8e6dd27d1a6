// All of compute's routes and policies, resource by resource.
import type { PolicyRule } from '#platform/policy/enforcer.ts';
import type { ComputeRoute } from './deps.ts';
import { discoveryRoutes } from './discovery/routes.ts';
import { serverPolicies } from './servers/policy.ts';
import { serverRoutes } from './servers/routes.ts';

export const computeRoutes: readonly ComputeRoute[] = [...discoveryRoutes, ...serverRoutes];

export const computePolicies: readonly PolicyRule[] = [...serverPolicies];
