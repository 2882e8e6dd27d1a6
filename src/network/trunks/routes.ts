// /v2.0/trunks: a port whose guest gets further ports through it, each as a VLAN. OVN does it by `parent_name` and `tag` of
// the subport's switch port, see ovn/render/port.ts.
import { sql } from 'kysely';
import { Type } from 'typebox';
import type { Route } from '#platform/http/api.ts';
import type { PolicyRule } from '#platform/policy/enforcer.ts';
import { MEMBER, READER, rules } from '../policy.ts';
import { Bool, createBody, Description, Int, Name, Text, updateBody, Uuid } from '../rest/attributes.ts';
import { Crud } from '../rest/crud.ts';
import type { NetworkDeps } from '../rest/deps.ts';
import { TRUE } from '../rest/select.ts';
import {
  addSubports,
  createTrunk,
  getSubports,
  removeSubports,
  removeTrunk,
  updateTrunk,
  viewTrunks,
} from './handlers.ts';

export const trunkPolicy: readonly PolicyRule[] = [
  ...rules({
    create_trunk: MEMBER,
    get_trunk: READER,
    update_trunk: MEMBER,
    delete_trunk: MEMBER,
  }),
  { name: 'get_subports', check: READER, description: 'See what a trunk carries.' },
  { name: 'add_subports', check: MEMBER, description: 'Let a trunk carry further ports.' },
  { name: 'remove_subports', check: MEMBER, description: 'Take ports out of a trunk.' },
];

const MAX_SUBPORTS = 512; // in one request

const Subports = Type.Array(
  Type.Object(
    {
      port_id: Uuid,
      segmentation_type: Type.Optional(Text(32)),
      segmentation_id: Type.Optional(Int),
    },
    { additionalProperties: false },
  ),
  { maxItems: MAX_SUBPORTS },
);
const changeable = { name: Name, description: Description, admin_state_up: Bool };

export const trunks = new Crud({
  name: 'trunk',
  plural: 'trunks',
  path: '/v2.0/trunks',
  table: 'trunks',
  attributes: ['status', 'sub_ports'],
  columns: {
    name: { column: 'name', type: 'text' },
    port_id: { column: 'port_id', type: 'text' },
    admin_state_up: { column: 'admin_state_up', type: 'boolean' },
  },
  post: createBody('trunk', 'trunks', { ...changeable, port_id: Uuid, sub_ports: Subports }, ['port_id']),
  put: updateBody('trunk', changeable),
  quota: 'trunk',
  visible: (caller) => (caller.admin ? TRUE : sql`project_id = ${caller.projectId}`),
  view: viewTrunks,
  create: createTrunk,
  update: updateTrunk,
  remove: removeTrunk,
});

const body = Type.Object({ sub_ports: Subports }, { additionalProperties: false });
const errors = [409, 412];

export const trunkRoutes: readonly Route<NetworkDeps>[] = [
  ...trunks.routes(),
  { method: 'GET', path: '/v2.0/trunks/:id/get_subports', handler: getSubports(trunks) },
  { method: 'PUT', path: '/v2.0/trunks/:id/add_subports', handler: addSubports(trunks), body, errors },
  { method: 'PUT', path: '/v2.0/trunks/:id/remove_subports', handler: removeSubports(trunks), body, errors },
];
