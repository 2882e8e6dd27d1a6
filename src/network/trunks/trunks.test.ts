import assert from 'node:assert/strict';
import { test } from 'node:test';
import { networkHarness } from '#test/support/network-harness.ts';
import type { Answer, JsonValue } from '#test/support/service-harness.ts';

async function withNetwork(config: Parameters<typeof networkHarness>[0] = {}) {
  const net = await networkHarness(config);
  const network = await net.make('networks', { name: 'n' });
  const port = async (more: object = {}, token = 'member') =>
    net.make('ports', { network_id: network.id, ...more }, token);
  return {
    net,
    network,
    port,
    make: async (trunk: object): Promise<JsonValue> => net.make('trunks', trunk as Record<string, unknown>),
    post: async (trunk: object, token = 'member'): Promise<Answer> =>
      net.call('POST', '/v2.0/trunks', { token, body: { trunk } }),
    put: async (path: string, body: object, token = 'member'): Promise<Answer> =>
      net.call('PUT', `/v2.0/trunks/${path}`, { token, body }),
    [Symbol.asyncDispose]: () => net[Symbol.asyncDispose](),
  };
}

const vlan = (port: { id: string }, tag: number | string) => ({
  port_id: port.id,
  segmentation_type: 'vlan',
  segmentation_id: tag,
});
const typeOf = (answer: Answer): [number, string] => [answer.status, answer.body.NeutronError.type];

test('makes a trunk of ports, shows it on its port, and lets them go with it', async () => {
  await using world = await withNetwork();
  const { net, port, make } = world;
  const [parent, first, second] = [await port(), await port(), await port()];
  const trunk = await make({ port_id: parent.id, name: 't', sub_ports: [vlan(first, 101)] });
  assert.equal(trunk.status, 'ACTIVE');
  assert.equal(trunk.admin_state_up, true);
  assert.deepEqual(trunk.sub_ports, [vlan(first, 101)]);
  assert.equal((await net.get(`ports/${first.id}`)).body.port.device_owner, 'trunk:subport');
  const profile = (await net.get(`ports/${first.id}`, 'admin')).body.port['binding:profile'];
  assert.deepEqual(profile, { parent_name: parent.id, tag: 101 });

  const added = await world.put(`${trunk.id}/add_subports`, { sub_ports: [vlan(second, '7')] });
  assert.equal(added.status, 200);
  assert.equal(added.body.id, trunk.id, 'not wrapped');
  assert.deepEqual(added.body.sub_ports, [vlan(second, 7), vlan(first, 101)]);
  assert.ok(added.body.revision_number > trunk.revision_number);
  const listed = await net.get(`trunks/${trunk.id}/get_subports`, 'reader');
  assert.deepEqual(listed.body, { sub_ports: added.body.sub_ports });
  assert.deepEqual((await net.get(`ports/${parent.id}`)).body.port.trunk_details, {
    trunk_id: trunk.id,
    sub_ports: [
      { ...vlan(second, 7), mac_address: second.mac_address },
      { ...vlan(first, 101), mac_address: first.mac_address },
    ],
  });
  assert.equal('trunk_details' in (await net.get(`ports/${first.id}`)).body.port, false);

  const told = net.northbound.told.length;
  const removed = await world.put(`${trunk.id}/remove_subports`, { sub_ports: [{ port_id: second.id }] });
  assert.deepEqual(removed.body.sub_ports, [vlan(first, 101)]);
  assert.ok(
    net.northbound.told.slice(told).some((ref) => ref.id === second.id),
    'OVN is told',
  );
  const free = (await net.get(`ports/${second.id}`, 'admin')).body.port;
  assert.deepEqual([free.device_owner, free['binding:profile']], ['', {}]);

  assert.equal((await net.call('DELETE', `/v2.0/trunks/${trunk.id}`)).status, 204);
  assert.equal((await net.get(`trunks/${trunk.id}`)).status, 404);
  for (const each of [first, parent])
    assert.equal((await net.call('DELETE', `/v2.0/ports/${each.id}`)).status, 204);
});

test('keeps ports while a trunk has them, and a trunk as it is while it is switched off', async () => {
  await using world = await withNetwork();
  const { net, port, make, put } = world;
  const [parent, first, second] = [await port(), await port(), await port()];
  const trunk = await make({ port_id: parent.id, sub_ports: [vlan(first, 1)] });
  const remove = async (path: string) => net.call('DELETE', `/v2.0/${path}`);
  assert.deepEqual(typeOf(await remove(`ports/${parent.id}`)), [409, 'PortInUseAsTrunkParent']);
  assert.deepEqual(typeOf(await remove(`ports/${first.id}`)), [409, 'PortInUseAsSubPort']);
  const off = await put(trunk.id, { trunk: { admin_state_up: false, name: 'off' } });
  assert.deepEqual([off.body.trunk.admin_state_up, off.body.trunk.name], [false, 'off']);
  assert.deepEqual(typeOf(await remove(`trunks/${trunk.id}`)), [409, 'TrunkDisabled']);
  const add = await put(`${trunk.id}/add_subports`, { sub_ports: [vlan(second, 2)] });
  assert.deepEqual(typeOf(add), [409, 'TrunkDisabled']);
  const less = await put(`${trunk.id}/remove_subports`, { sub_ports: [{ port_id: first.id }] });
  assert.deepEqual(typeOf(less), [409, 'TrunkDisabled']);
  await put(trunk.id, { trunk: { admin_state_up: true } });
  assert.equal((await remove(`trunks/${trunk.id}`)).status, 204);
});

test('refuses what does not fit into a trunk', async () => {
  await using world = await withNetwork();
  const { net, port, make, post } = world;
  const [parent, first, second] = [await port(), await port(), await port()];
  const used = await port({ device_id: 'a-server', device_owner: 'compute:nova' });
  const small = await net.make('networks', { name: 'small', mtu: 1300 });
  const narrow = await net.make('ports', { network_id: small.id });
  const trunk = await make({ port_id: parent.id, sub_ports: [vlan(first, 1)] });
  const refusals: Array<[object, number, string]> = [
    [{ port_id: parent.id }, 409, 'ParentPortInUse'],
    [{ port_id: first.id }, 409, 'TrunkPortInUse'],
    [{ port_id: crypto.randomUUID() }, 404, 'PortNotFound'],
    [{ port_id: second.id, sub_ports: [vlan(second, 2)] }, 409, 'ParentPortInUse'],
    [{ port_id: second.id, sub_ports: [vlan(used, 2)] }, 409, 'PortInUse'],
    [{ port_id: second.id, sub_ports: [vlan(first, 2)] }, 409, 'TrunkPortInUse'],
    [{ port_id: second.id, sub_ports: [vlan(narrow, 4095)] }, 400, 'InvalidInput'],
    [{ port_id: second.id, sub_ports: [vlan(narrow, 0)] }, 400, 'InvalidInput'],
    [{ port_id: second.id, sub_ports: [{ port_id: narrow.id }] }, 400, 'InvalidInput'],
    [{ port_id: second.id, sub_ports: [vlan(narrow, 2), vlan(narrow, 3)] }, 400, 'InvalidInput'],
    [
      { port_id: second.id, sub_ports: [{ ...vlan(narrow, 2), segmentation_type: 'vxlan' }] },
      400,
      'InvalidInput',
    ],
    [
      { port_id: second.id, sub_ports: [{ port_id: narrow.id, segmentation_type: 'inherit' }] },
      400,
      'InvalidInput',
    ],
    [{ port_id: narrow.id, sub_ports: [vlan(second, 2)] }, 409, 'SubPortMtuGreaterThanTrunkPortMtu'],
    [{ port_id: second.id, sub_ports: 'x' }, 400, 'HTTPBadRequest'],
    [{ port_id: second.id, sub_ports: [{ segmentation_id: 1 }] }, 400, 'HTTPBadRequest'],
    [{ name: 'no port' }, 400, 'HTTPBadRequest'],
  ];
  for (const [body, ...expected] of refusals)
    assert.deepEqual(typeOf(await post(body)), expected, JSON.stringify(body));
  const add = async (...sub_ports: object[]) => world.put(`${trunk.id}/add_subports`, { sub_ports });
  assert.deepEqual(typeOf(await add(vlan(second, 1))), [409, 'DuplicateSubPort']);
  assert.deepEqual(typeOf(await add(vlan(second, 3), vlan(narrow, 3))), [400, 'InvalidInput']);
  const foreign = await world.put(`${trunk.id}/remove_subports`, { sub_ports: [{ port_id: second.id }] });
  assert.deepEqual(typeOf(foreign), [404, 'SubPortNotFound']);
  assert.equal((await world.put(`${trunk.id}/add_subports`, {})).status, 400);
  const { sub_ports } = (await net.get(`trunks/${trunk.id}`)).body.trunk;
  assert.deepEqual(sub_ports, [vlan(first, 1)], 'nothing of what was refused is in it');
});

test('takes the tag of a VLAN network where a subport inherits it', async () => {
  await using world = await withNetwork({ physicalNetworks: [{ name: 'physnet1' }] });
  const { net, port, post } = world;
  const tagged = await net.make(
    'networks',
    {
      name: 'vlan',
      mtu: 1300,
      shared: true,
      'provider:network_type': 'vlan',
      'provider:physical_network': 'physnet1',
      'provider:segmentation_id': 55,
    },
    'admin',
  );
  const inside = await net.make('ports', { network_id: tagged.id });
  const parent = await port();
  const made = await post({
    port_id: parent.id,
    sub_ports: [{ port_id: inside.id, segmentation_type: 'inherit' }],
  });
  assert.deepEqual(made.body.trunk.sub_ports, [vlan(inside, 55)]);
});

test('hides trunks from others, who cannot take ports into theirs either', async () => {
  await using world = await withNetwork({ quotas: { trunk: 1 } });
  const { net, port, make, post, put } = world;
  const parent = await port();
  const trunk = await make({ port_id: parent.id, name: 't' });
  const spare = await port();
  assert.equal((await net.get(`trunks/${trunk.id}`, 'stranger')).status, 404);
  assert.deepEqual((await net.get('trunks', 'stranger')).body, { trunks: [] });
  assert.equal((await put(`${trunk.id}/add_subports`, { sub_ports: [] }, 'stranger')).status, 404);
  assert.deepEqual(typeOf(await post({ port_id: spare.id }, 'stranger')), [404, 'PortNotFound']);
  assert.equal(
    (await put(`${trunk.id}/add_subports`, { sub_ports: [vlan(spare, 1)] }, 'reader')).status,
    403,
  );
  assert.equal((await post({ port_id: spare.id }, 'reader')).status, 403);
  assert.equal((await net.call('DELETE', `/v2.0/trunks/${trunk.id}`, { token: 'reader' })).status, 403);
  assert.deepEqual(typeOf(await post({ port_id: spare.id })), [409, 'OverQuota']);

  assert.equal((await put(`${trunk.id}/tags/blue`, {})).status, 201);
  assert.equal((await net.get(`trunks/${trunk.id}/tags/blue`)).status, 204);
  const found = await net.get('trunks?tags=blue&fields=name&sort_key=name&sort_dir=asc');
  assert.deepEqual(found.body, { trunks: [{ name: 't' }] });
  assert.deepEqual((await net.get(`trunks?port_id=${spare.id}`)).body, { trunks: [] });
  assert.deepEqual((await put(`${trunk.id}/tags`, { tags: ['red', 'green'] })).body.tags, ['green', 'red']);
  const path = `/v2.0/trunks/${trunk.id}/tags`;
  assert.equal((await net.call('DELETE', `${path}/red`)).status, 204);
  assert.deepEqual((await net.get(`trunks/${trunk.id}/tags`)).body, { tags: ['green'] });
  assert.equal((await net.call('DELETE', path)).status, 204);
});
