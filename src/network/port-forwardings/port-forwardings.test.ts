import assert from 'node:assert/strict';
import { test } from 'node:test';
import { networkHarness, type NetworkHarness } from '#test/support/network-harness.ts';
import type { Answer, JsonValue } from '#test/support/service-harness.ts';

interface Stage {
  readonly net: NetworkHarness;
  readonly external: JsonValue;
  readonly subnet: JsonValue;
  readonly router: JsonValue;
  readonly port: JsonValue;
  readonly fip: JsonValue;
  /** POSTs one for `port` with these differences. */
  forward(fields?: Record<string, unknown>, token?: string): Promise<Answer>;
}

/** A router between an external network and an inner one with a port, and a free floating IP. */
async function lay(net: NetworkHarness): Promise<Stage> {
  const external = await net.make('networks', { name: 'out', 'router:external': true }, 'admin');
  await net.make('subnets', { network_id: external.id, ip_version: 4, cidr: '198.51.100.0/24' }, 'admin');
  const network = await net.make('networks', {});
  const subnet = await net.make('subnets', { network_id: network.id, ip_version: 4, cidr: '10.0.0.0/24' });
  const router = await net.make('routers', { external_gateway_info: { network_id: external.id } });
  const plug = { body: { subnet_id: subnet.id } };
  assert.equal((await net.call('PUT', `/v2.0/routers/${router.id}/add_router_interface`, plug)).status, 200);
  const port = await net.make('ports', { network_id: network.id });
  const fip = await net.make('floatingips', { floating_network_id: external.id });
  return {
    net,
    external,
    subnet,
    router,
    port,
    fip,
    forward: async (fields = {}, token = 'member') =>
      net.call('POST', `/v2.0/floatingips/${fip.id}/port_forwardings`, {
        token,
        body: {
          port_forwarding: {
            protocol: 'tcp',
            external_port: 8080,
            internal_port_id: port.id,
            internal_ip_address: port.fixed_ips[0].ip_address,
            internal_port: 80,
            ...fields,
          },
        },
      }),
  };
}

const shown = async ({ net, fip }: Stage): Promise<JsonValue> =>
  (await net.get(`floatingips/${fip.id}`)).body.floatingip;

test('ports of a floating IP are forwarded, shown with it, changed and given up', async () => {
  await using net = await networkHarness();
  const stage = await lay(net);
  const at = `/v2.0/floatingips/${stage.fip.id}/port_forwardings`;
  assert.deepEqual((await net.call('GET', at)).body, { port_forwardings: [] });
  const made = await stage.forward({ description: 'web', protocol: 'TCP', external_port: '8080' });
  assert.equal(made.status, 201, JSON.stringify(made.body));
  const web = made.body.port_forwarding;
  const { ip_address } = stage.port.fixed_ips[0];
  assert.deepEqual(web, {
    id: web.id,
    protocol: 'tcp',
    external_port: 8080,
    internal_port_id: stage.port.id,
    internal_ip_address: ip_address,
    internal_port: 80,
    description: 'web',
  });
  const { port_forwarding: dns } = (
    await stage.forward({ protocol: 'udp', external_port: 53, internal_port: 53 })
  ).body;
  const { description: _, ...brief } = web;
  const fip = await shown(stage);
  assert.deepEqual([fip.status, fip.port_id, fip.router_id], ['ACTIVE', null, stage.router.id]);
  assert.deepEqual(
    fip.port_forwardings.find((each: { id: string }) => each.id === web.id),
    brief,
  );
  assert.deepEqual((await net.call('GET', `${at}/${web.id}`)).body.port_forwarding, web);
  const found = async (query: string): Promise<string[]> =>
    (await net.call('GET', `${at}?${query}`)).body.port_forwardings.map(({ id }: { id: string }) => id);
  assert.deepEqual(await found('protocol=udp'), [dns.id]);
  assert.deepEqual(await found('external_port=8080'), [web.id]);
  assert.deepEqual(await found('sort_key=external_port&sort_dir=asc'), [dns.id, web.id]);

  const put = async (fields: object, token = 'member'): Promise<Answer> =>
    net.call('PUT', `${at}/${web.id}`, { token, body: { port_forwarding: fields } });
  const moved = await put({ external_port: 8081, internal_port: 81, description: '' });
  assert.deepEqual(moved.body.port_forwarding, {
    ...web,
    external_port: 8081,
    internal_port: 81,
    description: '',
  });
  assert.equal((await put({ protocol: 'udp', external_port: 53 })).status, 400, 'taken');
  assert.equal((await put({ internal_ip_address: '10.0.0.250' })).status, 400, 'not of the port');

  assert.equal((await net.call('DELETE', `${at}/${web.id}`)).status, 204);
  assert.equal((await net.call('GET', `${at}/${web.id}`)).status, 404);
  assert.equal((await shown(stage)).router_id, stage.router.id, 'the other one needs it');
  assert.equal((await net.call('DELETE', `${at}/${dns.id}`)).status, 204);
  const free = await shown(stage);
  assert.deepEqual([free.status, free.router_id, free.port_forwardings], ['DOWN', null, []]);
});

test('what cannot be forwarded is refused', async () => {
  await using net = await networkHarness();
  const stage = await lay(net);
  assert.equal((await stage.forward()).status, 201);
  for (const [fields, why] of [
    [{}, 'there already'],
    [{ external_port: 8081 }, 'the inner port has a way already'],
    [{ internal_port: 81 }, 'the outer port is taken'],
    [{ external_port: 0 }, 'no port'],
    [{ external_port: 65536 }, 'no port'],
    [{ protocol: 'icmp' }, 'has no ports'],
    [{ internal_ip_address: '10.0.0.250', external_port: 1, internal_port: 1 }, 'not of the port'],
    [{ colour: 'red' }, 'unknown'],
  ] as const)
    assert.equal((await stage.forward(fields)).status, 400, `${why}: ${JSON.stringify(fields)}`);
  const nobody = '99999999-aaaa-4bbb-8ccc-dddddddddddd';
  assert.equal((await stage.forward({ internal_port_id: nobody, external_port: 1 })).status, 404);

  const lost = await net.make('networks', {});
  await net.make('subnets', { network_id: lost.id, ip_version: 4, cidr: '10.9.0.0/24' });
  const away = await net.make('ports', { network_id: lost.id });
  const unreachable = { internal_port_id: away.id, internal_ip_address: away.fixed_ips[0].ip_address };
  assert.equal(
    (await stage.forward({ ...unreachable, external_port: 1 })).status,
    400,
    'no router leads there',
  );
  const own = await net.make('ports', { network_id: stage.port.network_id });
  await net.make('floatingips', { floating_network_id: stage.external.id, port_id: own.id });
  const whole = { internal_port_id: own.id, internal_ip_address: own.fixed_ips[0].ip_address };
  assert.equal((await stage.forward({ ...whole, external_port: 1 })).status, 409, 'it has a floating IP');
});

test('other projects find nothing, readers look', async () => {
  await using net = await networkHarness();
  const stage = await lay(net);
  const { id } = (await stage.forward()).body.port_forwarding;
  const at = `/v2.0/floatingips/${stage.fip.id}/port_forwardings`;
  const body = { port_forwarding: { external_port: 1 } };
  for (const [method, path] of [
    ['GET', at],
    ['GET', `${at}/${id}`],
    ['PUT', `${at}/${id}`],
    ['DELETE', `${at}/${id}`],
  ] as const) {
    const sent = method === 'PUT' ? { body } : {};
    assert.equal((await net.call(method, path, { token: 'stranger', ...sent })).status, 404, method);
    const asReader = (await net.call(method, path, { token: 'reader', ...sent })).status;
    assert.equal(asReader, method === 'GET' ? 200 : 403, `${method} as a reader`);
  }
  assert.equal((await stage.forward({ external_port: 1 }, 'stranger')).status, 404);
  const other = await net.make('floatingips', { floating_network_id: stage.external.id });
  assert.equal((await net.call('GET', `/v2.0/floatingips/${other.id}/port_forwardings/${id}`)).status, 404);
});

test('a floating IP that forwards is neither given to a port nor deleted, and holds its router', async () => {
  await using net = await networkHarness();
  const stage = await lay(net);
  const { fip, router, subnet } = stage;
  const { id } = (await stage.forward()).body.port_forwarding;
  const associate = async (port_id: string | null): Promise<Answer> =>
    net.call('PUT', `/v2.0/floatingips/${fip.id}`, { body: { floatingip: { port_id } } });
  const other = await net.make('ports', { network_id: stage.port.network_id });
  assert.equal((await associate(other.id)).status, 409);
  assert.equal((await associate(null)).body.floatingip.router_id, router.id, 'there was nothing to take off');
  assert.equal((await net.call('DELETE', `/v2.0/floatingips/${fip.id}`)).status, 409);
  const unplug = { body: { subnet_id: subnet.id } };
  const taken = await net.call('PUT', `/v2.0/routers/${router.id}/remove_router_interface`, unplug);
  assert.equal(taken.status, 409);
  const ungated = { body: { router: { external_gateway_info: {} } } };
  assert.equal((await net.call('PUT', `/v2.0/routers/${router.id}`, ungated)).status, 409);

  assert.equal((await net.call('DELETE', `/v2.0/floatingips/${fip.id}/port_forwardings/${id}`)).status, 204);
  assert.equal((await associate(other.id)).status, 200);
  assert.equal((await stage.forward()).status, 409, 'all of it leads to a port');
  assert.equal((await net.call('DELETE', `/v2.0/floatingips/${fip.id}`)).status, 204);
});

test('forwarding ends with the port it leads to, and with the address', async () => {
  await using net = await networkHarness();
  const stage = await lay(net);
  assert.equal((await stage.forward()).status, 201);
  const fixed_ips = [{ subnet_id: stage.subnet.id, ip_address: '10.0.0.77' }];
  const moved = await net.call('PUT', `/v2.0/ports/${stage.port.id}`, { body: { port: { fixed_ips } } });
  assert.equal(moved.status, 200);
  assert.deepEqual((await shown(stage)).port_forwardings, []);
  assert.equal((await stage.forward({ internal_ip_address: '10.0.0.77' })).status, 201);
  assert.equal((await net.call('DELETE', `/v2.0/ports/${stage.port.id}`)).status, 204);
  const free = await shown(stage);
  assert.deepEqual([free.status, free.router_id, free.port_forwardings], ['DOWN', null, []]);
});
