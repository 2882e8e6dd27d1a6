// `/os-volume-manage`, since 3.8 also `/manageable_volumes`: volumes that a backend has and the service does not know.
import type { PolicyRule } from '#platform/policy/enforcer.ts';
import type { VolumeRoute } from '#volume/deps.ts';
import { ADMIN, rule } from '#volume/policies.ts';
import { manage, manageableVolumes } from './handlers.ts';
import { manageableRoutes } from './manageable.ts';
import { manageVolumeBody, manageVolumeBody_3_16 } from './schema.ts';

const LIST = 'volume_extension:list_manageable';
const MANAGE = 'volume_extension:volume_manage';

export const manageableVolumePolicies: readonly PolicyRule[] = [
  rule(LIST, ADMIN, 'List the volumes that a backend holds.'),
  rule(MANAGE, ADMIN, 'Manage a volume in that a backend holds.'),
];

export const manageableVolumeRoutes: readonly VolumeRoute[] = manageableRoutes(manageableVolumes, LIST, {
  handler: manage,
  policy: MANAGE,
  body: [{ schema: manageVolumeBody }, { since: '3.16', schema: manageVolumeBody_3_16 }],
});
