// Routes and policies of what operators keep and tenants read: types, limits, services, pools, messages. `api-table.ts`
// takes them in.
import type { PolicyRule } from '#platform/policy/enforcer.ts';
import { backupPolicies } from './backups/policy.ts';
import { backupRoutes } from './backups/routes.ts';
import { capabilityPolicies, capabilityRoutes } from './capabilities/routes.ts';
import { cgsnapshotRoutes } from './cgsnapshots/routes.ts';
import { clusterPolicies, clusterRoutes } from './clusters/routes.ts';
import { consistencyGroupRoutes } from './consistencygroups/routes.ts';
import { defaultTypePolicies, defaultTypeRoutes } from './default-types/routes.ts';
import type { VolumeRoute } from './deps.ts';
import { extensionRoutes } from './extensions/routes.ts';
import { limitPolicies, limitRoutes } from './limits/routes.ts';
import { manageableSnapshotPolicies, manageableSnapshotRoutes } from './manageable_snapshots/routes.ts';
import { manageableVolumePolicies, manageableVolumeRoutes } from './manageable_volumes/routes.ts';
import { messagePolicies, messageRoutes } from './messages/routes.ts';
import { availabilityZonePolicies, availabilityZoneRoutes } from './os-availability-zone/routes.ts';
import { groupSnapshotPolicies, groupSnapshotRoutes } from './group_snapshots/routes.ts';
import { groupTypePolicies, groupTypeRoutes } from './group_types/routes.ts';
import { groupPolicies } from './groups/policy.ts';
import { groupRoutes } from './groups/routes.ts';
import { hostPolicies, hostRoutes } from './os-hosts/routes.ts';
import { servicePolicies, serviceRoutes } from './os-services/routes.ts';
import { qosPolicies, qosRoutes } from './qos-specs/routes.ts';
import { quotaPolicies, quotaRoutes } from './quota-sets/routes.ts';
import { resourceFilterRoutes } from './resource_filters/routes.ts';
import { poolPolicies, poolRoutes } from './scheduler-stats/routes.ts';
import { transferPolicies, transferRoutes } from './transfers/routes.ts';
import { typePolicies } from './types/policy.ts';
import { typeRoutes } from './types/routes.ts';
import { workerPolicies, workerRoutes } from './workers/routes.ts';

export const operatorRoutes: readonly VolumeRoute[] = [
  ...typeRoutes,
  ...defaultTypeRoutes,
  ...qosRoutes,
  ...quotaRoutes,
  ...limitRoutes,
  ...availabilityZoneRoutes,
  ...serviceRoutes,
  ...hostRoutes,
  ...clusterRoutes,
  ...poolRoutes,
  ...capabilityRoutes,
  ...extensionRoutes,
  ...resourceFilterRoutes,
  ...messageRoutes,
  ...transferRoutes,
  ...backupRoutes,
  ...manageableVolumeRoutes,
  ...manageableSnapshotRoutes,
  ...groupTypeRoutes,
  ...groupRoutes,
  ...groupSnapshotRoutes,
  ...consistencyGroupRoutes,
  ...cgsnapshotRoutes,
  ...workerRoutes,
];

export const operatorPolicies: readonly PolicyRule[] = [
  ...typePolicies,
  ...defaultTypePolicies,
  ...qosPolicies,
  ...quotaPolicies,
  ...limitPolicies,
  ...availabilityZonePolicies,
  ...servicePolicies,
  ...hostPolicies,
  ...clusterPolicies,
  ...poolPolicies,
  ...capabilityPolicies,
  ...messagePolicies,
  ...transferPolicies,
  ...backupPolicies,
  ...manageableVolumePolicies,
  ...manageableSnapshotPolicies,
  ...groupTypePolicies,
  ...groupPolicies,
  ...groupSnapshotPolicies,
  ...workerPolicies,
];
