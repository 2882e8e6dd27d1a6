// `/os-volume-manage`, since 3.8 also `/manageable_volumes`: volumes that a backend has and the service does not know.
import type { PolicyRule } from '#platform/policy/enforcer.ts';
import type { VolumeRoute } from '#volume/deps.ts';
import { ADMIN, rule } from '#volume/policies.ts';
import { listBrief, listDetail, manage } from './handlers.ts';
import { manageVolumeBody, manageVolumeBody_3_16 } from './schema.ts';

const LIST = 'volume_extension:list_manageable';
const MANAGE = 'volume_extension:volume_manage';

export const manageableVolumePolicies: readonly PolicyRule[] = [
  rule(LIST, ADMIN, 'List the volumes that a backend holds.'),
  rule(MANAGE, ADMIN, 'Manage a volume in that a backend holds.'),
];

const routesAt = (path: string, extra: Pick<VolumeRoute, 'since'>): VolumeRoute[] => [
  { method: 'GET', path, handler: listBrief, policy: LIST, errors: [503, 504], ...extra },
  { method: 'GET', path: `${path}/detail`, handler: listDetail, policy: LIST, errors: [503, 504], ...extra },
  {
    method: 'POST',
    path,
    handler: manage,
    policy: MANAGE,
    body: [{ schema: manageVolumeBody }, { since: '3.16', schema: manageVolumeBody_3_16 }],
    success: 202,
    errors: [413, 503, 504],
    ...extra,
  },
];

export const manageableVolumeRoutes: readonly VolumeRoute[] = [
  ...routesAt('/os-volume-manage', {}),
  ...routesAt('/manageable_volumes', { since: '3.8' }),
];
