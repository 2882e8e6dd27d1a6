// /v2.0/ports
import { sql } from 'kysely';
import type { Route } from '#platform/http/api.ts';
import { badRequest, notFound } from '../errors.ts';
import { findVisibleNetwork } from '../networks/store.ts';
import { Crud } from '../rest/crud.ts';
import type { NetworkDeps } from '../rest/deps.ts';
import { equals, inList, selectRows, type Condition } from '../rest/select.ts';
import { ensureDefaultGroup } from '../security-groups/default-group.ts';
import { createPort, removePort, updatePort } from './handlers.ts';
import { createPort as createSchema, updatePort as updateSchema } from './schema.ts';
import { missingWhereBound, portStatus } from './status.ts';
import { visiblePorts } from './store.ts';
import { viewPorts } from './view.ts';

export const ports = new Crud({
  name: 'port',
  plural: 'ports',
  path: '/v2.0/ports',
  table: 'ports',
  attributes: [
    'status',
    'fixed_ips',
    'security_groups',
    'binding:vif_type',
    'allowed_address_pairs',
    'extra_dhcp_opts',
    'dns_assignment',
    'binding:profile',
    'binding:vif_details',
    'qos_network_policy_id',
    'resource_request',
  ],
  columns: {
    name: { column: 'name', type: 'text' },
    network_id: { column: 'network_id', type: 'text' },
    admin_state_up: { column: 'admin_state_up', type: 'boolean' },
    device_id: { column: 'device_id', type: 'text' },
    device_owner: { column: 'device_owner', type: 'text' },
    port_security_enabled: { column: 'port_security_enabled', type: 'boolean' },
    mac_address: { column: 'mac_address', type: 'text' },
    'binding:host_id': { column: 'binding_host_id', type: 'text' },
    'binding:vnic_type': { column: 'binding_vnic_type', type: 'text' },
    dns_name: { column: 'dns_name', type: 'text' },
    dns_domain: { column: 'dns_domain', type: 'text' },
    qos_policy_id: { column: 'qos_policy_id', type: 'text' },
  },
  special: {
    mac_address: (values, deps) =>
      inList(
        deps.db.engine,
        'mac_address',
        values.map((value) => value.toLowerCase().replaceAll('-', ':')),
      ),
    fixed_ips: byFixedIps,
    security_groups: (values, deps) =>
      sql`id in (select port_id from port_security_groups where ${inList(deps.db.engine, 'security_group_id', values)})`,
  },
  post: createSchema,
  put: updateSchema,
  quota: 'port',
  visible: visiblePorts,
  view: viewPorts,
  target: async (input, _deps, db) => {
    const [network] = await selectRows(db, 'networks', [equals('id', String(input['network_id']))]);
    return { 'network:project_id': network?.project_id };
  },
  check: async (input, caller, deps) => {
    const id = String(input['network_id']);
    if (!(await findVisibleNetwork(deps.db.kysely, caller, id))) throw notFound('network', id);
  },
  prepare: ensureDefaultGroup,
  create: createPort,
  update: updatePort,
  remove: removePort,
});

/** `ip_address=…`, `subnet_id=…`, `ip_address_substr=…`: values of one kind are alternatives, kinds are all wanted. */
function byFixedIps(values: readonly string[], deps: NetworkDeps): Condition {
  const kinds = new Map<string, string[]>();
  for (const value of values) {
    const [kind = '', ...rest] = value.split('=');
    if (!['ip_address', 'subnet_id', 'ip_address_substr'].includes(kind) || rest.length === 0)
      throw badRequest('InvalidInput', `Invalid input for operation: '${value}' is no filter for fixed_ips.`);
    kinds.set(kind, [...(kinds.get(kind) ?? []), rest.join('=')]);
  }
  const conditions: Condition[] = [...kinds].map(([kind, wanted]) =>
    kind === 'ip_address_substr'
      ? sql`(${sql.join(
          wanted.map((text) => sql`ip_address like ${`%${text.replaceAll(/[%_\\]/g, '')}%`}`),
          sql` or `,
        )})`
      : inList(deps.db.engine, kind, wanted),
  );
  return sql`id in (select port_id from ip_allocations where ${sql.join(conditions, sql` and `)})`;
}

/**
 * Ours, not upstream's: how far the port is on the way from SQL to its host, with evidence and times; read by compute
 * for the launch record. `?flows=1` counts the logical flows of its datapath as well, which OVN has to search for.
 */
const traceRoute: Route<NetworkDeps> = {
  method: 'GET',
  path: '/v2.0/ports/:id/trace',
  policy: 'get_port_trace',
  handler: async (call, deps) => {
    const row = await ports.get(call, deps, deps.db.kysely, call.params['id'] ?? '');
    const state = deps.northbound.portState(row.id);
    const status = portStatus(row, state);
    const withFlows = call.query.get('flows') === '1';
    const trace = await deps.northbound.tracePort?.(row.id, withFlows);
    const missing = missingWhereBound(row, state);
    const up = state.up && missing === null;
    if (trace) return { port_trace: { ...trace, status, up, missing } };
    const { host, chassis, tunnelKey, evidence } = state;
    return {
      port_trace: {
        port_id: row.id,
        status,
        up,
        missing,
        northbound: { ...deps.work.lastChange('port', row.id), ...evidence?.northbound },
        southbound: { tunnel_key: tunnelKey, ...evidence?.southbound },
        binding: { host, chassis, ...evidence?.binding },
      },
    };
  },
};

export const portRoutes = [...ports.routes(), traceRoute];
