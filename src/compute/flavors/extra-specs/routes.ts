// `/flavors/{id}/os-extra_specs`: what a flavor asks of hosts beyond its sizes.
import type { ComputeRoute } from '#compute/deps.ts';
import { createExtraSpecs, updateExtraSpec } from '../schema.ts';
import { create, list, remove, show, update } from './handlers.ts';

const path = '/v2.1/flavors/:id/os-extra_specs';
const rule = (name: string): string => `os_compute_api:os-flavor-extra-specs:${name}`;

export const flavorExtraSpecRoutes: readonly ComputeRoute[] = [
  { method: 'GET', path, handler: list, policy: rule('index') },
  { method: 'POST', path, handler: create, policy: rule('create'), body: createExtraSpecs },
  { method: 'GET', path: `${path}/:key`, handler: show, policy: rule('show') },
  { method: 'PUT', path: `${path}/:key`, handler: update, policy: rule('update'), body: updateExtraSpec },
  { method: 'DELETE', path: `${path}/:key`, handler: remove, policy: rule('delete') },
];
