// All of the volume service's routes and policies, resource by resource.
import type { PolicyRule } from '#platform/policy/enforcer.ts';
import { bothPaths } from './both-paths.ts';
import type { VolumeRoute } from './deps.ts';
import { discoveryRoutes } from './discovery/routes.ts';

export const volumeApiRoutes: readonly VolumeRoute[] = [...discoveryRoutes, ...bothPaths([])];

export const volumeApiPolicies: readonly PolicyRule[] = [];
