// Networks, subnets, subnet pools, routers, ports, floating IPs, quotas, and what another project may not touch.
import type { Area } from '../conversation.ts';
import { qosSteps } from './qos.ts';
import { STRANGER, strangerArrives } from './stranger.ts';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export const network: Area = {
  name: 'network',
  as: 'demo',
  people: { stranger: STRANGER },
  steps: [
    ...strangerArrives,
    { run: 'network list', alone: true, rows: [{ Name: 'public' }, { Name: 'private' }] },
    {
      run: 'network list --external --long',
      rows: [{ Name: 'public', Status: 'ACTIVE', State: true, 'Router Type': true }],
      count: 1,
    },
    {
      run: 'network show public',
      has: { name: 'public', 'router:external': true, status: 'ACTIVE', shared: false },
      keep: { public: 'id' },
    },
    {
      run: 'network show public',
      as: 'admin',
      has: { 'provider:network_type': 'flat', 'provider:physical_network': /./ },
    },
    { run: 'subnet list --name private-subnet', rows: [{ Subnet: '10.0.0.0/24' }], count: 1 },

    {
      run: 'network create --description "A net" --mtu 1400 --tag red net-a',
      has: {
        id: UUID,
        name: 'net-a',
        description: 'A net',
        mtu: 1400,
        status: 'ACTIVE',
        admin_state_up: true,
        port_security_enabled: true,
        shared: false,
        subnets: [],
        tags: ['red'],
        revision_number: /^\d+$/,
      },
      keep: { net: 'id' },
    },
    {
      run: 'network create --disable --disable-port-security net-b',
      has: { admin_state_up: false, port_security_enabled: false },
    },
    { run: 'network list --tags red', rows: [{ ID: '{net}', Name: 'net-a' }], count: 1 },
    { run: 'network list --disable', rows: [{ Name: 'net-b' }], count: 1 },
    { run: 'network list --name net-a', count: 1 },
    { run: 'network set --name net-c --description other --tag blue net-a' },
    { run: 'network show net-c', has: { id: '{net}', description: 'other', tags: ['blue', 'red'] } },
    { run: 'network unset --tag red net-c' },
    { run: 'network show {net}', has: { name: 'net-c', tags: ['blue'] } },
    { run: 'network show nowhere', fails: /No Network found for nowhere/ },
    {
      run: 'network create --provider-network-type flat --provider-physical-network public net-d',
      fails: /Forbidden|policy|HttpException: 403/,
    },
    { run: 'network create --mtu 70000 net-d', fails: /400|Invalid/ },
    { run: 'network create --mtu', fails: /expected one argument/ },
    { run: 'network create --mtu much net-d', fails: /400|Invalid|int/ },
    { run: 'network show {net}', as: 'stranger', fails: /No Network found for [0-9a-f-]{36}/ },
    {
      run: 'network delete {net}',
      as: 'stranger',
      fails: /No Network found for [0-9a-f-]{36}[\s\S]*1 of 1 networks failed to delete/,
    },
    { run: 'network list', as: 'stranger', rows: [{ Name: 'public' }], count: 1 },

    {
      run: 'subnet create --network net-c --subnet-range 192.0.2.0/24 --allocation-pool start=192.0.2.50,end=192.0.2.99 --dns-nameserver 192.0.2.2 --host-route destination=198.51.100.0/24,gateway=192.0.2.3 --description "A subnet" sub-a',
      has: {
        cidr: '192.0.2.0/24',
        gateway_ip: '192.0.2.1',
        enable_dhcp: true,
        ip_version: 4,
        network_id: '{net}',
        allocation_pools: [{ start: '192.0.2.50', end: '192.0.2.99' }],
        dns_nameservers: ['192.0.2.2'],
        host_routes: [{ destination: '198.51.100.0/24', nexthop: '192.0.2.3' }],
      },
      keep: { subnet: 'id' },
    },
    {
      run: 'subnet create --network net-c --ip-version 6 --subnet-range 2001:db8::/64 --ipv6-ra-mode slaac --ipv6-address-mode slaac sub-6',
      has: { ip_version: 6, ipv6_ra_mode: 'slaac', ipv6_address_mode: 'slaac', gateway_ip: '2001:db8::1' },
    },
    { run: 'subnet create --network net-c --subnet-range 192.0.2.128/25 sub-x', fails: /overlap/i },
    {
      run: 'subnet create --network net-c --subnet-range 192.0.2.300/25 sub-x',
      fails: /Invalid input|not a valid/i,
    },
    {
      run: 'subnet list --network net-c',
      rows: [{ ID: '{subnet}', Name: 'sub-a', Network: '{net}', Subnet: '192.0.2.0/24' }],
      count: 2,
    },
    {
      run: 'subnet list --long --ip-version 4 --network net-c',
      rows: [{ ID: '{subnet}', DHCP: true, Gateway: '192.0.2.1' }],
      count: 1,
    },
    { run: 'subnet set --no-dhcp --dns-nameserver 192.0.2.4 --gateway 192.0.2.5 sub-a' },
    {
      run: 'subnet show sub-a',
      has: {
        id: '{subnet}',
        enable_dhcp: false,
        gateway_ip: '192.0.2.5',
        dns_nameservers: ['192.0.2.2', '192.0.2.4'],
      },
    },
    { run: 'subnet unset --dns-nameserver 192.0.2.2 sub-a' },
    { run: 'subnet show sub-a', has: { dns_nameservers: ['192.0.2.4'] } },

    {
      run: 'subnet pool create --pool-prefix 203.0.113.0/24 --default-prefix-length 27 --min-prefix-length 26 pool-a',
      has: {
        name: 'pool-a',
        prefixes: ['203.0.113.0/24'],
        default_prefixlen: /^27$/,
        min_prefixlen: /^26$/,
        ip_version: 4,
      },
      keep: { pool: 'id' },
    },
    { run: 'subnet pool list', rows: [{ ID: '{pool}', Name: 'pool-a', Prefixes: /203\.0\.113\.0\/24/ }] },
    { run: 'subnet pool set --pool-prefix 203.0.112.0/24 --description pool pool-a' },
    { run: 'subnet pool show pool-a', has: { description: 'pool', prefixes: ['203.0.112.0/23'] } },
    {
      run: 'subnet create --network net-b --subnet-pool pool-a sub-p',
      has: { subnetpool_id: '{pool}', cidr: /^203\.0\.11[23]\.\d+\/27$/ },
    },
    { run: 'subnet pool delete pool-a', fails: /existing allocations/ },
    { run: 'subnet delete sub-p' },
    { run: 'subnet pool delete pool-a' },
    { run: 'subnet pool list', lacks: [{ ID: '{pool}' }] },

    {
      run: 'port create --network net-c --fixed-ip subnet=sub-a,ip-address=192.0.2.60 --mac-address fa:16:3e:00:00:60 --allowed-address ip-address=192.0.2.200 --description "A port" port-a',
      has: {
        id: UUID,
        mac_address: 'fa:16:3e:00:00:60',
        status: 'DOWN',
        fixed_ips: [{ ip_address: '192.0.2.60', subnet_id: '{subnet}' }],
        allowed_address_pairs: [{ ip_address: '192.0.2.200' }],
        network_id: '{net}',
        port_security_enabled: true,
        security_group_ids: [UUID],
      },
      keep: { port: 'id' },
    },
    {
      run: 'port create --network net-c --fixed-ip subnet=sub-a,ip-address=192.0.2.60 port-x',
      fails: /already allocated|in use/i,
    },
    {
      run: 'port create --network net-c --fixed-ip subnet=sub-a,ip-address=10.9.9.9 port-x',
      fails: /not a valid IP|not valid/i,
    },
    {
      run: 'port list --network net-c',
      rows: [{ ID: '{port}', Name: 'port-a', 'MAC Address': 'fa:16:3e:00:00:60', Status: 'DOWN' }],
    },
    { run: 'port create --network net-c parent', keep: { parent: 'id' } },
    { run: 'port create --network net-c child', keep: { child: 'id' } },
    {
      run: 'network trunk create --parent-port parent --subport port=child,segmentation-type=vlan,segmentation-id=7 --description "A trunk" trunk-a',
      has: {
        id: UUID,
        port_id: '{parent}',
        status: 'ACTIVE',
        sub_ports: [{ port_id: '{child}', segmentation_id: 7, segmentation_type: 'vlan' }],
      },
      keep: { trunk: 'id' },
    },
    { run: 'network trunk list', rows: [{ ID: '{trunk}', Name: 'trunk-a', 'Parent Port': '{parent}' }] },
    {
      run: 'port show parent',
      has: { trunk_details: { trunk_id: '{trunk}', sub_ports: [{ port_id: '{child}' }] } },
    },
    { run: 'port delete child', fails: /subport for trunk/ },
    {
      run: 'network subport list --trunk trunk-a',
      rows: [{ Port: '{child}', 'Segmentation ID': 7 }],
      count: 1,
    },
    { run: 'network trunk unset --subport child trunk-a' },
    {
      run: 'network trunk set --name trunk-b --subport port=child,segmentation-type=vlan,segmentation-id=8 trunk-a',
    },
    { run: 'network trunk show trunk-b', has: { sub_ports: [{ segmentation_id: 8 }] } },
    {
      run: 'network trunk show {trunk}',
      as: 'stranger',
      fails: /Unable to find trunk with name or id '[0-9a-f-]{36}'/,
    },
    { run: 'network trunk delete trunk-b' },
    { run: 'port delete parent child' },
    { run: 'port list --mac-address fa:16:3e:00:00:60 --long', rows: [{ ID: '{port}' }], count: 1 },
    { run: 'port list --fixed-ip ip-address=192.0.2.60', rows: [{ ID: '{port}' }], count: 1 },
    {
      run: 'port set --name port-b --disable --no-fixed-ip --fixed-ip subnet=sub-a,ip-address=192.0.2.61 port-a',
    },
    {
      run: 'port show port-b',
      has: { id: '{port}', admin_state_up: false, fixed_ips: [{ ip_address: '192.0.2.61' }] },
    },
    { run: 'port unset --allowed-address ip-address=192.0.2.200,mac-address=fa:16:3e:00:00:60 port-b' },
    { run: 'port set --no-security-group --disable-port-security port-b' },
    {
      run: 'port show port-b',
      has: {
        allowed_address_pairs: (pairs) => Array.isArray(pairs) && pairs.length === 0,
        port_security_enabled: false,
      },
    },
    { run: 'port show {port}', as: 'stranger', fails: /No Port found for [0-9a-f-]{36}/ },
    { run: 'port show nothing', fails: /No Port found for nothing/ },

    {
      run: 'router create --description "A router" --enable router-a',
      has: {
        id: UUID,
        name: 'router-a',
        status: 'ACTIVE',
        admin_state_up: true,
        external_gateway_info: null,
      },
      keep: { router: 'id' },
    },
    { run: 'router add subnet router-a sub-a' },
    {
      run: 'router show router-a',
      has: { interfaces_info: [{ subnet_id: '{subnet}', ip_address: '192.0.2.5' }] },
    },
    { run: 'router add subnet router-a sub-a', fails: /already has a port/i },
    { run: 'router set --external-gateway public router-a' },
    {
      run: 'router show router-a',
      has: { external_gateway_info: { network_id: '{public}', enable_snat: true } },
    },
    { run: 'router set --route destination=198.51.100.0/24,gateway=192.0.2.7 router-a' },
    {
      run: 'router show router-a',
      has: { routes: [{ destination: '198.51.100.0/24', nexthop: '192.0.2.7' }] },
    },
    {
      run: 'router list',
      rows: [{ ID: '{router}', Name: 'router-a', Status: 'ACTIVE', State: true }, { Name: 'router' }],
    },
    { run: 'router list --long --name router-a', rows: [{ Routes: /198\.51\.100\.0/ }], count: 1 },
    { run: 'router remove subnet router-a sub-a', fails: /route/i },
    { run: 'router unset --route destination=198.51.100.0/24,gateway=192.0.2.7 router-a' },
    {
      run: 'router show router-a',
      has: { routes: (routes) => Array.isArray(routes) && routes.length === 0 },
    },

    {
      run: 'floating ip create --description "An address" public',
      has: {
        id: UUID,
        status: 'DOWN',
        floating_network_id: '{public}',
        fixed_ip_address: null,
        port_id: null,
        router_id: null,
      },
      keep: { floating: 'id', address: 'floating_ip_address' },
    },
    { run: 'port set --fixed-ip subnet=sub-a,ip-address=192.0.2.62 port-b' },
    { run: 'floating ip set --port port-b --fixed-ip-address 192.0.2.61 {floating}' },
    {
      run: 'floating ip show {address}',
      has: { id: '{floating}', port_id: '{port}', fixed_ip_address: '192.0.2.61', router_id: '{router}' },
    },
    {
      run: 'floating ip list',
      rows: [
        {
          ID: '{floating}',
          'Floating IP Address': '{address}',
          'Fixed IP Address': '192.0.2.61',
          Port: '{port}',
        },
      ],
    },
    {
      run: 'floating ip list --port port-b --long',
      rows: [{ ID: '{floating}', Description: 'An address' }],
      count: 1,
    },
    {
      run: 'floating ip show {floating}',
      as: 'stranger',
      fails: /No FloatingIP found for|could not be found|404/,
    },
    { run: 'router remove subnet router-a sub-a', fails: /floating/i },
    { run: 'router unset --external-gateway router-a', fails: /floating|in use/i },
    { run: 'floating ip unset --port {floating}' },
    { run: 'floating ip show {floating}', has: { port_id: null, fixed_ip_address: null, status: 'DOWN' } },
    {
      run: 'floating ip port forwarding create --internal-ip-address 192.0.2.61 --port port-b --internal-protocol-port 22 --external-protocol-port 2222 --protocol tcp --description ssh {floating}',
      has: { protocol: 'tcp', internal_port: 22, external_port: 2222, description: 'ssh' },
      keep: { forwarding: 'id' },
    },
    {
      run: 'floating ip port forwarding list {floating}',
      rows: [{ ID: '{forwarding}', 'Internal Port': 22, 'External Port': 2222, Protocol: 'tcp' }],
    },
    { run: 'floating ip port forwarding set --external-protocol-port 2223 {floating} {forwarding}' },
    {
      run: 'floating ip port forwarding show {floating} {forwarding}',
      has: { internal_ip_address: '192.0.2.61', internal_port_id: '{port}', external_port: 2223 },
    },
    { run: 'floating ip show {floating}', has: { status: 'ACTIVE', router_id: '{router}' } },
    { run: 'floating ip delete {floating}', fails: /in use by Port Forwarding/ },
    { run: 'floating ip port forwarding delete {floating} {forwarding}' },
    {
      run: 'floating ip create --floating-ip-address 10.1.2.3 public',
      fails: /403|policy|not a valid|Forbidden/i,
    },
    { run: 'floating ip create private', fails: /external|not contain any/i },
    { run: 'floating ip delete {address}' },
    { run: 'floating ip list', count: 0 },

    { run: 'network delete net-c', fails: /in use[\s\S]*1 of 1 networks failed to delete/i },
    { run: 'router delete router-a', fails: /still has ports|in use/i },
    { run: 'router unset --external-gateway router-a' },
    { run: 'router remove subnet router-a sub-a' },
    { run: 'router delete router-a' },
    { run: 'router list', lacks: [{ ID: '{router}' }] },
    { run: 'port delete port-b' },
    { run: 'port list --network net-c', lacks: [{ ID: '{port}' }] },
    { run: 'network delete net-b net-c' },
    { run: 'network list', lacks: [{ Name: 'net-b' }, { Name: 'net-c' }] },

    ...qosSteps,

    { run: 'network create --share net-s', as: 'admin', has: { shared: true } },
    { run: 'network list', as: 'stranger', rows: [{ Name: 'net-s' }, { Name: 'public' }], count: 2 },
    { run: 'network rbac list', as: 'admin', rows: [{ 'Object Type': 'network' }] },
    { run: 'network set --no-share net-s', as: 'admin' },
    { run: 'network list', as: 'stranger', lacks: [{ Name: 'net-s' }] },
    {
      run: 'network rbac create --type network --action access_as_shared --target-project stranger net-s',
      as: 'admin',
      has: { action: 'access_as_shared', object_type: 'network' },
      keep: { rbac: 'id' },
    },
    { run: 'network list', as: 'stranger', rows: [{ Name: 'net-s' }] },
    { run: 'network rbac delete {rbac}', as: 'admin' },
    { run: 'network delete net-s', as: 'admin' },

    {
      run: 'address group create --address 198.51.100.7 group-a',
      has: { name: 'group-a', addresses: ['198.51.100.7/32'] },
    },
    { run: 'address group delete group-a' },
    { run: 'address scope create scope-a', has: { name: 'scope-a', ip_version: 4 } },
    { run: 'address scope delete scope-a' },
    { run: 'quota set --networks 1 --ports 5 stranger', as: 'admin' },
    {
      run: 'quota show stranger',
      as: 'admin',
      has: { networks: 1, ports: 5, instances: 10, project_name: 'stranger' },
    },
    { run: 'network create only', as: 'stranger', has: { name: 'only' } },
    { run: 'network create one-more', as: 'stranger', fails: /Quota exceeded for resources: \['network'\]/ },
    { run: 'network list', as: 'stranger', lacks: [{ Name: 'one-more' }] },
    { run: 'quota show', as: 'stranger', has: { networks: 1 } },
    { run: 'quota set --networks 7 stranger', as: 'stranger', fails: /403|Forbidden|not found|policy/i },

    {
      run: 'extension list --network',
      rows: [{ Alias: 'router' }, { Alias: 'security-group' }, { Alias: 'standard-attr-revisions' }],
    },
    { run: 'extension show router', has: { alias: 'router', name: /./ } },
    {
      run: 'network agent list',
      as: 'admin',
      rows: [{ 'Agent Type': /OVN Controller/, Alive: true, State: true }],
      keep: { agent: '0.ID' },
    },
    { run: 'network agent show {agent}', as: 'admin', has: { id: '{agent}', binary: /ovn/ } },
    { run: 'network agent list', as: 'stranger', count: 0 },
    { run: 'ip availability list', as: 'admin', rows: [{ 'Network Name': 'public' }] },
    { run: 'network service provider list', rows: [{ 'Service Type': 'L3_ROUTER_NAT' }] },
  ],
};
