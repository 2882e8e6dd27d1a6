// `/os-floating-ips`, `/os-floating-ip-pools`: floating IPs through compute, until 2.35. The actions that put them on
// servers are there until 2.43.
import { Type } from 'typebox';
import type { ComputeRoute } from '#compute/deps.ts';
import { strict } from '#compute/schema-types.ts';
import { create, listAll, listPools, remove, show } from './handlers.ts';

const body = Type.Object(
  { pool: Type.Union([Type.String({ minLength: 1, maxLength: 255 }), Type.Null()]) },
  strict,
);
const path = '/v2.1/os-floating-ips';
const until = '2.35';
const may = (name: string): string => `os_compute_api:os-floating-ips:${name}`;

export const floatingIpRoutes: readonly ComputeRoute[] = [
  { method: 'GET', path, handler: listAll, policy: may('list'), until },
  { method: 'POST', path, handler: create, policy: may('create'), body, until },
  { method: 'GET', path: `${path}/:id`, handler: show, policy: may('show'), until },
  { method: 'DELETE', path: `${path}/:id`, handler: remove, policy: may('delete'), success: 202, until },
  {
    method: 'GET',
    path: '/v2.1/os-floating-ip-pools',
    handler: listPools,
    policy: 'os_compute_api:os-floating-ip-pools',
    until,
  },
];
