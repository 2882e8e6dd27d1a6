import assert from 'node:assert/strict';
import { test } from 'node:test';
import { networkHarness, type NetworkHarness } from '#test/support/network-harness.ts';

async function subnetOn(net: NetworkHarness, body: Record<string, unknown>, networkId?: string) {
  const id = networkId ?? (await net.make('networks', { name: 'n' })).id;
  return net.call('POST', '/v2.0/subnets', { body: { subnet: { network_id: id, ...body } } });
}

test('fills in gateway and pools', async () => {
  await using net = await networkHarness();
  const cases: Array<[Record<string, unknown>, string | null, unknown]> = [
    [{ ip_version: 4, cidr: '10.0.0.7/24' }, '10.0.0.1', [{ start: '10.0.0.2', end: '10.0.0.254' }]],
    [
      { ip_version: 4, cidr: '10.0.0.0/29', gateway_ip: '10.0.0.3' },
      '10.0.0.3',
      [
        { start: '10.0.0.1', end: '10.0.0.2' },
        { start: '10.0.0.4', end: '10.0.0.6' },
      ],
    ],
    [
      { ip_version: 4, cidr: '10.0.0.0/30', gateway_ip: null },
      null,
      [{ start: '10.0.0.1', end: '10.0.0.2' }],
    ],
    [
      { ip_version: 6, cidr: '2001:DB8:0::/64' },
      '2001:db8::1',
      [{ start: '2001:db8::2', end: '2001:db8::ffff:ffff:ffff:ffff' }],
    ],
  ];
  for (const [body, gateway, pools] of cases) {
    const { status, body: answer } = await subnetOn(net, body);
    assert.equal(status, 201, JSON.stringify(answer));
    assert.equal(answer.subnet.gateway_ip, gateway);
    assert.deepEqual(answer.subnet.allocation_pools, pools);
  }
});

test('refuses subnets that make no sense', async () => {
  await using net = await networkHarness();
  const network = await net.make('networks', { name: 'n' });
  assert.equal((await subnetOn(net, { ip_version: 4, cidr: '10.0.0.0/24' }, network.id)).status, 201);
  const v4 = { ip_version: 4, cidr: '10.9.0.0/24' };
  const v6 = { ip_version: 6, cidr: 'fd00::/64' };
  const cases: Array<[Record<string, unknown>, number, RegExp]> = [
    [{ ip_version: 4, cidr: '10.0.0.128/25' }, 400, /overlaps with another subnet/],
    [{ ip_version: 6, cidr: '10.9.0.0/24' }, 400, /ip_version/],
    [{ ip_version: 5, cidr: '10.9.0.0/24' }, 400, /ip_version/],
    [{ ip_version: 4, cidr: 'nonsense' }, 400, /CIDR/],
    [{ ip_version: 4, cidr: '0.0.0.0/0' }, 400, /CIDR/],
    [{ ip_version: 4, cidr: '224.0.0.0/24' }, 400, /CIDR/],
    [{ ip_version: 4 }, 400, /subnetpool/],
    [{ ...v4, gateway_ip: '10.9.0.255' }, 400, /Gateway/],
    [{ ...v4, allocation_pools: [{ start: '10.9.0.9', end: '10.9.0.5' }] }, 400, /not valid/],
    [{ ...v4, allocation_pools: [{ start: '10.9.0.9', end: '10.9.1.5' }] }, 400, /beyond/],
    [{ ...v4, allocation_pools: [{ start: '10.9.0.1', end: '10.9.0.5' }] }, 409, /Gateway ip/],
    [
      {
        ...v4,
        allocation_pools: [
          { start: '10.9.0.5', end: '10.9.0.9' },
          { start: '10.9.0.9', end: '10.9.0.12' },
        ],
      },
      409,
      /overlapping/,
    ],
    [{ ...v4, dns_nameservers: ['x'] }, 400, /nameserver/],
    [{ ...v4, ipv6_ra_mode: 'slaac' }, 400, /IPv6/],
    [{ ...v6, ipv6_ra_mode: 'slaac', ipv6_address_mode: 'dhcpv6-stateful' }, 400, /same value/],
    [{ ...v6, ipv6_ra_mode: 'slaac', enable_dhcp: false }, 400, /enable_dhcp/],
    [{ ip_version: 6, cidr: 'fd00::/80', ipv6_address_mode: 'slaac' }, 400, /\/64/],
  ];
  for (const [body, status, message] of cases) {
    const answer = await subnetOn(net, body, network.id);
    assert.equal(answer.status, status, JSON.stringify([body, answer.body]));
    assert.match(answer.body.NeutronError.message, message);
  }
  assert.equal(
    (
      await net.call('POST', '/v2.0/subnets', {
        token: 'stranger',
        body: { subnet: { network_id: network.id, ...v4 } },
      })
    ).status,
    404,
  );
});

test('gives EUI-64 addresses on SLAAC and stateless subnets, also with no router announcing', async () => {
  await using net = await networkHarness();
  for (const modes of [
    { ipv6_ra_mode: 'slaac', ipv6_address_mode: 'slaac' },
    { ipv6_ra_mode: 'dhcpv6-stateless', ipv6_address_mode: 'dhcpv6-stateless' },
    { ipv6_address_mode: 'slaac' },
    { ipv6_address_mode: 'dhcpv6-stateless' },
  ]) {
    const { body } = await subnetOn(net, { ip_version: 6, cidr: 'fd00:1::/64', ...modes });
    const port = await net.make('ports', {
      network_id: body.subnet.network_id,
      mac_address: '02:00:00:00:00:01',
    });
    assert.deepEqual(
      port.fixed_ips,
      [{ subnet_id: body.subnet.id, ip_address: 'fd00:1::ff:fe00:1' }],
      JSON.stringify(modes),
    );
    assert.equal(
      (await net.call('DELETE', `/v2.0/subnets/${body.subnet.id}`)).status,
      204,
      'guests drop the prefix themselves',
    );
    assert.deepEqual((await net.get(`ports/${port.id}`)).body.port.fixed_ips, []);
  }
});

test('takes stateful and unmanaged addresses from the pool, and the gateway for the router', async () => {
  await using net = await networkHarness();
  for (const modes of [
    {},
    { ipv6_ra_mode: 'dhcpv6-stateful', ipv6_address_mode: 'dhcpv6-stateful' },
    { ipv6_ra_mode: 'dhcpv6-stateful' },
    { ipv6_address_mode: 'dhcpv6-stateful' },
  ]) {
    const { subnet } = (await subnetOn(net, { ip_version: 6, cidr: 'fd00:2::/64', ...modes })).body;
    const port = await net.make('ports', { network_id: subnet.network_id });
    assert.equal(port.fixed_ips[0].ip_address, 'fd00:2::2');
    const fixed = {
      network_id: subnet.network_id,
      fixed_ips: [{ subnet_id: subnet.id, ip_address: 'fd00:2::abcd' }],
    };
    assert.equal((await net.make('ports', fixed)).fixed_ips[0].ip_address, 'fd00:2::abcd');
    const again = await net.call('POST', '/v2.0/ports', { body: { port: fixed } });
    assert.deepEqual([again.status, again.body.NeutronError.type], [409, 'IpAddressAlreadyAllocated']);
    const out = await net.call('POST', '/v2.0/ports', {
      body: { port: { ...fixed, fixed_ips: [{ subnet_id: subnet.id, ip_address: 'fd00:2:0:1::5' }] } },
    });
    assert.equal(out.status, 400);
    const router = await net.make('routers', {});
    const { body } = await net.call('PUT', `/v2.0/routers/${router.id}/add_router_interface`, {
      body: { subnet_id: subnet.id },
    });
    assert.equal(
      (await net.get(`ports/${body.port_id}`)).body.port.fixed_ips[0].ip_address,
      subnet.gateway_ip,
    );
  }
});

test('gives addresses of all families, whatever the order of the subnets', async () => {
  await using net = await networkHarness();
  const slaac = { ip_version: 6, cidr: 'fd00:3::/64', ipv6_ra_mode: 'slaac', ipv6_address_mode: 'slaac' };
  const stateful = { ip_version: 6, cidr: 'fd00:4::/64', ipv6_address_mode: 'dhcpv6-stateful' };
  const v4 = { ip_version: 4, cidr: '10.4.0.0/24' };
  for (const order of [
    [slaac, stateful, v4],
    [v4, stateful, slaac],
  ]) {
    const network = await net.make('networks', { name: 'n' });
    for (const body of order) await subnetOn(net, body, network.id);
    const port = await net.make('ports', { network_id: network.id, mac_address: '02:00:00:00:00:01' });
    const ips = port.fixed_ips.map((each: { ip_address: string }) => each.ip_address);
    assert.deepEqual(
      ips,
      ['10.4.0.3', 'fd00:4::2', 'fd00:3::ff:fe00:1'],
      'the first IPv4 address is the metadata port',
    );
  }
});

test('counts the addresses of a network for administrators', async () => {
  await using net = await networkHarness();
  const network = await net.make('networks', { name: 'n' });
  const subnet = await net.make('subnets', { network_id: network.id, ip_version: 4, cidr: '10.0.0.0/24' });
  const taken = async () => {
    const shown = await net.get(`network-ip-availabilities/${network.id}`, 'admin');
    const { network_ip_availability: of } = shown.body;
    assert.equal(of.network_name, 'n');
    assert.deepEqual(of.subnet_ip_availability[0].subnet_id, subnet.id);
    return { total: of.total_ips, used: of.used_ips };
  };
  const before = await taken();
  await net.make('ports', { network_id: network.id });
  assert.deepEqual(await taken(), { total: before.total, used: before.used + 1 });
  assert.equal((await net.get(`network-ip-availabilities/${network.id}`)).status, 403);
});

test('takes prefixes out of pools until they are used up', async () => {
  await using net = await networkHarness();
  const pool = await net.make('subnetpools', {
    name: 'p',
    prefixes: ['10.0.0.0/24', '10.0.1.0/24'],
    default_prefixlen: 25,
    min_prefixlen: 24,
  });
  assert.deepEqual(pool.prefixes, ['10.0.0.0/23']);
  const cidrs: string[] = [];
  for (let i = 0; i < 4; i++)
    cidrs.push((await subnetOn(net, { ip_version: 4, subnetpool_id: pool.id })).body.subnet.cidr);
  assert.deepEqual(cidrs, ['10.0.0.0/25', '10.0.0.128/25', '10.0.1.0/25', '10.0.1.128/25']);
  assert.equal((await subnetOn(net, { ip_version: 4, subnetpool_id: pool.id })).status, 409);
  assert.equal((await subnetOn(net, { ip_version: 4, subnetpool_id: pool.id, prefixlen: 20 })).status, 400);
  assert.equal((await subnetOn(net, { ip_version: 4, use_default_subnetpool: true })).status, 400);
  assert.equal((await net.call('DELETE', `/v2.0/subnetpools/${pool.id}`)).status, 400);
  assert.equal((await net.get(`subnetpools/${pool.id}`, 'stranger')).status, 404);
});

test('gives a network its metadata port, which goes with the network', async () => {
  await using net = await networkHarness();
  const { subnet } = (await subnetOn(net, { ip_version: 4, cidr: '10.5.0.0/24' })).body;
  const found = await net.get(`ports?device_owner=network:distributed&network_id=${subnet.network_id}`);
  assert.equal(found.body.ports.length, 1);
  assert.equal(found.body.ports[0].device_id, `ovnmeta-${subnet.network_id}`);
  assert.equal((await net.call('DELETE', `/v2.0/subnets/${subnet.id}`)).status, 204);
  assert.equal((await net.call('DELETE', `/v2.0/networks/${subnet.network_id}`)).status, 204);
  assert.equal((await net.get(`ports?network_id=${subnet.network_id}`, 'admin')).body.ports.length, 0);
});

test('gives a network of IPv6 only a metadata port without addresses, which later IPv4 subnets use', async () => {
  await using net = await networkHarness();
  const six = { ip_version: 6, cidr: 'fd00:5::/64', ipv6_ra_mode: 'slaac', ipv6_address_mode: 'slaac' };
  const { subnet } = (await subnetOn(net, six)).body;
  const query = `ports?device_owner=network:distributed&network_id=${subnet.network_id}`;
  const addresses = async (): Promise<string[][]> =>
    (await net.get(query)).body.ports.map((port: { fixed_ips: Array<{ ip_address: string }> }) =>
      port.fixed_ips.map((ip) => ip.ip_address),
    );
  assert.deepEqual(await addresses(), [[]]);
  await subnetOn(net, { ip_version: 4, cidr: '10.5.0.0/24' }, subnet.network_id);
  assert.deepEqual(await addresses(), [['10.5.0.2']]);
});
