// `/group_types` (3.11): kinds of groups of volumes, and their specs.
import { Type } from 'typebox';
import type { PolicyRule } from '#platform/policy/enforcer.ts';
import type { VolumeRoute } from '#volume/deps.ts';
import { ADMIN, ANYBODY, rule } from '#volume/policies.ts';
import { requiredName } from '#volume/required-name.ts';
import { booleanSchema, nameSchema, orNull, strict } from '#volume/schema-types.ts';
import { extraSpecsSchema } from '../types/schema.ts';
import { create, list, remove, show, showDefault, update } from './handlers.ts';
import * as specs from './specs.ts';

export const groupTypePolicies: readonly PolicyRule[] = [
  rule('group:group_types:get_all', ANYBODY, 'List and show group types.'),
  rule('group:group_types:create', ADMIN, 'Create a group type.'),
  rule('group:group_types:update', ADMIN, 'Change a group type.'),
  rule('group:group_types:delete', ADMIN, 'Delete a group type.'),
  rule('group:access_group_types_specs', ADMIN, 'See specs in group types.'),
  rule('group:group_types_specs:get', ADMIN, 'Show a spec of a group type.'),
  rule('group:group_types_specs:get_all', ADMIN, 'List the specs of a group type.'),
  rule('group:group_types_specs:create', ADMIN, 'Add specs to a group type.'),
  rule('group:group_types_specs:update', ADMIN, 'Change a spec of a group type.'),
  rule('group:group_types_specs:delete', ADMIN, 'Remove a spec of a group type.'),
];

const fields = {
  description: Type.Optional(orNull(nameSchema)),
  is_public: Type.Optional(orNull(booleanSchema)),
};
const createBody = Type.Object(
  {
    group_type: Type.Object(
      { ...fields, name: requiredName, group_specs: Type.Optional(orNull(extraSpecsSchema)) },
      strict,
    ),
  },
  strict,
);
const updateBody = Type.Object(
  { group_type: Type.Object({ ...fields, name: Type.Optional(orNull(requiredName)) }, strict) },
  strict,
);
const specsBody = Type.Object({ group_specs: extraSpecsSchema }, strict);

const since = '3.11';
const path = '/group_types';
const types = (name: string): string => `group:group_types:${name}`;
const ofSpecs = (name: string): string => `group:group_types_specs:${name}`;
const at = `${path}/:id/group_specs`;

export const groupTypeRoutes: readonly VolumeRoute[] = [
  { method: 'GET', path, handler: list, policy: types('get_all'), since },
  {
    method: 'POST',
    path,
    handler: create,
    policy: types('create'),
    body: createBody,
    success: 202,
    errors: [409],
    since,
  },
  { method: 'GET', path: `${path}/default`, handler: showDefault, policy: types('get_all'), since },
  { method: 'GET', path: `${path}/:id`, handler: show, policy: types('get_all'), since },
  {
    method: 'PUT',
    path: `${path}/:id`,
    handler: update,
    policy: types('update'),
    body: updateBody,
    errors: [409],
    since,
  },
  { method: 'DELETE', path: `${path}/:id`, handler: remove, policy: types('delete'), success: 202, since },
  { method: 'GET', path: at, handler: specs.list, policy: ofSpecs('get_all'), since },
  {
    method: 'POST',
    path: at,
    handler: specs.create,
    policy: ofSpecs('create'),
    body: specsBody,
    success: 202,
    since,
  },
  { method: 'GET', path: `${at}/:key`, handler: specs.show, policy: ofSpecs('get'), since },
  {
    method: 'PUT',
    path: `${at}/:key`,
    handler: specs.update,
    policy: ofSpecs('update'),
    body: extraSpecsSchema,
    since,
  },
  {
    method: 'DELETE',
    path: `${at}/:key`,
    handler: specs.remove,
    policy: ofSpecs('delete'),
    success: 202,
    since,
  },
];
