// All of the volume service's routes and policies, resource by resource.
import type { PolicyRule } from '#platform/policy/enforcer.ts';
import { bothPaths } from './both-paths.ts';
import type { VolumeRoute } from './deps.ts';
import { discoveryRoutes } from './discovery/routes.ts';
import { operatorPolicies, operatorRoutes } from './operator-table.ts';

export const volumeApiRoutes: readonly VolumeRoute[] = [...discoveryRoutes, ...bothPaths([...operatorRoutes])];

export const volumeApiPolicies: readonly PolicyRule[] = [...operatorPolicies];
