// `/os-quota-sets`: how much a project may have.
import type { ComputeRoute } from '#compute/deps.ts';
import { remove, show, showDefaults, showDetail, update } from './handlers.ts';
import { updateQuotaSet_2_1, updateQuotaSet_2_36, updateQuotaSet_2_57 } from './schema.ts';

const path = '/v2.1/os-quota-sets/:id';
const rule = (name: string): string => `os_compute_api:os-quota-sets:${name}`;

export const quotaSetRoutes: readonly ComputeRoute[] = [
  { method: 'GET', path, handler: show },
  { method: 'GET', path: `${path}/defaults`, handler: showDefaults, policy: rule('defaults') },
  { method: 'GET', path: `${path}/detail`, handler: showDetail },
  {
    method: 'PUT',
    path,
    handler: update,
    policy: rule('update'),
    body: [
      { schema: updateQuotaSet_2_1 },
      { since: '2.36', schema: updateQuotaSet_2_36 },
      { since: '2.57', schema: updateQuotaSet_2_57 },
    ],
  },
  { method: 'DELETE', path, handler: remove, policy: rule('delete'), success: 202 },
];
