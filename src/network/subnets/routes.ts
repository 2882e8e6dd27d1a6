// /v2.0/subnets
import { sql } from 'kysely';
import { notFound } from '../errors.ts';
import { findVisibleNetwork, usableNetworkIds } from '../networks/store.ts';
import { Crud } from '../rest/crud.ts';
import { parseBoolean } from '../rest/listing.ts';
import { equals, selectRows, TRUE, type Condition } from '../rest/select.ts';
import { createSubnet, removeSubnet, updateSubnet } from './handlers.ts';
import { createSubnet as createSchema, updateSubnet as updateSchema } from './schema.ts';
import { viewSubnets } from './view.ts';

/** Subnets show no `shared`, but may be asked for by that of their network. */
function ofSharedNetworks(values: readonly string[]): Condition {
  const wanted = new Set(values.map((value) => parseBoolean('shared', value)));
  if (wanted.size > 1) return TRUE;
  const open = sql`select object_id from rbac_policies where object_type = 'network' and action = 'access_as_shared' and target_project = '*'`;
  return wanted.has(true) ? sql`network_id in (${open})` : sql`network_id not in (${open})`;
}

export const subnets = new Crud({
  name: 'subnet',
  plural: 'subnets',
  path: '/v2.0/subnets',
  table: 'subnets',
  attributes: ['allocation_pools', 'dns_nameservers', 'host_routes', 'service_types', 'segment_id'],
  columns: {
    name: { column: 'name', type: 'text' },
    network_id: { column: 'network_id', type: 'text' },
    ip_version: { column: 'ip_version', type: 'integer' },
    cidr: { column: 'cidr', type: 'text' },
    gateway_ip: { column: 'gateway_ip', type: 'text' },
    enable_dhcp: { column: 'enable_dhcp', type: 'boolean' },
    ipv6_ra_mode: { column: 'ipv6_ra_mode', type: 'text' },
    ipv6_address_mode: { column: 'ipv6_address_mode', type: 'text' },
    subnetpool_id: { column: 'subnetpool_id', type: 'text' },
    dns_publish_fixed_ip: { column: 'dns_publish_fixed_ip', type: 'boolean' },
  },
  special: { shared: ofSharedNetworks },
  post: createSchema,
  put: updateSchema,
  quota: 'subnet',
  visible: (caller) =>
    caller.admin
      ? TRUE
      : sql`(project_id = ${caller.projectId} or network_id in ${usableNetworkIds(caller)})`,
  view: viewSubnets,
  target: async (input, _deps, db) => {
    const [network] = await selectRows(db, 'networks', [equals('id', String(input['network_id']))]);
    return { 'network:project_id': network?.project_id };
  },
  check: async (input, caller, deps) => {
    const id = String(input['network_id']);
    if (!(await findVisibleNetwork(deps.db.kysely, caller, id))) throw notFound('network', id);
  },
  create: createSubnet,
  update: updateSubnet,
  remove: removeSubnet,
});

export const subnetRoutes = subnets.routes();
