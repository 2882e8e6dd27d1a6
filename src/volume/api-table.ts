// All of the volume service's routes and policies, resource by resource.
import type { PolicyRule } from '#platform/policy/enforcer.ts';
import { bothPaths } from './both-paths.ts';
import type { VolumeRoute } from './deps.ts';
import { discoveryRoutes } from './discovery/routes.ts';
import { attachmentPolicies } from './attachments/policy.ts';
import { attachmentRoutes } from './attachments/routes.ts';
import { operatorPolicies, operatorRoutes } from './operator-table.ts';
import { snapshotPolicies } from './snapshots/policy.ts';
import { snapshotRoutes } from './snapshots/routes.ts';
import { volumeActionRoutes } from './volumes/action-routes.ts';
import { volumeEncryptionRoutes } from './volumes/encryption/routes.ts';
import { volumePolicies } from './volumes/policy.ts';
import { volumeRoutes } from './volumes/routes.ts';

export const volumeApiRoutes: readonly VolumeRoute[] = [
  ...discoveryRoutes,
  ...bothPaths([
    ...volumeRoutes,
    ...volumeActionRoutes,
    ...volumeEncryptionRoutes,
    ...attachmentRoutes,
    ...snapshotRoutes,
    ...operatorRoutes,
  ]),
];

export const volumeApiPolicies: readonly PolicyRule[] = [
  ...volumePolicies,
  ...attachmentPolicies,
  ...snapshotPolicies,
  ...operatorPolicies,
];
