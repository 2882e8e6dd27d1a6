// The network service as clients use it, on the model of OVN: whatever they change, its rows are right when they are
// answered, so that the loop that compares everything finds nothing to put right.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createInProcessBus } from '#platform/bus/in-process.ts';
import { systemClock } from '#platform/context/clock.ts';
import { silentLog } from '#platform/log/log.ts';
import type { ServiceContext } from '#platform/service/service.ts';
import { createNetworkService } from '#network/service.ts';
import { fakeOvnWorld, type OvnWorld } from '#test/support/ovn-world.ts';
import { mountForTest, type JsonValue } from '#test/support/service-harness.ts';
import { nbTables, type NbTable } from './model.ts';
import { createNorthbound, type OvnNorthbound } from './northbound.ts';

type Call = (method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, body?: object) => Promise<JsonValue>;

interface Cloud extends AsyncDisposable {
  readonly world: OvnWorld;
  readonly northbound: OvnNorthbound;
  /** As an administrator; insists on success. */
  readonly ask: Call;
  /** Insists too that nothing is left to be put right. */
  readonly call: Call;
}

async function openCloud(): Promise<Cloud> {
  const world = await fakeOvnWorld();
  const context: ServiceContext = {
    log: silentLog,
    clock: systemClock,
    bus: createInProcessBus(),
    databaseUrl: 'sqlite::memory:',
    dataDir: '/nonexistent',
    policyOverrides: {},
    peer: () => {
      throw new Error('the network service asks no peer');
    },
    serviceToken: async () => 'service',
    region: 'RegionOne',
  };
  let northbound: OvnNorthbound | undefined;
  const config = { physicalNetworks: [{ name: 'physnet1' }] };
  const service = await createNetworkService(context, config, async ({ db }) => {
    const { bus, clock, log } = context;
    northbound = createNorthbound({ db, nbEndpoint: world.nb, sbEndpoint: world.sb, bus, clock, log });
    return northbound;
  });
  await service.start();
  const mounted = await mountForTest(service.api);
  const ovn = northbound!; // the service connected
  await ovn.repairNow();
  const ask: Call = async (method, path, body) => {
    const answer = await mounted.call(method, `/v2.0/${path}`, { token: 'admin', ...(body ? { body } : {}) });
    assert.ok(answer.status < 300, `${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  };
  const call: Call = async (method, path, body) => {
    const answer = await ask(method, path, body);
    const rows = dump(ovn);
    await ovn.repairNow();
    assert.deepEqual(dump(ovn), rows, `${method} ${path} left something to put right`);
    return answer;
  };
  return {
    world,
    northbound: ovn,
    ask,
    call,
    [Symbol.asyncDispose]: async () => {
      await mounted.app.close();
      await service[Symbol.asyncDispose]();
      await world[Symbol.asyncDispose]();
      await context.bus[Symbol.asyncDispose]();
    },
  };
}

/** All rows, without what northd writes. */
function dump(northbound: OvnNorthbound): Record<string, unknown[]> {
  const tables = Object.keys(nbTables).filter((name) => name !== 'NB_Global') as NbTable[];
  return Object.fromEntries(
    tables.map((name) => [
      name,
      northbound.nb
        .table(name)
        .list()
        .map((row) => ({ ...row, up: null }))
        .toSorted((a, b) => (a._uuid < b._uuid ? -1 : 1)),
    ]),
  );
}

test('leaves nothing to be put right, whatever is changed through the API', { timeout: 60_000 }, async () => {
  await using cloud = await openCloud();
  const { call, northbound } = cloud;
  const { nb } = northbound;
  const make = async (path: string, name: string, body: object): Promise<JsonValue> =>
    (await call('POST', path, { [name]: body }))[name];

  const network = await make('networks', 'network', { name: 'private' });
  const subnet = await make('subnets', 'subnet', {
    network_id: network.id,
    ip_version: 4,
    cidr: '10.1.0.0/24',
    dns_nameservers: ['9.9.9.9'],
  });
  const port = await make('ports', 'port', { network_id: network.id, device_owner: 'compute:nova' });
  const [row] = nb.table('Logical_Switch_Port').where('name', port.id);
  assert.ok(row?.dhcpv4_options, 'the port has DHCP options');
  const options = () =>
    nb.table('DHCP_Options').list((each) => each.external_ids['subnet_id'] === subnet.id)[0]?.options;
  assert.match(
    options()?.['classless_static_route'] ?? '',
    /^\{169\.254\.169\.254\/32,10\.1\.0\.\d+, 0\.0\.0\.0\/0,10\.1\.0\.1\}$/,
  );
  assert.equal(nb.table('Logical_Switch_Port').where('type', 'localport').length, 1);

  await call('PUT', `subnets/${subnet.id}`, { subnet: { dns_nameservers: ['8.8.8.8'] } });
  assert.equal(options()?.['dns_server'], '{8.8.8.8}');
  await call('PUT', `networks/${network.id}`, { network: { name: 'renamed' } });
  await call('PUT', `ports/${port.id}`, {
    port: { name: 'p', 'binding:host_id': 'h1', extra_dhcp_opts: [{ opt_name: 'mtu', opt_value: '1300' }] },
  });

  const group = await make('security-groups', 'security_group', { name: 'web' });
  const rule = await make('security-group-rules', 'security_group_rule', {
    security_group_id: group.id,
    direction: 'ingress',
    protocol: 'tcp',
    port_range_min: 80,
    port_range_max: 80,
  });
  const acls = (match: string) => nb.table('ACL').list((acl) => acl.match.includes(match)).length;
  assert.equal(acls('tcp.dst == 80'), 1);
  await call('PUT', `ports/${port.id}`, { port: { security_groups: [group.id] } });
  await call('DELETE', `security-group-rules/${rule.id}`);
  assert.equal(acls('tcp.dst == 80'), 0);

  const external = await make('networks', 'network', {
    name: 'public',
    'router:external': true,
    'provider:network_type': 'flat',
    'provider:physical_network': 'physnet1',
  });
  assert.equal(nb.table('Logical_Switch_Port').where('type', 'localnet').length, 1);
  await make('subnets', 'subnet', {
    network_id: external.id,
    ip_version: 4,
    cidr: '203.0.113.0/24',
    enable_dhcp: false,
  });
  const router = await make('routers', 'router', {
    name: 'r',
    external_gateway_info: { network_id: external.id },
  });
  await call('PUT', `routers/${router.id}/add_router_interface`, { subnet_id: subnet.id });
  assert.deepEqual(
    nb
      .table('NAT')
      .list()
      .map((nat) => [nat.type, nat.logical_ip]),
    [['snat', '10.1.0.0/24']],
  );
  assert.deepEqual(
    nb
      .table('Gateway_Chassis')
      .list()
      .map((each) => each.chassis_name)
      .toSorted(),
    ['h1', 'h2'],
  );
  const fip = await make('floatingips', 'floatingip', { floating_network_id: external.id, port_id: port.id });
  assert.equal(nb.table('NAT').where('type', 'dnat_and_snat')[0]?.external_ip, fip.floating_ip_address);
  await call('PUT', `routers/${router.id}`, {
    router: { routes: [{ destination: '10.9.0.0/24', nexthop: '10.1.0.77' }] },
  });
  await call('PUT', `floatingips/${fip.id}`, { floatingip: { port_id: null } });
  await call('PUT', `floatingips/${fip.id}`, { floatingip: { port_id: port.id } });
  await call('DELETE', `ports/${port.id}`);
  assert.equal(nb.table('NAT').where('type', 'dnat_and_snat').length, 0);
  await call('DELETE', `floatingips/${fip.id}`);
  await call('PUT', `routers/${router.id}`, { router: { routes: [] } });
  await call('PUT', `routers/${router.id}/remove_router_interface`, { subnet_id: subnet.id });
  await call('PUT', `routers/${router.id}`, { router: { external_gateway_info: {} } });
  await call('DELETE', `routers/${router.id}`);
  await call('DELETE', `networks/${network.id}`);
  await call('DELETE', `networks/${external.id}`);
  await call('DELETE', `security-groups/${group.id}`);
  for (const table of [
    'Logical_Switch',
    'Logical_Switch_Port',
    'Logical_Router',
    'DHCP_Options',
    'NAT',
  ] as const)
    assert.equal(nb.table(table).size, 0, table);
});

test('puts a gateway on chassis that come while its router is written', { timeout: 60_000 }, async () => {
  await using cloud = await openCloud();
  const { call, world, northbound } = cloud;
  const { fake } = world;
  assert.ok(fake);
  const external = { 'router:external': true, 'provider:network_type': 'flat' };
  const physical = { 'provider:physical_network': 'physnet1' };
  const { network } = await call('POST', 'networks', {
    network: { name: 'public', ...external, ...physical },
  });
  await call('POST', 'subnets', {
    subnet: { network_id: network.id, ip_version: 4, cidr: '203.0.113.0/24', enable_dhcp: false },
  });
  const { nb, sb } = northbound;
  const most = { deadlineMs: 30_000, tickMs: 10 };
  fake.behaviours.beforeCommit = async () => {
    delete fake.behaviours.beforeCommit;
    await fake.addChassis('h3');
    await sb.waitUntil((db) => db.table('Chassis').where('name', 'h3')[0], most);
  };
  await cloud.ask('POST', 'routers', {
    router: { name: 'r', external_gateway_info: { network_id: network.id } },
  });
  assert.equal(nb.table('Logical_Router_Port').size, 1);
  const chassis = () => nb.table('Gateway_Chassis').list((row) => row.chassis_name === 'h3');
  await nb.waitUntil(() => chassis()[0], { ...most, describe: () => 'the gateway to be on h3 too' });
});

test('answers a trace of a port with its evidence', async () => {
  await using cloud = await openCloud();
  const { call, world, northbound } = cloud;
  const network = (await call('POST', 'networks', { network: { name: 'n' } })).network;
  await call('POST', 'subnets', { subnet: { network_id: network.id, ip_version: 4, cidr: '10.1.0.0/24' } });
  const port = (await call('POST', 'ports', { port: { network_id: network.id, 'binding:host_id': 'h1' } }))
    .port;
  await world.plug('h1', port.id, port.mac_address);
  await northbound.nb.waitUntil(() => northbound.portState(port.id).up, { deadlineMs: 30_000, tickMs: 20 });
  const trace = (await call('GET', `ports/${port.id}/trace?flows=1`)).port_trace;
  assert.equal(trace.status, 'ACTIVE');
  assert.equal(trace.missing, null);
  assert.deepEqual(trace.northbound.rows.inserted, { Logical_Switch_Port: 1 });
  assert.equal(trace.binding.chassis, 'h1');
  assert.equal(trace.southbound.logical_flows, 0);
  assert.ok(trace.binding.up_after_ms >= 0);
});
