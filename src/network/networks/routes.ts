// /v2.0/networks
import { Crud } from '../rest/crud.ts';
import { createNetwork, removeNetwork, updateNetwork } from './handlers.ts';
import { createNetwork as createSchema, updateNetwork as updateSchema } from './schema.ts';
import { visibleNetworks } from './store.ts';
import { viewNetworks } from './view.ts';

export const networks = new Crud({
  name: 'network',
  plural: 'networks',
  path: '/v2.0/networks',
  table: 'networks',
  attributes: [
    'status',
    'shared',
    'subnets',
    'availability_zone_hints',
    'availability_zones',
    'ipv4_address_scope',
    'ipv6_address_scope',
  ],
  columns: {
    name: { column: 'name', type: 'text' },
    admin_state_up: { column: 'admin_state_up', type: 'boolean' },
    mtu: { column: 'mtu', type: 'integer' },
    port_security_enabled: { column: 'port_security_enabled', type: 'boolean' },
    'router:external': { column: 'external', type: 'boolean' },
    is_default: { column: 'is_default', type: 'boolean' },
    dns_domain: { column: 'dns_domain', type: 'text' },
    qos_policy_id: { column: 'qos_policy_id', type: 'text' },
    'provider:network_type': { column: 'network_type', type: 'text' },
    'provider:physical_network': { column: 'physical_network', type: 'text' },
    'provider:segmentation_id': { column: 'segmentation_id', type: 'integer' },
  },
  post: createSchema,
  put: updateSchema,
  quota: 'network',
  visible: visibleNetworks,
  view: viewNetworks,
  create: createNetwork,
  update: updateNetwork,
  remove: removeNetwork,
});

export const networkRoutes = networks.routes();
