import assert from 'node:assert/strict';
import { test } from 'node:test';
import { networkHarness, type NetworkHarness } from '#test/support/network-harness.ts';

async function external(net: NetworkHarness, cidr = '203.0.113.0/24') {
  const network = await net.make(
    'networks',
    { name: 'public', 'router:external': true, 'provider:network_type': 'geneve' },
    'admin',
  );
  const subnet = await net.make(
    'subnets',
    { network_id: network.id, ip_version: 4, cidr, enable_dhcp: false },
    'admin',
  );
  return { network, subnet };
}

async function inner(net: NetworkHarness, cidr = '10.0.0.0/24') {
  const network = await net.make('networks', { name: 'inner' });
  const subnet = await net.make('subnets', { network_id: network.id, ip_version: 4, cidr });
  return { network, subnet };
}

const put = (net: NetworkHarness, path: string, body: unknown, token = 'member') =>
  net.call('PUT', `/v2.0/${path}`, { body, token });

test('connects a router, and takes it off again', async () => {
  await using net = await networkHarness();
  const { network: pub } = await external(net);
  const { subnet, network } = await inner(net);
  const router = await net.make('routers', { name: 'r', external_gateway_info: { network_id: pub.id } });
  assert.equal(router.external_gateway_info.network_id, pub.id);
  assert.equal(router.external_gateway_info.external_fixed_ips.length, 1);
  assert.equal(router.ha, undefined, 'for administrators only');
  const added = await put(net, `routers/${router.id}/add_router_interface`, { subnet_id: subnet.id });
  assert.equal(added.status, 200);
  assert.equal(added.body.subnet_id, subnet.id);
  const port = (await net.get(`ports/${added.body.port_id}`)).body.port;
  assert.deepEqual(
    [port.device_id, port.device_owner, port.network_id, port.fixed_ips[0].ip_address, port.status],
    [router.id, 'network:router_interface', network.id, '10.0.0.1', 'ACTIVE'],
  );
  assert.equal((await net.call('DELETE', `/v2.0/ports/${port.id}`)).status, 409);
  assert.equal((await net.call('DELETE', `/v2.0/routers/${router.id}`)).status, 409);
  assert.equal((await net.call('DELETE', `/v2.0/subnets/${subnet.id}`)).status, 409);
  assert.equal(
    (await put(net, `routers/${router.id}/add_router_interface`, { subnet_id: subnet.id })).status,
    400,
  );
  const removed = await put(net, `routers/${router.id}/remove_router_interface`, { subnet_id: subnet.id });
  assert.equal(removed.body.port_id, port.id);
  assert.equal(
    (await put(net, `routers/${router.id}/remove_router_interface`, { subnet_id: subnet.id })).status,
    404,
  );
  assert.equal((await net.call('DELETE', `/v2.0/routers/${router.id}`)).status, 204);
  assert.equal((await net.call('DELETE', `/v2.0/networks/${network.id}`)).status, 204);
  assert.equal((await net.get(`subnets/${subnet.id}`)).status, 404);
});

test('refuses gateways and interfaces that cannot work', async () => {
  await using net = await networkHarness();
  const { network, subnet } = await inner(net);
  const gateway = (id: string) =>
    net.call('POST', '/v2.0/routers', { body: { router: { external_gateway_info: { network_id: id } } } });
  assert.equal((await gateway(network.id)).status, 400);
  assert.equal((await gateway(crypto.randomUUID())).status, 404);
  const router = await net.make('routers', { external_gateway_info: {} });
  assert.equal(router.external_gateway_info, null);
  assert.equal(
    (await put(net, `routers/${router.id}/add_router_interface`, { subnet_id: subnet.id })).status,
    200,
  );
  const other = await inner(net, '10.0.0.0/25');
  const clash = await put(net, `routers/${router.id}/add_router_interface`, { subnet_id: other.subnet.id });
  assert.equal(clash.status, 400);
  assert.match(clash.body.NeutronError.message, /overlaps/);
  assert.equal((await put(net, `routers/${router.id}`, { router: { name: 'x' } }, 'stranger')).status, 404);
  assert.equal((await put(net, `routers/${router.id}`, { router: { name: 'x' } }, 'reader')).status, 403);
  const snat = {
    router: { external_gateway_info: { network_id: (await external(net)).network.id, enable_snat: false } },
  };
  assert.equal((await put(net, `routers/${router.id}`, snat)).status, 403);
  assert.equal(
    (await put(net, `routers/${router.id}`, snat, 'admin')).body.router.external_gateway_info.enable_snat,
    false,
  );
});

test('takes a port as an interface and keeps extra routes reachable', async () => {
  await using net = await networkHarness();
  const { network, subnet } = await inner(net);
  const router = await net.make('routers', { name: 'r' });
  const port = await net.make('ports', { network_id: network.id, fixed_ips: [{ ip_address: '10.0.0.50' }] });
  const added = await put(net, `routers/${router.id}/add_router_interface`, { port_id: port.id });
  assert.deepEqual(added.body.subnet_ids, [subnet.id]);
  const other = await net.make('routers', { name: 's' });
  assert.equal(
    (await put(net, `routers/${other.id}/add_router_interface`, { port_id: port.id })).status,
    409,
  );
  const route = { destination: '192.168.7.0/24', nexthop: '10.0.0.9' };
  const routed = await put(net, `routers/${router.id}`, { router: { routes: [route] } });
  assert.deepEqual(routed.body.router.routes, [route]);
  const more = await put(net, `routers/${router.id}/add_extraroutes`, {
    router: { routes: [route, { destination: '192.168.8.0/24', nexthop: '10.0.0.9' }] },
  });
  assert.equal(more.body.router.routes.length, 2);
  const fewer = await put(net, `routers/${router.id}/remove_extraroutes`, {
    router: { routes: [{ destination: '192.168.8.0/24', nexthop: '10.0.0.9' }] },
  });
  assert.deepEqual(fewer.body.router.routes, [route]);
  assert.equal(
    (
      await put(net, `routers/${router.id}`, {
        router: { routes: [{ destination: '1.0.0.0/8', nexthop: '172.16.0.1' }] },
      })
    ).status,
    400,
  );
  assert.equal(
    (await put(net, `routers/${router.id}/remove_router_interface`, { port_id: port.id })).status,
    409,
  );
  await put(net, `routers/${router.id}`, { router: { routes: [] } });
  assert.equal(
    (await put(net, `routers/${router.id}/remove_router_interface`, { port_id: port.id })).status,
    200,
  );
});

test('deletes an external network with idle floating IPs, not with one in use', async () => {
  await using net = await networkHarness();
  const { network: pub } = await external(net);
  const { network, subnet } = await inner(net);
  const router = await net.make('routers', { external_gateway_info: { network_id: pub.id } });
  await put(net, `routers/${router.id}/add_router_interface`, { subnet_id: subnet.id });
  const port = await net.make('ports', { network_id: network.id });
  const used = await net.make('floatingips', { floating_network_id: pub.id, port_id: port.id });
  const idle = await net.make('floatingips', { floating_network_id: pub.id });
  const remove = () => net.call('DELETE', `/v2.0/networks/${pub.id}`, { token: 'admin' });
  assert.equal((await remove()).status, 409);
  assert.equal((await net.get(`floatingips/${idle.id}`)).status, 200, 'a refused delete changes nothing');
  await put(net, `floatingips/${used.id}`, { floatingip: { port_id: null } });
  await put(net, `routers/${router.id}`, { router: { external_gateway_info: {} } });
  assert.equal((await remove()).status, 204);
  assert.deepEqual((await net.get('floatingips')).body.floatingips, []);
});

test('associates floating IPs only where a router leads', async () => {
  await using net = await networkHarness();
  const { network: pub } = await external(net);
  const { network, subnet } = await inner(net);
  const port = await net.make('ports', { network_id: network.id });
  const create = (body: object) =>
    net.call('POST', '/v2.0/floatingips', { body: { floatingip: { floating_network_id: pub.id, ...body } } });
  assert.equal((await create({ port_id: port.id })).status, 404, 'no router leads there');
  assert.equal(
    (
      await net.call('POST', '/v2.0/floatingips', {
        body: { floatingip: { floating_network_id: network.id } },
      })
    ).status,
    400,
  );
  const router = await net.make('routers', { external_gateway_info: { network_id: pub.id } });
  await put(net, `routers/${router.id}/add_router_interface`, { subnet_id: subnet.id });
  const fip = (await create({ port_id: port.id })).body.floatingip;
  assert.deepEqual(
    [fip.router_id, fip.status, fip.fixed_ip_address],
    [router.id, 'ACTIVE', port.fixed_ips[0].ip_address],
  );
  assert.equal(fip.port_details.network_id, network.id);
  assert.equal((await create({ port_id: port.id })).status, 409);
  assert.equal(
    (await put(net, `routers/${router.id}/remove_router_interface`, { subnet_id: subnet.id })).status,
    409,
  );
  assert.equal(
    (await put(net, `routers/${router.id}`, { router: { external_gateway_info: {} } })).status,
    409,
  );
  const free = (await net.get('floatingips?port_id=')).body.floatingips;
  assert.equal(free.length, 0);
  const loose = await put(net, `floatingips/${fip.id}`, { floatingip: { port_id: null } });
  assert.deepEqual([loose.body.floatingip.status, loose.body.floatingip.router_id], ['DOWN', null]);
  const two = await net.make('ports', {
    network_id: network.id,
    fixed_ips: [{ subnet_id: subnet.id }, { subnet_id: subnet.id }],
  });
  assert.equal((await put(net, `floatingips/${fip.id}`, { floatingip: { port_id: two.id } })).status, 400);
  const chosen = two.fixed_ips[1].ip_address;
  const tied = await put(net, `floatingips/${fip.id}`, {
    floatingip: { port_id: two.id, fixed_ip_address: chosen },
  });
  assert.equal(tied.body.floatingip.fixed_ip_address, chosen);
  assert.equal((await net.call('DELETE', `/v2.0/ports/${two.id}`)).status, 204);
  assert.equal((await net.get(`floatingips/${fip.id}`)).body.floatingip.port_id, null);
  assert.equal((await net.get(`floatingips/${fip.id}`, 'stranger')).status, 404);
  assert.equal((await create({ floating_ip_address: '203.0.113.200' })).status, 403);
  assert.equal((await net.call('DELETE', `/v2.0/floatingips/${fip.id}`)).status, 204);
  assert.equal((await net.get(`ports?device_id=${fip.id}`, 'admin')).body.ports.length, 0);
});

test('shows external networks to all but lets nobody else put ports there', async () => {
  await using net = await networkHarness();
  const { network, subnet } = await external(net);
  assert.equal((await net.get(`networks/${network.id}`)).body.network['router:external'], true);
  assert.equal((await net.get(`networks/${network.id}`)).body.network['provider:network_type'], undefined);
  assert.equal((await net.get(`subnets/${subnet.id}`)).status, 404);
  assert.equal(
    (await net.call('POST', '/v2.0/ports', { body: { port: { network_id: network.id } } })).status,
    403,
  );
  assert.equal(
    (await net.call('POST', '/v2.0/networks', { body: { network: { 'router:external': true } } })).status,
    403,
  );
});

test('makes a topology on demand once an administrator has laid the ground', async () => {
  await using net = await networkHarness();
  assert.equal((await net.get('auto-allocated-topology/None?fields=dry-run')).status, 400);
  const { network: pub } = await external(net);
  await put(net, `networks/${pub.id}`, { network: { is_default: true } }, 'admin');
  await net.make(
    'subnetpools',
    { name: 'p', prefixes: ['10.0.0.0/16'], default_prefixlen: 26, is_default: true, shared: true },
    'admin',
  );
  const both = await Promise.all([
    net.get('auto-allocated-topology/None'),
    net.get('auto-allocated-topology/None'),
  ]);
  const ids = both.map((answer) => answer.body.auto_allocated_topology.id);
  assert.equal(ids[0], ids[1]);
  assert.equal((await net.get(`networks/${ids[0]}`)).body.network.subnets.length, 1);
  assert.equal((await net.get('routers')).body.routers.length, 1);
  assert.equal((await net.call('DELETE', '/v2.0/auto-allocated-topology/None')).status, 204);
  assert.equal((await net.get('networks?router:external=False')).body.networks.length, 0);
  assert.equal((await net.get('routers')).body.routers.length, 0);
});
