// A body for each writing route that the service would take from the right caller. targets.ts holds each to its schema.
import type { Ids } from './belongings.ts';
import { volume } from './volume-bodies.ts';

const SSH_KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHLHoE2ZlYXGm3yDa1c4HwtMiTMrYmdyXxVyv1QTuYIo x';
const CONSUMER = '0b0d0c0b-1111-4222-8333-444455556666';

type Bodies = Readonly<Record<string, unknown>>;

/** Undefined where the route takes none. */
export function rightBody(route: string, ids: Ids): unknown {
  const [service] = route.split(' ');
  return TABLES[service ?? '']?.(ids)[route.slice((service?.length ?? 0) + 1)];
}

const TABLES: Readonly<Record<string, (ids: Ids) => Bodies>> = {
  identity,
  compute,
  placement,
  image,
  network,
  volume,
};

function identity(ids: Ids): Bodies {
  return {
    'POST /v3/users/:id/application_credentials': {
      application_credential: {
        name: 'x',
        secret: 's',
        description: 'd',
        roles: [{ name: 'member' }],
        expires_at: '2099-01-01T00:00:00Z',
        access_rules: [{ service: 'compute', method: 'GET', path: '/v2.1/servers' }],
      },
    },
    'POST /v3/users/:id/credentials/OS-EC2': { tenant_id: ids['projectA'] },
    'POST /v3/ec2tokens': {
      credentials: {
        access: 'a',
        signature: 'x',
        verb: 'GET',
        host: 'h',
        path: '/',
        params: {},
        headers: {},
      },
    },
    'POST /v3/s3tokens': { credentials: { access: 'a', signature: 'x', token: 'eA' } },
    'POST /v3/credentials': {
      credential: { type: 'cert', blob: '{}', user_id: ids['alice'], project_id: ids['projectA'] },
    },
    'PATCH /v3/credentials/:id': { credential: { blob: '{"access":"a","secret":"b"}' } },
    'POST /v3/domains': { domain: { name: 'x', description: 'd', enabled: true, tags: ['t'] } },
    'PATCH /v3/domains/:id': { domain: { description: 'x' } },
    'POST /v3/endpoints': { endpoint: { service_id: ids['service'], interface: 'public', url: 'http://x/' } },
    'PATCH /v3/endpoints/:id': { endpoint: { url: 'http://y/' } },
    'POST /v3/OS-EP-FILTER/endpoint_groups': {
      endpoint_group: { name: 'x', description: 'd', filters: { interface: 'public' } },
    },
    'PATCH /v3/OS-EP-FILTER/endpoint_groups/:group_id': { endpoint_group: { description: 'x' } },
    'PUT /v3/domains/:id/config': { config: { identity: { driver: 'sql' } } },
    'PATCH /v3/domains/:id/config': { config: { identity: { driver: 'sql' } } },
    'PATCH /v3/domains/:id/config/:group': { config: { identity: { driver: 'sql' } } },
    'PATCH /v3/domains/:id/config/:group/:option': { config: { driver: 'sql' } },
    'POST /v3/registered_limits': {
      registered_limits: [
        { service_id: ids['service'], resource_name: 'x', default_limit: 1, description: 'd' },
      ],
    },
    'PATCH /v3/registered_limits/:id': { registered_limit: { description: 'x' } },
    'POST /v3/limits': {
      limits: [
        {
          project_id: ids['projectA'],
          service_id: ids['service'],
          resource_name: 'x',
          resource_limit: 1,
          description: 'd',
        },
      ],
    },
    'PATCH /v3/limits/:id': { limit: { resource_limit: 2 } },
    'POST /v3/OS-OAUTH1/consumers': { consumer: { description: 'd' } },
    'PATCH /v3/OS-OAUTH1/consumers/:id': { consumer: { description: 'x' } },
    'PUT /v3/OS-OAUTH1/authorize/:id': { roles: [{ name: 'reader' }] },
    'POST /v3/groups': { group: { name: 'x', description: 'd' } },
    'PATCH /v3/groups/:id': { group: { description: 'x' } },
    'POST /v3/policies': { policy: { type: 'text/plain', blob: 'x' } },
    'PATCH /v3/policies/:id': { policy: { blob: 'y' } },
    'POST /v3/projects': { project: { name: 'x', description: 'd', tags: ['t'] } },
    'PATCH /v3/projects/:id': { project: { description: 'x' } },
    'PUT /v3/projects/:id/tags': { tags: ['blue'] },
    'POST /v3/OS-TRUST/trusts': {
      trust: {
        trustor_user_id: ids['alice'],
        trustee_user_id: ids['rita'],
        impersonation: true,
        project_id: ids['projectA'],
        roles: [{ name: 'reader' }],
        expires_at: '2099-01-01T00:00:00Z',
        remaining_uses: 3,
      },
    },
    'POST /v3/regions': { region: { id: 'x', description: 'd' } },
    'PUT /v3/regions/:id': { region: { description: 'x' } },
    'PATCH /v3/regions/:id': { region: { description: 'x' } },
    'POST /v3/roles': { role: { name: 'x', description: 'd' } },
    'PATCH /v3/roles/:id': { role: { description: 'x' } },
    'POST /v3/auth/tokens': {
      auth: {
        identity: {
          methods: ['password'],
          password: { user: { name: 'nobody', domain: { id: 'default' }, password: 'x' } },
        },
        scope: { project: { name: 'x', domain: { id: 'default' } } },
      },
    },
    'POST /v3/services': { service: { type: 'x', name: 'x' } },
    'PATCH /v3/services/:id': { service: { description: 'x' } },
    'POST /v3/users': { user: { name: 'x', password: 'long enough' } },
    'PATCH /v3/users/:id': { user: { description: 'x' } },
    'POST /v3/users/:id/password': { user: { original_password: 'wrong', password: 'x' } },
  };
}

function compute(ids: Ids): Bodies {
  const action = (key: string, value: unknown): Bodies => ({
    [`POST /v2.1/servers/:id/action ${key}`]: { [key]: value },
  });
  return {
    'POST /v2.1/os-aggregates': { aggregate: { name: 'x', availability_zone: 'zone' } },
    'PUT /v2.1/os-aggregates/:id': { aggregate: { name: 'x' } },
    'POST /v2.1/os-aggregates/:id/images': { cache: [{ id: ids['image'] }] },
    'POST /v2.1/os-aggregates/:id/action add_host': { add_host: { host: 'nowhere' } },
    'POST /v2.1/os-aggregates/:id/action remove_host': { remove_host: { host: 'nowhere' } },
    'POST /v2.1/os-aggregates/:id/action set_metadata': { set_metadata: { metadata: { a: 'b' } } },
    'POST /v2.1/flavors/:id/action addTenantAccess': { addTenantAccess: { tenant: ids['projectB'] } },
    'POST /v2.1/flavors/:id/action removeTenantAccess': { removeTenantAccess: { tenant: ids['projectB'] } },
    'POST /v2.1/flavors/:id/os-extra_specs': { extra_specs: { a: 'b' } },
    'PUT /v2.1/flavors/:id/os-extra_specs/:key': { 'a:b': 'd' },
    'POST /v2.1/flavors': { flavor: { name: 'x', vcpus: 1, ram: 64, disk: 1 } },
    'PUT /v2.1/flavors/:id': { flavor: { description: 'x' } },
    'POST /v2.1/os-volumes': { volume: { size: 1 } },
    'POST /v2.1/os-snapshots': { snapshot: { volume_id: ids['volume'] } },
    'POST /v2.1/os-floating-ips': { pool: 'nowhere' },
    'PUT /v2.1/os-hosts/:host': { status: 'enable' },
    'POST /v2.1/os-keypairs': { keypair: { name: 'x', public_key: SSH_KEY, type: 'ssh' } },
    'POST /v2.1/os-security-groups': { security_group: { name: 'x', description: 'd' } },
    'PUT /v2.1/os-security-groups/:id': { security_group: { name: 'x', description: 'd' } },
    'POST /v2.1/os-security-group-rules': {
      security_group_rule: {
        parent_group_id: ids['security_group'],
        ip_protocol: 'tcp',
        from_port: 1,
        to_port: 2,
        cidr: '10.0.0.0/8',
      },
    },
    'PUT /v2.1/os-quota-class-sets/:id': { quota_class_set: { cores: 40 } },
    'PUT /v2.1/os-quota-sets/:id': { quota_set: { cores: 40 } },
    'POST /v2.1/os-server-groups': { server_group: { name: 'x', policy: 'affinity' } },
    ...action('reboot', { type: 'SOFT' }),
    ...action('lock', { locked_reason: 'x' }),
    ...action('rebuild', { imageRef: ids['image'], name: 'x', metadata: { a: 'b' } }),
    ...action('resize', { flavorRef: ids['flavor'], 'OS-DCF:diskConfig': 'AUTO' }),
    ...action('migrate', { host: 'nowhere' }),
    ...action('os-migrateLive', { host: 'nowhere', block_migration: 'auto' }),
    ...action('createImage', { name: 'x', metadata: { a: 'b' } }),
    ...action('rescue', { rescue_image_ref: ids['image'] }),
    ...action('unshelve', { availability_zone: 'nova' }),
    ...action('trigger_crash_dump', null),
    ...action('evacuate', { host: 'nowhere' }),
    ...action('createBackup', { name: 'x', backup_type: 'daily', rotation: 1 }),
    ...action('addSecurityGroup', { name: 'a-group' }),
    ...action('removeSecurityGroup', { name: 'a-group' }),
    ...action('addFixedIp', { networkId: ids['network'] }),
    ...action('removeFixedIp', { address: '10.77.0.99' }),
    ...action('addFloatingIp', { address: '203.0.113.99' }),
    ...action('removeFloatingIp', { address: '203.0.113.99' }),
    ...action('os-getConsoleOutput', { length: 5 }),
    'POST /v2.1/os-fixed-ips/:id/action': { reserve: null },
    'POST /v2.1/os-networks/:id/action': { disassociate: null },
    ...action('os-getVNCConsole', { type: 'novnc' }),
    ...action('os-getSPICEConsole', { type: 'spice-html5' }),
    ...action('os-getRDPConsole', { type: 'rdp-html5' }),
    ...action('os-getSerialConsole', { type: 'serial' }),
    ...action('os-resetState', { state: 'active' }),
    ...action('changePassword', { adminPass: 'x' }),
    'POST /v2.1/servers/:id/migrations/:migration/action': { force_complete: null },
    'POST /v2.1/images/:id/metadata': { metadata: { a: 'b' } },
    'PUT /v2.1/images/:id/metadata': { metadata: { a: 'b' } },
    'PUT /v2.1/images/:id/metadata/:key': { meta: { k: 'w' } },
    'POST /v2.1/servers/:id/metadata': { metadata: { a: 'b' } },
    'PUT /v2.1/servers/:id/metadata': { metadata: { a: 'b' } },
    'PUT /v2.1/servers/:id/metadata/:key': { meta: { k: 'w' } },
    'POST /v2.1/servers/:id/os-volume_attachments': { volumeAttachment: { volumeId: ids['volume'] } },
    'PUT /v2.1/servers/:id/os-volume_attachments/:volume': {
      volumeAttachment: { volumeId: ids['volume'], delete_on_termination: true },
    },
    'POST /v2.1/os-server-external-events': {
      events: [{ name: 'network-changed', server_uuid: ids['server'] }],
    },
    'POST /v2.1/servers/:id/os-interface': { interfaceAttachment: { net_id: ids['network'] } },
    'POST /v2.1/servers/:id/remote-consoles': { remote_console: { protocol: 'vnc', type: 'novnc' } },
    'POST /v2.1/servers': {
      server: {
        name: 'x',
        imageRef: ids['image'],
        flavorRef: 'no-such-flavor', // a fitting body that makes no server
        networks: [{ uuid: ids['network'] }],
        metadata: { a: 'b' },
        security_groups: [{ name: 'default' }],
        tags: ['t'],
      },
      'os:scheduler_hints': { group: ids['server_group'] },
    },
    'PUT /v2.1/servers/:id': { server: { name: 'x' } },
    'PUT /v2.1/servers/:id/tags': { tags: ['blue'] },
    'PUT /v2.1/os-services/enable': { host: 'nowhere', binary: 'nova-compute' },
    'PUT /v2.1/os-services/disable': { host: 'nowhere', binary: 'nova-compute' },
    'PUT /v2.1/os-services/disable-log-reason': {
      host: 'nowhere',
      binary: 'nova-compute',
      disabled_reason: 'x',
    },
    'PUT /v2.1/os-services/force-down': { host: 'nowhere', binary: 'nova-compute', forced_down: true },
    'PUT /v2.1/os-services/:id': { status: 'enabled' },
  };
}

function placement(ids: Ids): Bodies {
  const provider = String(ids['provider']);
  const allocation = {
    allocations: { [provider]: { resources: { VCPU: 1 } } },
    project_id: 'p',
    user_id: 'u',
    consumer_generation: null,
    consumer_type: 'INSTANCE',
  };
  const inventory = { total: 4, reserved: 0, min_unit: 1, max_unit: 4, step_size: 1, allocation_ratio: 1 };
  const generation = { resource_provider_generation: 999 }; // stale: what fits is refused, and nothing changes
  return {
    'PUT /resource_providers/:id/aggregates': { ...generation, aggregates: [CONSUMER] },
    'POST /allocations': { [CONSUMER]: allocation },
    'PUT /allocations/:consumer': allocation,
    'PUT /resource_providers/:id/inventories': { ...generation, inventories: { VCPU: inventory } },
    'POST /resource_providers/:id/inventories': { ...inventory, resource_class: 'VCPU' },
    'PUT /resource_providers/:id/inventories/:class': { ...generation, ...inventory },
    'POST /reshaper': {
      inventories: { [provider]: { ...generation, inventories: { VCPU: inventory } } },
      allocations: { [CONSUMER]: allocation },
    },
    'POST /resource_classes': { name: 'CUSTOM_X' },
    'PUT /resource_classes/:name': { name: 'CUSTOM_A' },
    'POST /resource_providers': { name: 'x' },
    'PUT /resource_providers/:id': { name: 'x' },
    'PUT /resource_providers/:id/traits': { ...generation, traits: ['CUSTOM_A'] },
  };
}

function image(): Bodies {
  return {
    'POST /v2/images': { name: 'x', disk_format: 'raw', container_format: 'bare', tags: ['t'], my_key: 'v' },
    'PUT /v2/images/:image/file': 'other data',
    'PUT /v2/images/:image/stage': 'other data',
    'POST /v2/images/:image/import': { method: { name: 'copy-image' }, all_stores: true },
    'POST /v2/metadefs/namespaces': { namespace: 'OS::B', tags: [{ name: 'x' }] },
    'PUT /v2/metadefs/namespaces/:namespace': { namespace: 'OS::A', description: 'x' },
    'POST /v2/metadefs/namespaces/:namespace/resource_types': { name: 'OS::Nova::Server', prefix: 'x_' },
    'POST /v2/metadefs/namespaces/:namespace/objects': { name: 'x', properties: {} },
    'PUT /v2/metadefs/namespaces/:namespace/objects/:item': { name: 'an-object', description: 'x' },
    'POST /v2/metadefs/namespaces/:namespace/properties': { name: 'x', title: 'X', type: 'string' },
    'PUT /v2/metadefs/namespaces/:namespace/properties/:item': {
      name: 'a-property',
      title: 'X',
      type: 'string',
    },
    'POST /v2/metadefs/namespaces/:namespace/tags': { tags: [{ name: 'a-tag' }] },
    'PUT /v2/metadefs/namespaces/:namespace/tags/:item': { name: 'a-tag' },
    'POST /v2/tasks': {
      type: 'import',
      input: {
        import_from: 'http://192.0.2.1/x', // documentation: refused, nothing is sent anywhere
        import_from_format: 'raw',
        image_properties: { name: 'x' },
      },
    },
    'PATCH /v2/images/:image': [{ op: 'replace', path: '/name', value: 'x' }],
    'POST /v2/images/:image/members': { member: 'some-project' },
    'PUT /v2/images/:image/members/:member': { status: 'accepted' },
  };
}

const TAGGED = [
  'address-groups',
  'address-scopes',
  'floatingips',
  'networks',
  'policies',
  'ports',
  'routers',
  'security-group-rules',
  'security-groups',
  'subnetpools',
  'subnets',
  'trunks',
];

function qosRules(name: string, rule: object): Bodies {
  return {
    [`POST /v2.0/qos/policies/:id/${name}s`]: { [name]: rule },
    [`PUT /v2.0/qos/policies/:id/${name}s/:rule_id`]: { [name]: rule },
    [`PUT /v2.0/qos/alias_${name}s/:rule_id`]: { [`alias_${name}`]: rule },
  };
}

function network(ids: Ids): Bodies {
  const routes = { router: { routes: [{ destination: '10.9.0.0/24', nexthop: '10.77.0.7' }] } };
  return {
    ...Object.fromEntries(TAGGED.map((kind) => [`PUT /v2.0/${kind}/:id/tags`, { tags: ['blue'] }])),
    'POST /v2.0/address-groups': { address_group: { name: 'x', addresses: ['10.1.0.0/24'] } },
    'PUT /v2.0/address-groups/:id': { address_group: { name: 'x' } },
    'PUT /v2.0/address-groups/:id/add_addresses': { addresses: ['10.2.0.0/24'] },
    'PUT /v2.0/address-groups/:id/remove_addresses': { addresses: ['10.1.1.0/24'] },
    'PUT /v2.0/agents/:id': { agent: { description: 'x' } },
    'POST /v2.0/address-scopes': { address_scope: { name: 'x', ip_version: 4 } },
    'PUT /v2.0/address-scopes/:id': { address_scope: { name: 'x' } },
    'POST /v2.0/floatingips': { floatingip: { floating_network_id: ids['external'], port_id: ids['port'] } },
    'PUT /v2.0/floatingips/:id': { floatingip: { description: 'x' } },
    'POST /v2.0/floatingips/:id/port_forwardings': {
      port_forwarding: {
        protocol: 'tcp',
        external_port: 8080,
        internal_port: 80,
        internal_port_id: ids['port'],
        internal_ip_address: ids['port_ip'],
      },
    },
    'PUT /v2.0/floatingips/:id/port_forwardings/:forwarding_id': { port_forwarding: { external_port: 8081 } },
    'POST /v2.0/networks': { network: { name: 'x', mtu: 1400 } },
    'PUT /v2.0/networks/:id': { network: { name: 'x' } },
    'POST /v2.0/ports/:id/bindings': { binding: { host: 'sim-1' } },
    'PUT /v2.0/ports/:id/bindings/:host': { binding: { vnic_type: 'normal' } },
    'POST /v2.0/ports': {
      port: {
        network_id: ids['network'],
        name: 'x',
        mac_address: 'fa:16:3e:11:22:33',
        fixed_ips: [{ subnet_id: ids['subnet'], ip_address: '10.77.0.200' }],
        allowed_address_pairs: [{ ip_address: '10.77.0.201' }],
        extra_dhcp_opts: [{ opt_name: 'mtu', opt_value: '1400' }],
        security_groups: [ids['security_group']],
      },
    },
    'PUT /v2.0/ports/:id': { port: { name: 'x' } },
    'POST /v2.0/qos/policies': { policy: { name: 'x', description: 'd' } },
    'PUT /v2.0/qos/policies/:id': { policy: { name: 'x' } },
    ...qosRules('bandwidth_limit_rule', { max_kbps: 500, direction: 'ingress' }),
    ...qosRules('dscp_marking_rule', { dscp_mark: 10 }),
    ...qosRules('minimum_bandwidth_rule', { min_kbps: 5, direction: 'ingress' }),
    'PUT /v2.0/quotas/:id': { quota: { port: 100 } },
    'POST /v2.0/rbac-policies': {
      rbac_policy: {
        object_type: 'network',
        object_id: ids['network'],
        action: 'access_as_shared',
        target_tenant: 'fourth-project',
      },
    },
    'PUT /v2.0/rbac-policies/:id': { rbac_policy: { target_tenant: 'third-project' } },
    'POST /v2.0/routers': { router: { name: 'x' } },
    'PUT /v2.0/routers/:id': { router: { name: 'x' } },
    'PUT /v2.0/routers/:id/add_router_interface': { subnet_id: ids['subnet'] },
    'PUT /v2.0/routers/:id/remove_router_interface': { subnet_id: ids['subnet'] },
    'PUT /v2.0/routers/:id/add_extraroutes': routes,
    'PUT /v2.0/routers/:id/remove_extraroutes': routes,
    'POST /v2.0/security-group-rules': {
      security_group_rule: {
        security_group_id: ids['security_group'],
        direction: 'egress',
        ethertype: 'IPv4',
        protocol: 'udp',
        port_range_min: 1,
        port_range_max: 2,
        remote_ip_prefix: '10.0.0.0/8',
      },
    },
    'POST /v2.0/security-groups': { security_group: { name: 'x', description: 'd' } },
    'PUT /v2.0/security-groups/:id': { security_group: { name: 'x' } },
    'POST /v2.0/subnetpools': { subnetpool: { name: 'x', prefixes: ['10.99.0.0/16'] } },
    'PUT /v2.0/subnetpools/:id': { subnetpool: { name: 'x' } },
    'PUT /v2.0/subnetpools/:id/add_prefixes': { prefixes: ['10.89.0.0/16'] },
    'PUT /v2.0/subnetpools/:id/remove_prefixes': { prefixes: ['10.89.0.0/16'] },
    'PUT /v2.0/subnetpools/:id/onboard_network_subnets': { network_id: ids['network'] },
    'POST /v2.0/subnets': {
      subnet: {
        network_id: ids['network'],
        ip_version: 4,
        cidr: '10.78.0.0/24',
        allocation_pools: [{ start: '10.78.0.10', end: '10.78.0.20' }],
        dns_nameservers: ['10.78.0.2'],
        host_routes: [{ destination: '10.9.0.0/24', nexthop: '10.78.0.3' }],
      },
    },
    'PUT /v2.0/subnets/:id': { subnet: { name: 'x' } },
    'POST /v2.0/trunks': { trunk: { port_id: ids['free_port'], name: 'x' } },
    'PUT /v2.0/trunks/:id': { trunk: { name: 'x' } },
    'PUT /v2.0/trunks/:id/add_subports': {
      sub_ports: [{ port_id: ids['free_port'], segmentation_type: 'vlan', segmentation_id: 5 }],
    },
    'PUT /v2.0/trunks/:id/remove_subports': { sub_ports: [] },
  };
}
