// /v2.0/floatingips/{id}/port_forwardings: single ports of a floating IP that lead to ports of servers. OVN does it with a
// load balancer on the router, see ovn/render/router.ts.
import { Type } from 'typebox';
import type { Route } from '#platform/http/api.ts';
import { MEMBER, READER, rules } from '../policy.ts';
import { Description, IpText, Project, Uuid } from '../rest/attributes.ts';
import type { NetworkDeps } from '../rest/deps.ts';
import { create, listAll, remove, show, update } from './handlers.ts';

export const portForwardingPolicy = rules({
  create_floatingip_port_forwarding: MEMBER,
  get_floatingip_port_forwarding: READER,
  update_floatingip_port_forwarding: MEMBER,
  delete_floatingip_port_forwarding: MEMBER,
});

const Port = Type.Union([
  Type.Integer({ minimum: 1, maximum: 65535 }),
  Type.String({
    pattern: '^([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])$',
  }),
]);

const required = {
  protocol: Type.String({ pattern: '^([Tt][Cc][Pp]|[Uu][Dd][Pp]|[Ss][Cc][Tt][Pp])$' }),
  external_port: Port,
  internal_port_id: Uuid,
  internal_ip_address: IpText,
  internal_port: Port,
};
const description = Type.Optional(Description);

const createBody = Type.Object(
  {
    port_forwarding: Type.Object(
      { ...required, description, project_id: Type.Optional(Project), tenant_id: Type.Optional(Project) },
      { additionalProperties: false },
    ),
  },
  { additionalProperties: false },
);
const updateBody = Type.Object(
  {
    port_forwarding: Type.Object(
      { ...Type.Partial(Type.Object(required)).properties, description },
      { additionalProperties: false },
    ),
  },
  { additionalProperties: false },
);

const path = '/v2.0/floatingips/:id/port_forwardings';
const one = `${path}/:forwarding_id`;
const errors = [409, 412];

export const portForwardingRoutes: readonly Route<NetworkDeps>[] = [
  { method: 'GET', path, handler: listAll },
  { method: 'POST', path, handler: create, body: createBody, success: 201, errors },
  { method: 'GET', path: one, handler: show },
  { method: 'PUT', path: one, handler: update, body: updateBody, errors },
  { method: 'DELETE', path: one, handler: remove, success: 204, errors },
];
