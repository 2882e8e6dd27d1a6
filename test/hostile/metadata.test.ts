// The metadata service, asked by guests that want another server's: who asks is known by network and address alone.
import assert from 'node:assert/strict';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { createModelHost, type ModelHost } from '#compute/host/testing/model-host.ts';
import type { Vif } from '#compute/tables.ts';

const NETWORK = 'aaaaaaaa-0000-4000-8000-000000000001';
const OTHER_NETWORK = 'aaaaaaaa-0000-4000-8000-000000000002';
const OWNER = '127.0.0.2';
const NEIGHBOUR = '127.0.0.3';
const SECRET = 'echo the-secret-of-the-owner';

let host: ModelHost;
/** The place of metadata on each network, as a host would have it. */
const doors = new Map<string, ReturnType<typeof createServer>>();

before(async () => {
  host = await createModelHost({
    user_data: Buffer.from(SECRET).toString('base64'),
    admin_password: 'hunter2',
  });
  const vif: Vif = {
    port_id: 'p',
    network_id: NETWORK,
    network_label: 'n',
    mac: 'fa:16:3e:00:00:01',
    mtu: 1400,
    devname: 'tap',
    active: true,
    owned: true,
    fixed_ips: [
      {
        address: OWNER,
        version: 4,
        subnet_id: 's',
        cidr: '127.0.0.0/8',
        gateway: null,
        dns: [],
        mode: 'dhcp',
        routes: [],
        floating_ips: [],
      },
    ],
  };
  host.entry.vifs_json = JSON.stringify([vif]);
  host.deps.metadata.register(host.entry.id, [vif]);
  for (const network of [NETWORK, OTHER_NETWORK]) {
    const door = createServer((asked, answer) => host.deps.metadata.listener(network, asked, answer));
    await new Promise<void>((resolve) => door.listen(0, '127.0.0.1', resolve));
    doors.set(network, door);
  }
});
after(async () => {
  for (const door of doors.values()) {
    door.closeAllConnections();
    door.close();
  }
  await host?.[Symbol.asyncDispose]();
});

function portOf(network: string): number {
  const address = doors.get(network)?.address() as AddressInfo | undefined;
  return address?.port ?? 0;
}

async function ask(
  network: string,
  from: string,
  path: string,
  headers: Record<string, string> = {},
  method = 'GET',
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const asking = request(
      { host: '127.0.0.1', port: portOf(network), localAddress: from, path, headers, method, agent: false },
      (answer) => {
        let text = '';
        answer.on('data', (chunk) => (text += String(chunk)));
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }));
      },
    );
    asking.on('error', reject);
    asking.end();
  });
}

test('the owner reads its own user data', async () => {
  assert.deepEqual(await ask(NETWORK, OWNER, '/latest/user-data'), { status: 200, text: SECRET });
  assert.deepEqual(await ask(NETWORK, OWNER, '/2009-04-04/user-data'), { status: 200, text: SECRET });
  assert.deepEqual(await ask(NETWORK, OWNER, '/openstack/2018-08-27/user_data'), {
    status: 200,
    text: SECRET,
  });
});

test('a neighbour does not, whatever it says of itself, nor the same address on another network', async () => {
  const claims = {
    'x-forwarded-for': OWNER,
    'x-real-ip': OWNER,
    forwarded: `for=${OWNER}`,
    'x-instance-id': host.entry.id,
    'x-instance-id-signature': 'x',
    'x-tenant-id': host.entry.project_id,
    'x-ovn-network-id': NETWORK,
    'x-neutron-network-id': NETWORK,
    'x-metadata-provider': 'x',
    host: OWNER,
  };
  for (const [network, from] of [
    [NETWORK, NEIGHBOUR],
    [OTHER_NETWORK, OWNER],
    [OTHER_NETWORK, NEIGHBOUR],
  ] as const)
    for (const path of [
      '/2009-04-04/user-data',
      '/openstack/2018-08-27/meta_data.json',
      `/openstack/2018-08-27/../../${host.entry.id}`,
      '/',
    ]) {
      const { status, text } = await ask(network, from, path, claims);
      assert.equal(status, 404, `${network} ${from} ${path}: ${text}`);
      assert.ok(!text.includes(SECRET));
    }
});

test('the administrator’s password is in no document', async () => {
  for (const path of [
    '/openstack/2018-08-27/meta_data.json',
    '/openstack/2018-08-27/vendor_data.json',
    '/openstack/2018-08-27/password',
    '/2009-04-04/meta-data/',
  ])
    assert.ok(!(await ask(NETWORK, OWNER, path)).text.includes('hunter2'), path);
});

test('absurd paths and methods are refused, and the door stays open', async () => {
  for (const path of [
    '/../../../etc/passwd',
    '/%2e%2e/%2e%2e/etc/passwd',
    '/openstack/__proto__/constructor',
    '/2009-04-04/meta-data/__proto__',
    '/2009-04-04/meta-data/toString/',
    `/${'a/'.repeat(5000)}`,
    '//',
    '//x/y',
    '/%',
    '/%00',
    '/latest/meta-data/%ff',
  ])
    assert.ok([400, 404, 200].includes((await ask(NETWORK, OWNER, path)).status), path);
  for (const path of ['//', '//[', 'http://[', 'http://evil/2009-04-04/user-data'])
    assert.ok(
      (await raw(`GET ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`)).startsWith('HTTP/1.1'),
      path,
    );
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS'])
    assert.equal((await ask(NETWORK, OWNER, '/2009-04-04/user-data', {}, method)).status, 405);
  assert.ok(!/ 500 /.test(await raw('GET // HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n')));
  assert.equal((await ask(NETWORK, OWNER, '/2009-04-04/user-data')).status, 200);
});

async function raw(text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port: portOf(NETWORK), localAddress: OWNER });
    let answer = '';
    socket.on('data', (chunk) => (answer += String(chunk)));
    socket.on('end', () => resolve(answer));
    socket.on('error', reject);
    socket.write(text);
  });
}
