// The network service on PostgreSQL: the statements that differ between engines, and races that SQLite cannot have.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { networkHarness } from '#test/support/network-harness.ts';
import { hasPostgres, startPostgres } from '#test/support/postgres.ts';

test(
  'gives no address twice and lists alike on PostgreSQL',
  { skip: hasPostgres ? false : 'PostgreSQL is not installed' },
  async () => {
    await using server = await startPostgres();
    await using net = await networkHarness({}, await server.newSchema());
    const network = await net.make('networks', { name: 'n' });
    await net.make('subnets', { network_id: network.id, ip_version: 4, cidr: '10.0.0.0/27' });
    const answers = await Promise.all(
      Array.from({ length: 12 }, (_, index) =>
        net.call('POST', '/v2.0/ports', { body: { port: { network_id: network.id, name: `p${index}` } } }),
      ),
    );
    const made = answers.filter((answer) => answer.status === 201);
    assert.deepEqual(
      answers.map((answer) => answer.status).filter((status) => status !== 201),
      [],
    );
    assert.equal(new Set(made.map((answer) => answer.body.port.fixed_ips[0].ip_address)).size, made.length);
    const list = async (query: string) =>
      (await net.get(`ports?${query}`)).body.ports.map((port: { name: string }) => port.name);
    assert.deepEqual(await list('name=p3&name=p1&sort_key=name&sort_dir=asc'), ['p1', 'p3']);
    assert.deepEqual(await list('device_owner=&sort_key=name&sort_dir=asc&limit=2'), ['p0', 'p1']);
    assert.deepEqual(
      await list('fixed_ips=ip_address_substr%3D10.0.0&limit=1&sort_key=name&sort_dir=asc&device_owner='),
      ['p0'],
    );
    assert.equal((await net.get('networks?router:external=False')).body.networks.length, 1);
    assert.equal(
      (await net.get('network-ip-availabilities', 'admin')).body.network_ip_availabilities[0].used_ips,
      13,
    );
    const router = await net.make('routers', { name: 'r' });
    const { subnets } = (await net.get('subnets')).body;
    const added = await net.call('PUT', `/v2.0/routers/${router.id}/add_router_interface`, {
      body: { subnet_id: subnets[0].id },
    });
    assert.equal(added.status, 200, JSON.stringify(added.body));
    const taken = await net.call('POST', '/v2.0/ports', {
      body: { port: { network_id: network.id, fixed_ips: [{ ip_address: '10.0.0.1' }] } },
    });
    assert.deepEqual([taken.status, taken.body.NeutronError.type], [409, 'IpAddressAlreadyAllocated']);
    for (const answer of made)
      assert.equal((await net.call('DELETE', `/v2.0/ports/${answer.body.port.id}`)).status, 204);
  },
);
