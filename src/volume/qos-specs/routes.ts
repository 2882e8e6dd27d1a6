// `/qos-specs`: limits on speed that volume types name, for hypervisors (front-end) or backends (back-end).
import type { PolicyRule } from '#platform/policy/enforcer.ts';
import type { VolumeRoute } from '#volume/deps.ts';
import { ADMIN, rule } from '#volume/policies.ts';
import { requiredName } from '#volume/required-name.ts';
import { strict } from '#volume/schema-types.ts';
import { Type } from 'typebox';
import {
  associate,
  create,
  deleteKeys,
  disassociate,
  disassociateAll,
  list,
  listAssociations,
  remove,
  show,
  update,
} from './handlers.ts';

const allow = (name: string): string => `volume_extension:qos_specs_manage:${name}`;

export const qosPolicies: readonly PolicyRule[] = [
  rule(allow('get_all'), ADMIN, 'List QoS specs and the types that have them.'),
  rule(allow('get'), ADMIN, 'Show QoS specs.'),
  rule(allow('create'), ADMIN, 'Create QoS specs.'),
  rule(allow('update'), ADMIN, 'Change QoS specs, and give them to volume types or take them.'),
  rule(allow('delete'), ADMIN, 'Delete QoS specs or keys of them.'),
];

const key = String.raw`^[a-zA-Z0-9\-_:. ]{1,255}$`;
const value = Type.String({ maxLength: 255, pattern: String.raw`^[^\u0000]*$` });
const createQosSpecs = Type.Object(
  {
    qos_specs: Type.Intersect([
      Type.Object({ name: requiredName }),
      Type.Record(Type.String({ pattern: key }), value, strict),
    ]),
  },
  strict,
);
const updateQosSpecs = Type.Object(
  { qos_specs: Type.Record(Type.String({ pattern: key }), value, { ...strict, minProperties: 1 }) },
  strict,
);
const removeKeys = Type.Object(
  {
    keys: Type.Array(Type.String({ minLength: 1, maxLength: 255 }), {
      minItems: 1,
      maxItems: 255,
      uniqueItems: true,
    }),
  },
  strict,
);

const path = '/qos-specs';

export const qosRoutes: readonly VolumeRoute[] = [
  { method: 'GET', path, handler: list, policy: allow('get_all') },
  {
    method: 'POST',
    path,
    handler: create,
    policy: allow('create'),
    body: createQosSpecs,
    errors: [409],
  },
  { method: 'GET', path: `${path}/:id`, handler: show, policy: allow('get') },
  { method: 'PUT', path: `${path}/:id`, handler: update, policy: allow('update'), body: updateQosSpecs },
  { method: 'DELETE', path: `${path}/:id`, handler: remove, policy: allow('delete'), success: 202 },
  {
    method: 'PUT',
    path: `${path}/:id/delete_keys`,
    handler: deleteKeys,
    policy: allow('delete'),
    body: removeKeys,
    success: 202,
  },
  { method: 'GET', path: `${path}/:id/associations`, handler: listAssociations, policy: allow('get_all') },
  {
    method: 'GET',
    path: `${path}/:id/associate`,
    handler: associate,
    policy: allow('update'),
    success: 202,
  },
  {
    method: 'GET',
    path: `${path}/:id/disassociate`,
    handler: disassociate,
    policy: allow('update'),
    success: 202,
  },
  {
    method: 'GET',
    path: `${path}/:id/disassociate_all`,
    handler: disassociateAll,
    policy: allow('update'),
    success: 202,
  },
];
