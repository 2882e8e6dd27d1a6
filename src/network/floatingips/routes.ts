// /v2.0/floatingips
import { sql } from 'kysely';
import { notFound } from '../errors.ts';
import { findVisibleNetwork } from '../networks/store.ts';
import { ADMIN, MEMBER, READER, rules } from '../policy.ts';
import { createBody, Description, IpText, nullable, Text, updateBody, Uuid } from '../rest/attributes.ts';
import { Crud } from '../rest/crud.ts';
import { TRUE } from '../rest/select.ts';
import { createFloatingIp, removeFloatingIp, updateFloatingIp, viewFloatingIps } from './handlers.ts';

const changeable = {
  description: Description,
  port_id: nullable(Uuid),
  fixed_ip_address: nullable(IpText),
  dns_name: Text(255),
  dns_domain: Text(255),
  qos_policy_id: nullable(Uuid),
};

export const floatingIpPolicy = rules({
  create_floatingip: MEMBER,
  'create_floatingip:floating_ip_address': ADMIN,
  get_floatingip: READER,
  update_floatingip: MEMBER,
  delete_floatingip: MEMBER,
});

export const floatingips = new Crud({
  name: 'floatingip',
  plural: 'floatingips',
  path: '/v2.0/floatingips',
  table: 'floatingips',
  attributes: ['status', 'port_details', 'port_forwardings', 'qos_network_policy_id'],
  columns: {
    floating_network_id: { column: 'floating_network_id', type: 'text' },
    floating_ip_address: { column: 'floating_ip_address', type: 'text' },
    router_id: { column: 'router_id', type: 'text' },
    dns_name: { column: 'dns_name', type: 'text' },
    dns_domain: { column: 'dns_domain', type: 'text' },
    qos_policy_id: { column: 'qos_policy_id', type: 'text' },
  },
  special: {
    port_id: (values) => orNull('port_id', values),
    fixed_ip_address: (values) => orNull('fixed_ip_address', values),
  },
  post: createBody(
    'floatingip',
    'floatingips',
    {
      ...changeable,
      floating_network_id: Uuid,
      floating_ip_address: nullable(IpText),
      subnet_id: nullable(Uuid),
    },
    ['floating_network_id'],
  ),
  put: updateBody('floatingip', changeable),
  quota: 'floatingip',
  visible: (caller) => (caller.admin ? TRUE : sql`project_id = ${caller.projectId}`),
  view: viewFloatingIps,
  check: async (input, caller, deps) => {
    const id = String(input['floating_network_id']);
    if (!(await findVisibleNetwork(deps.db.kysely, caller, id))) throw notFound('network', id);
  },
  create: createFloatingIp,
  update: updateFloatingIp,
  remove: removeFloatingIp,
});

/** The empty string asks for those that have none. */
function orNull(column: string, values: readonly string[]) {
  const alternatives = values.map((value) =>
    value === '' ? sql`${sql.ref(column)} is null` : sql`${sql.ref(column)} = ${value}`,
  );
  return sql`(${sql.join(alternatives, sql` or `)})`;
}

export const floatingIpRoutes = floatingips.routes();
