// `/os-hypervisors`: the compute nodes, what they have and what of it is used.
import type { ComputeRoute } from '#compute/deps.ts';
import { listBrief, listDetail, search, servers, show, statistics, uptime } from './handlers.ts';

const path = '/v2.1/os-hypervisors';
const rule = (name: string): string => `os_compute_api:os-hypervisors:${name}`;

export const hypervisorRoutes: readonly ComputeRoute[] = [
  { method: 'GET', path, handler: listBrief, policy: rule('list') },
  { method: 'GET', path: `${path}/detail`, handler: listDetail, policy: rule('list-detail') },
  {
    method: 'GET',
    path: `${path}/statistics`,
    handler: statistics,
    policy: rule('statistics'),
    until: '2.87',
  },
  { method: 'GET', path: `${path}/:id`, handler: show, policy: rule('show') },
  {
    method: 'GET',
    path: `${path}/:id/uptime`,
    handler: uptime,
    policy: rule('uptime'),
    until: '2.87',
    errors: [501],
  },
  { method: 'GET', path: `${path}/:id/search`, handler: search, policy: rule('search'), until: '2.52' },
  { method: 'GET', path: `${path}/:id/servers`, handler: servers, policy: rule('servers'), until: '2.52' },
];
