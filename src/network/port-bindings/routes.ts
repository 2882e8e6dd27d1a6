// /v2.0/ports/{id}/bindings: the hosts that a port of a server may be plugged on. One binding is active; others are made
// before a guest moves while it runs. What OVN does with them is in ovn/render/port.ts.
import { Type } from 'typebox';
import type { Route } from '#platform/http/api.ts';
import type { PolicyRule } from '#platform/policy/enforcer.ts';
import { ADMIN_OR_SERVICE, rules } from '../policy.ts';
import { nullable, Project, Text } from '../rest/attributes.ts';
import type { NetworkDeps } from '../rest/deps.ts';
import { activate, create, listAll, remove, show, update } from './handlers.ts';

export const portBindingPolicy: readonly PolicyRule[] = [
  ...rules({
    get_port_binding: ADMIN_OR_SERVICE,
    create_port_binding: ADMIN_OR_SERVICE,
    update_port_binding: ADMIN_OR_SERVICE,
    delete_port_binding: ADMIN_OR_SERVICE,
  }),
  {
    name: 'activate',
    check: ADMIN_OR_SERVICE,
    description: 'Make a port belong to the host of an inactive binding.',
  },
];

const Host = Type.String({ minLength: 1, maxLength: 255, pattern: '^[^\\u0000/]*$' });
const how = {
  vnic_type: Type.Optional(Text(64)),
  profile: Type.Optional(nullable(Type.Object({}))),
};

const createBody = Type.Object(
  {
    binding: Type.Object(
      { host: Host, ...how, project_id: Type.Optional(Project), tenant_id: Type.Optional(Project) },
      { additionalProperties: false },
    ),
  },
  { additionalProperties: false },
);
const updateBody = Type.Object(
  { binding: Type.Object({ host: Type.Optional(Host), ...how }, { additionalProperties: false }) },
  { additionalProperties: false },
);

const path = '/v2.0/ports/:id/bindings';
const one = `${path}/:host`;
const errors = [409, 412];

export const portBindingRoutes: readonly Route<NetworkDeps>[] = [
  { method: 'GET', path, handler: listAll, policy: 'get_port_binding' },
  {
    method: 'POST',
    path,
    handler: create,
    body: createBody,
    success: 201,
    errors,
    policy: 'create_port_binding',
  },
  { method: 'GET', path: one, handler: show, policy: 'get_port_binding' },
  { method: 'PUT', path: one, handler: update, body: updateBody, errors, policy: 'update_port_binding' },
  { method: 'DELETE', path: one, handler: remove, success: 204, errors, policy: 'delete_port_binding' },
  // Clients send a body or none; there is nothing to say in it.
  { method: 'PUT', path: `${one}/activate`, handler: activate, errors, policy: 'activate' },
];
