// `/os-services`: the compute services and whether they are up.
import type { ComputeRoute } from '#compute/deps.ts';
import { disable, enable, forceDown, list, remove, update } from './handlers.ts';
import { disableLogReason, forceDown_2_11, nameService, updateService_2_53 } from './schema.ts';

const path = '/v2.1/os-services';
const policy = 'os_compute_api:os-services:update';

export const computeServiceRoutes: readonly ComputeRoute[] = [
  { method: 'GET', path, handler: list, policy: 'os_compute_api:os-services:list' },
  { method: 'PUT', path: `${path}/enable`, handler: enable, policy, body: nameService, until: '2.52' },
  { method: 'PUT', path: `${path}/disable`, handler: disable, policy, body: nameService, until: '2.52' },
  {
    method: 'PUT',
    path: `${path}/disable-log-reason`,
    handler: disable,
    policy,
    body: disableLogReason,
    until: '2.52',
  },
  {
    method: 'PUT',
    path: `${path}/force-down`,
    handler: forceDown,
    policy,
    body: forceDown_2_11,
    since: '2.11',
    until: '2.52',
  },
  { method: 'PUT', path: `${path}/:id`, handler: update, policy, body: updateService_2_53, since: '2.53' },
  {
    method: 'DELETE',
    path: `${path}/:id`,
    handler: remove,
    policy: 'os_compute_api:os-services:delete',
    success: 204,
    errors: [409],
  },
];
