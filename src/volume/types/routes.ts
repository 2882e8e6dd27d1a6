// `/types`: kinds of volumes, with what they ask of backends and who may use them.
import type { VolumeRoute } from '#volume/deps.ts';
import * as access from './access/handlers.ts';
import { addProjectAccess } from './actions/addProjectAccess.ts';
import { removeProjectAccess } from './actions/removeProjectAccess.ts';
import * as encryption from './encryption/handlers.ts';
import * as extraSpecs from './extra-specs/handlers.ts';
import { create, list, remove, show, showDefault, update } from './handlers.ts';
import {
  createEncryption,
  createExtraSpecs,
  createType,
  updateEncryption,
  extraSpecsSchema,
  updateType,
} from './schema.ts';

const path = '/types';
const rule = (name: string): string => `volume_extension:${name}`;

export const typeRoutes: readonly VolumeRoute[] = [
  { method: 'GET', path, handler: list, policy: rule('type_get_all') },
  { method: 'POST', path, handler: create, policy: rule('type_create'), body: createType, errors: [409] },
  { method: 'GET', path: `${path}/default`, handler: showDefault, policy: rule('type_get') },
  { method: 'GET', path: `${path}/:id`, handler: show, policy: rule('type_get') },
  {
    method: 'PUT',
    path: `${path}/:id`,
    handler: update,
    policy: rule('type_update'),
    body: updateType,
    errors: [409],
  },
  { method: 'DELETE', path: `${path}/:id`, handler: remove, policy: rule('type_delete'), success: 202 },
  {
    method: 'POST',
    path: `${path}/:id/action`,
    actions: [addProjectAccess, removeProjectAccess],
    errors: [409],
  },
  {
    method: 'GET',
    path: `${path}/:id/os-volume-type-access`,
    handler: access.list,
    policy: rule('volume_type_access:get_all_for_type'),
  },
  {
    method: 'GET',
    path: `${path}/:id/extra_specs`,
    handler: extraSpecs.list,
    policy: rule('types_extra_specs:index'),
  },
  {
    method: 'POST',
    path: `${path}/:id/extra_specs`,
    handler: extraSpecs.create,
    policy: rule('types_extra_specs:create'),
    body: createExtraSpecs,
  },
  {
    method: 'GET',
    path: `${path}/:id/extra_specs/:key`,
    handler: extraSpecs.show,
    policy: rule('types_extra_specs:show'),
  },
  {
    method: 'PUT',
    path: `${path}/:id/extra_specs/:key`,
    handler: extraSpecs.update,
    policy: rule('types_extra_specs:update'),
    body: extraSpecsSchema,
  },
  {
    method: 'DELETE',
    path: `${path}/:id/extra_specs/:key`,
    handler: extraSpecs.remove,
    policy: rule('types_extra_specs:delete'),
    success: 202,
  },
  {
    method: 'GET',
    path: `${path}/:id/encryption`,
    handler: encryption.show,
    policy: rule('volume_type_encryption:get'),
  },
  {
    method: 'POST',
    path: `${path}/:id/encryption`,
    handler: encryption.create,
    policy: rule('volume_type_encryption:create'),
    body: createEncryption,
  },
  {
    method: 'GET',
    path: `${path}/:id/encryption/:key`,
    handler: encryption.showItem,
    policy: rule('volume_type_encryption:get'),
  },
  {
    method: 'PUT',
    path: `${path}/:id/encryption/:key`,
    handler: encryption.update,
    policy: rule('volume_type_encryption:update'),
    body: updateEncryption,
  },
  {
    method: 'DELETE',
    path: `${path}/:id/encryption/:key`,
    handler: encryption.remove,
    policy: rule('volume_type_encryption:delete'),
    success: 202,
  },
];
