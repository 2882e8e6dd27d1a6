// `/os-security-groups`, `/os-security-group-rules`: security groups through compute, until 2.35. Older clients find a
// group's name here before they put it on a server.
import { Type } from 'typebox';
import type { ComputeRoute } from '#compute/deps.ts';
import { strict } from '#compute/schema-types.ts';
import { create, createRule, listAll, refuseNameless, remove, removeRule, show, update } from './handlers.ts';

const group = Type.Object(
  {
    security_group: Type.Object(
      {
        name: Type.String({ minLength: 1, maxLength: 255, pattern: String.raw`\S` }),
        description: Type.Optional(Type.Union([Type.String({ maxLength: 255 }), Type.Null()])),
      },
      strict,
    ),
  },
  strict,
);

const port = Type.Optional(
  Type.Union([
    Type.Integer({ minimum: -1, maximum: 65_535 }),
    Type.String({ pattern: String.raw`^-?\d{1,5}$` }),
    Type.Null(),
  ]),
);
const text = Type.Optional(Type.Union([Type.String({ maxLength: 255 }), Type.Null()]));
const rule = Type.Object(
  {
    security_group_rule: Type.Object(
      {
        parent_group_id: Type.String({ minLength: 1, maxLength: 255 }),
        ip_protocol: text,
        from_port: port,
        to_port: port,
        cidr: text,
        group_id: text,
      },
      strict,
    ),
  },
  strict,
);

const path = '/v2.1/os-security-groups';
const rules = '/v2.1/os-security-group-rules';
const until = '2.35';
const may = (name: string): string => `os_compute_api:os-security-groups:${name}`;

export const securityGroupRoutes: readonly ComputeRoute[] = [
  { method: 'GET', path, handler: listAll, policy: may('get'), until },
  { method: 'POST', path, handler: create, policy: may('create'), body: group, until },
  { method: 'DELETE', path, handler: refuseNameless, until },
  { method: 'GET', path: `${path}/:id`, handler: show, policy: may('show'), until },
  { method: 'PUT', path: `${path}/:id`, handler: update, policy: may('update'), body: group, until },
  { method: 'DELETE', path: `${path}/:id`, handler: remove, policy: may('delete'), success: 202, until },
  { method: 'POST', path: rules, handler: createRule, policy: may('rule:create'), body: rule, until },
  {
    method: 'DELETE',
    path: `${rules}/:id`,
    handler: removeRule,
    policy: may('rule:delete'),
    success: 202,
    until,
  },
];
