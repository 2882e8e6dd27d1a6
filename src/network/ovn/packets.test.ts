// What the rendered rows do to packets: real OVN, Open vSwitch and namespaces that stand for guests.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createInProcessBus } from '#platform/bus/in-process.ts';
import { systemClock } from '#platform/context/clock.ts';
import { silentLog } from '#platform/log/log.ts';
import { openDatabase, type Database } from '#platform/sql/database.ts';
import { migrate } from '#platform/sql/migrate.ts';
import { CommandError } from '#platform/supervise/run-command.ts';
import { waitUntil } from '#platform/supervise/wait.ts';
import { NetworkSeed } from '#test/support/network-seed.ts';
import { realOvnWorld, whyNoRealOvn, type OvnWorld, type RealWorld } from '#test/support/ovn-world.ts';
import { networkMigrations } from '../migrations/all.ts';
import type { NetworkRow, NetworkTables, PortRow, SecurityGroupRow, SubnetRow } from '../tables.ts';
import { createNorthbound, type OvnNorthbound } from './northbound.ts';

const BUSYBOX = 'busybox';

/** Prints how many datagrams came, and the last one's TOS, when none came for argv[1] seconds. */
const COUNT_DATAGRAMS = `
import socket, sys
at = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
at.setsockopt(socket.IPPROTO_IP, socket.IP_RECVTOS, 1)
at.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4000000)
at.bind(('0.0.0.0', 7777))
at.settimeout(20)
came, tos = 0, 0
try:
    while True:
        _, said, _, _ = at.recvmsg(2000, 100)
        came, tos = came + 1, said[0][2][0]
        at.settimeout(float(sys.argv[1]))
except TimeoutError:
    print(came, tos)
`;
const SEND_DATAGRAMS = `
import socket, sys
to = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for _ in range(int(sys.argv[2])):
    to.sendto(b'x' * 1000, (sys.argv[1], 7777))
`;

describe('packets on real OVN', { skip: whyNoRealOvn(), timeout: 240_000 }, () => {
  let world: OvnWorld;
  let real: RealWorld;
  let db: Database<NetworkTables>;
  let seed: NetworkSeed;
  let northbound: OvnNorthbound;
  const bus = createInProcessBus();
  let network: NetworkRow;
  let subnet: SubnetRow;
  let open: SecurityGroupRow;
  let ssh: SecurityGroupRow;

  before(async () => {
    world = await realOvnWorld();
    real = world.real!; // this is the real world
    db = openDatabase<NetworkTables>('sqlite::memory:');
    await migrate(db, 'network', networkMigrations);
    seed = new NetworkSeed(db);
    northbound = createNorthbound({
      db,
      nbEndpoint: world.nb,
      sbEndpoint: world.sb,
      bus,
      clock: systemClock,
      log: silentLog,
      config: { dnsDomain: 'example.test.' },
    });
    await northbound.start();
    network = await seed.network();
    subnet = await seed.subnet(network, '10.0.0.0/24', { dns_nameservers: '["9.9.9.9"]' });
    await seed.port({ network, ips: [[subnet, '10.0.0.2']], device_owner: 'network:distributed' });
    open = await seed.securityGroup([
      { direction: 'egress' },
      { direction: 'ingress' },
      { direction: 'egress', ethertype: 'IPv6' },
    ]);
    ssh = await seed.securityGroup([
      { direction: 'egress' },
      { direction: 'ingress', protocol: 'tcp', port_range_min: 22, port_range_max: 22 },
    ]);
    await northbound.repairNow();
  });

  after(async () => {
    await northbound?.[Symbol.asyncDispose]();
    await world?.[Symbol.asyncDispose]();
    await db?.[Symbol.asyncDispose]();
    await bus[Symbol.asyncDispose]();
  });

  async function untilUp(port: PortRow): Promise<void> {
    await waitUntil(() => northbound.portState(port.id).up, {
      what: `${port.id} to be up`,
      deadlineMs: 10_000,
    });
  }

  /** A guest with its address set by hand. */
  async function guest(host: string, ip: string, group: SecurityGroupRow): Promise<PortRow> {
    const port = await seed.port({ network, ips: [[subnet, ip]], groups: [group] });
    await northbound.sync([{ kind: 'port', id: port.id }]);
    await world.plug(host, port.id, port.mac_address);
    await untilUp(port);
    await real.inGuest(port.id, ['ip', 'addr', 'add', `${ip}/24`, 'dev', 'eth0']);
    await real.inGuest(port.id, ['ip', 'route', 'add', 'default', 'via', '10.0.0.1']);
    return port;
  }

  type Run = (argv: readonly string[]) => Promise<unknown>;
  const from =
    (port: PortRow): Run =>
    (argv) =>
      real.inGuest(port.id, argv, { deadlineMs: 10_000 });
  const outside: Run = (argv) => real.outside(argv, { deadlineMs: 10_000 });

  async function succeeds(run: Run, argv: readonly string[]): Promise<boolean> {
    try {
      await run(argv);
      return true;
    } catch (error) {
      if (error instanceof CommandError) return false;
      throw error;
    }
  }

  const pings = (run: Run, ip: string): Promise<boolean> =>
    succeeds(run, [BUSYBOX, 'ping', '-c', '1', '-W', '1', ip]);
  const connects = (run: Run, ip: string, port: number): Promise<boolean> =>
    succeeds(run, [BUSYBOX, 'nc', '-w', '1', ip, String(port), '-e', 'true']);

  async function reaches(what: () => Promise<boolean>, name: string): Promise<void> {
    await waitUntil(what, { what: name, deadlineMs: 15_000 });
  }

  /** Serves a port in the guest until the returned function is called. */
  function serve(port: PortRow, tcp: number): () => Promise<void> {
    const controller = new AbortController();
    const ended = real
      .inGuest(port.id, [BUSYBOX, 'nc', '-ll', '-p', String(tcp), '-e', 'true'], {
        deadlineMs: 120_000,
        signal: controller.signal,
      })
      .catch(() => undefined);
    return async () => {
      controller.abort(new Error('the test is over'));
      await ended;
    };
  }

  async function lease(port: PortRow): Promise<string> {
    const script = 'env | sort; exit 0';
    const { stdout } = await real.inGuest(port.id, [
      'sh',
      '-c',
      `printf '#!/bin/sh\\n${script}\\n' > /tmp/udhcpc-${port.id} && chmod +x /tmp/udhcpc-${port.id} && ` +
        `${BUSYBOX} udhcpc -i eth0 -n -q -t 5 -T 1 -O staticroutes -O mtu -s /tmp/udhcpc-${port.id}; rm -f /tmp/udhcpc-${port.id}`,
    ]);
    return stdout;
  }

  test('answers DHCP with address, MTU, name server, domain and the way to metadata', async () => {
    const port = await seed.port({ network, ips: [[subnet, '10.0.0.50']], groups: [ssh] });
    await northbound.sync([{ kind: 'port', id: port.id }]);
    await world.plug('h1', port.id, port.mac_address);
    await untilUp(port);
    const said = await lease(port);
    assert.match(said, /^ip=10\.0\.0\.50$/m);
    assert.match(said, /^mtu=1442$/m);
    assert.match(said, /^dns=9\.9\.9\.9$/m);
    assert.match(said, /^domain=example\.test$/m);
    assert.match(said, /^staticroutes=.*169\.254\.169\.254\/32 10\.0\.0\.2.*0\.0\.0\.0\/0 10\.0\.0\.1/m);
    await world.unplug('h1', port.id);
  });

  test('answers DHCP to a guest whose groups let nothing out, and with options of its own', async () => {
    const closed = await seed.securityGroup([]);
    const port = await seed.port({
      network,
      ips: [[subnet, '10.0.0.51']],
      groups: [closed],
      extra_dhcp_opts: JSON.stringify([{ opt_name: 'mtu', opt_value: '1300', ip_version: 4 }]),
    });
    await northbound.sync([{ kind: 'port', id: port.id }]);
    await world.plug('h2', port.id, port.mac_address);
    await untilUp(port);
    const said = await lease(port);
    assert.match(said, /^ip=10\.0\.0\.51$/m);
    assert.match(said, /^mtu=1300$/m);
    await world.unplug('h2', port.id);
  });

  test('lets through what the group permits, across hosts, and nothing else; follows a change of rules', async () => {
    const client = await guest('h1', '10.0.0.60', open);
    const server = await guest('h2', '10.0.0.61', ssh);
    const closes = [serve(server, 22), serve(server, 23)];
    await reaches(() => connects(from(client), '10.0.0.61', 22), 'port 22');
    assert.equal(await connects(from(client), '10.0.0.61', 23), false);
    assert.equal(await pings(from(client), '10.0.0.61'), false);
    const rule = await seed.rule(ssh, { protocol: 'icmp', remote_group_id: open.id });
    await northbound.sync([{ kind: 'security_group_rule', id: rule.id }]);
    await reaches(() => pings(from(client), '10.0.0.61'), 'ping by remote group');
    await seed.remove('security_group_rules', rule.id);
    await northbound.sync([{ kind: 'security_group_rule', id: rule.id }]);
    await reaches(async () => !(await pings(from(client), '10.0.0.61')), 'ping to be refused again');
    await Promise.all(closes.map((close) => close()));
    await world.unplug('h1', client.id);
    await world.unplug('h2', server.id);
  });

  test('drops what a guest sends under another address, unless the pair is allowed or port security is off', async () => {
    const target = await guest('h1', '10.0.0.70', open);
    const liar = await guest('h2', '10.0.0.71', open);
    await reaches(() => pings(from(liar), '10.0.0.70'), 'the true address');
    await real.inGuest(liar.id, ['ip', 'addr', 'add', '10.0.0.99/24', 'dev', 'eth0']);
    const lie = (): Promise<boolean> =>
      succeeds(from(liar), [BUSYBOX, 'ping', '-c', '1', '-W', '1', '-I', '10.0.0.99', '10.0.0.70']);
    assert.equal(await lie(), false);
    await seed.update('ports', liar.id, {
      allowed_address_pairs: JSON.stringify([{ ip_address: '10.0.0.99', mac_address: liar.mac_address }]),
    });
    await northbound.sync([{ kind: 'port', id: liar.id }]);
    await reaches(lie, 'the allowed pair');
    await world.unplug('h1', target.id);
    await world.unplug('h2', liar.id);
  });

  test('routes out with SNAT and in by a floating IP, between subnets and the provider network', async () => {
    const external = await seed.network({
      name: 'public',
      external: 1,
      mtu: 1500,
      network_type: 'flat',
      physical_network: 'physnet1',
      segment_key: 'flat:physnet1',
    });
    const public_ = await seed.subnet(external, '172.31.0.0/24', { enable_dhcp: 0 });
    const router = await seed.router();
    const gateway = await seed.port({
      network: external,
      ips: [[public_, '172.31.0.10']],
      device_owner: 'network:router_gateway',
      device_id: router.id,
    });
    const inner = await seed.port({
      network,
      ips: [[subnet, '10.0.0.1']],
      device_owner: 'network:router_interface',
      device_id: router.id,
    });
    await seed.update('routers', router.id, { gateway_network_id: external.id, gateway_port_id: gateway.id });
    await northbound.sync([
      { kind: 'network', id: external.id },
      { kind: 'router', id: router.id },
      { kind: 'port', id: gateway.id },
      { kind: 'router_interface', id: inner.id },
    ]);
    const vm = await guest('h2', '10.0.0.80', open);
    await reaches(() => pings(from(vm), '172.31.0.1'), 'the outside by SNAT');
    const holder = await seed.port({
      network: external,
      ips: [[public_, '172.31.0.20']],
      device_owner: 'network:floatingip',
    });
    const fip = await seed.floatingIp({
      floating_network_id: external.id,
      floating_ip_address: '172.31.0.20',
      floating_port_id: holder.id,
      port_id: vm.id,
      fixed_ip_address: '10.0.0.80',
      router_id: router.id,
    });
    const change = await northbound.sync([{ kind: 'floatingip', id: fip.id }]);
    assert.deepEqual(change.inserted, { NAT: 1 });
    await reaches(() => pings(outside, '172.31.0.20'), 'the floating IP');
    const close = serve(vm, 80);
    await reaches(() => connects(outside, '172.31.0.20', 80), 'TCP through the floating IP');
    await close();
    await seed.update('floatingips', fip.id, { port_id: null, fixed_ip_address: null, router_id: null });
    assert.deepEqual((await northbound.sync([{ kind: 'floatingip', id: fip.id }])).deleted, { NAT: 1 });
    await reaches(async () => !(await pings(outside, '172.31.0.20')), 'the floating IP to be gone');

    await seed.update('floatingips', fip.id, { router_id: router.id });
    for (const [external_port, internal_port] of [
      [8080, 80],
      [2222, 22],
    ] as const)
      await seed.portForwarding({
        floatingip_id: fip.id,
        external_port,
        internal_port,
        internal_port_id: vm.id,
        internal_ip_address: '10.0.0.80',
      });
    const forwarded = await northbound.sync([{ kind: 'floatingip', id: fip.id }]);
    assert.deepEqual(forwarded.inserted, { Load_Balancer: 1 });
    const stop = serve(vm, 80);
    await reaches(() => connects(outside, '172.31.0.20', 8080), 'TCP through the forwarded port');
    assert.equal(await connects(outside, '172.31.0.20', 80), false, 'no other port is forwarded');
    await reaches(() => pings(from(vm), '172.31.0.1'), 'the outside by SNAT, as before');
    await stop();
    await db.kysely.deleteFrom('port_forwardings').execute();
    await seed.update('floatingips', fip.id, { router_id: null });
    const freed = await northbound.sync([{ kind: 'floatingip', id: fip.id }]);
    assert.deepEqual(freed.deleted, { Load_Balancer: 1 });
    await world.unplug('h2', vm.id);
  });

  test('marks what a guest with a policy sends, and drops what is over its limit', async () => {
    const policy = await seed.qosPolicy([{ type: 'dscp_marking', dscp_mark: 26 }]);
    const receiver = await guest('h2', '10.0.0.95', open);
    const sender = await guest('h1', '10.0.0.94', open);
    await seed.update('ports', sender.id, { qos_policy_id: policy.id });
    await northbound.sync([{ kind: 'port', id: sender.id }]);
    await reaches(() => pings(from(sender), '10.0.0.95'), 'the other guest');
    /** Sends datagrams of 1000 bytes as fast as it can. @returns how many came, and the class of the last */
    const send = async (count: number): Promise<{ came: number; dscp: number }> => {
      const got = real.inGuest(receiver.id, ['python3', '-c', COUNT_DATAGRAMS, '2'], { deadlineMs: 60_000 });
      await reaches(
        async () => (await real.inGuest(receiver.id, [BUSYBOX, 'netstat', '-lun'])).stdout.includes(':7777'),
        'the receiver',
      );
      await real.inGuest(sender.id, ['python3', '-c', SEND_DATAGRAMS, '10.0.0.95', String(count)]);
      const [came = 0, tos = 0] = (await got).stdout.trim().split(' ').map(Number);
      return { came, dscp: tos >> 2 };
    };
    await reaches(async () => (await send(5)).dscp === 26, 'marked datagrams');
    await seed.update('ports', sender.id, {
      qos_policy_id: (await seed.qosPolicy([{ type: 'bandwidth_limit', max_kbps: 200, max_burst_kbps: 100 }]))
        .id,
    });
    await northbound.sync([{ kind: 'port', id: sender.id }]);
    await reaches(async () => (await real.ofctl('h1', 'dump-meters')).includes('rate=200'), 'a meter');
    const { came, dscp } = await send(400); // 3.2 Mbit, of which 100 kbit may burst
    assert.ok(came > 0 && came < 200, `${came} of 400 came`);
    assert.equal(dscp, 0);
    await world.unplug('h1', sender.id);
    await world.unplug('h2', receiver.id);
  });

  test('gives an IPv6 address by router advertisement', async () => {
    const net6 = await seed.network({ name: 'six' });
    const slaac = await seed.subnet(net6, 'fd00:6::/64', {
      ipv6_ra_mode: 'slaac',
      ipv6_address_mode: 'slaac',
    });
    const router = await seed.router();
    const inner = await seed.port({
      network: net6,
      ips: [[slaac, 'fd00:6::1']],
      device_owner: 'network:router_interface',
      device_id: router.id,
    });
    const group = await seed.securityGroup([{ direction: 'egress', ethertype: 'IPv6' }]);
    const mac = 'fa:16:3e:66:00:01';
    const port = await seed.port({
      network: net6,
      mac_address: mac,
      ips: [[slaac, 'fd00:6::f816:3eff:fe66:1']],
      groups: [group],
    });
    await northbound.sync([
      { kind: 'router_interface', id: inner.id },
      { kind: 'router', id: router.id },
      { kind: 'port', id: port.id },
    ]);
    await world.plug('h1', port.id, mac);
    await untilUp(port);
    await waitUntil(
      async () =>
        (await real.inGuest(port.id, ['ip', '-6', 'addr', 'show', 'dev', 'eth0'])).stdout.includes(
          'fd00:6::f816:3eff:fe66:1/64',
        ),
      { what: 'an address by SLAAC', deadlineMs: 20_000 },
    );
    await reaches(
      () => succeeds(from(port), [BUSYBOX, 'ping', '-6', '-c', '1', '-W', '1', 'fd00:6::1']),
      'the router by IPv6',
    );
    await world.unplug('h1', port.id);
  });

  test('writes DHCPv6 options and own options that northd and the controllers understand', async () => {
    const six = await seed.network({ name: 'dhcp6' });
    const modes = ['dhcpv6-stateful', 'dhcpv6-stateless'] as const;
    for (const [n, mode] of modes.entries()) {
      const subnet6 = await seed.subnet(six, `fd00:${n + 7}::/64`, {
        ipv6_ra_mode: mode,
        ipv6_address_mode: mode,
        dns_nameservers: '["2001:db8::53"]',
      });
      const port = await seed.port({
        network: six,
        ips: [[subnet6, `fd00:${n + 7}::99`]],
        groups: [open],
        extra_dhcp_opts: JSON.stringify([{ opt_name: 'domain-search', opt_value: 'a.test', ip_version: 6 }]),
      });
      await northbound.sync([{ kind: 'port', id: port.id }]);
      await world.plug('h1', port.id, port.mac_address);
      await untilUp(port);
      await world.unplug('h1', port.id);
    }
    const extra = Object.entries({
      'tftp-server': 'tftp.test',
      'bootfile-name': 'x"y',
      'ntp-server': '10.0.0.3,10.0.0.4',
      'domain-search': 'a.test,b.test',
      'classless-static-route': '10.9.0.0/16,10.0.0.9',
      wpad: 'http://w/',
      t1: '100',
    }).map(([opt_name, opt_value]) => ({ opt_name, opt_value, ip_version: 4 }));
    const port = await seed.port({
      network,
      ips: [[subnet, '10.0.0.52']],
      groups: [open],
      extra_dhcp_opts: JSON.stringify(extra),
    });
    await northbound.sync([{ kind: 'port', id: port.id }]);
    await world.plug('h1', port.id, port.mac_address);
    await untilUp(port);
    assert.match(await lease(port), /^ip=10\.0\.0\.52$/m);
    await world.unplug('h1', port.id);
    assert.deepEqual(await real.complaints(), []);
  });

  test('translates a floating IP on the host of the guest itself when that is wished', async () => {
    const router = (
      await db.kysely.selectFrom('routers').selectAll().where('gateway_port_id', 'is not', null).execute()
    )[0]!;
    const external = router.gateway_network_id!; // the router of the test above has a gateway
    // Two with different settings would each put right what the other writes.
    await northbound[Symbol.asyncDispose]();
    northbound = createNorthbound({
      db,
      nbEndpoint: world.nb,
      sbEndpoint: world.sb,
      bus,
      clock: systemClock,
      log: silentLog,
      config: { distributedFloatingIps: true },
    });
    const port = await seed.port({
      network,
      ips: [[subnet, '10.0.0.81']],
      groups: [open],
      binding_host_id: 'h2',
    });
    const net = (await db.kysely.selectFrom('networks').selectAll().where('id', '=', external).execute())[0]!;
    const sub = (
      await db.kysely.selectFrom('subnets').selectAll().where('network_id', '=', external).execute()
    )[0]!;
    const holder = await seed.port({
      network: net,
      ips: [[sub, '172.31.0.30']],
      device_owner: 'network:floatingip',
    });
    const fip = await seed.floatingIp({
      floating_network_id: external,
      floating_ip_address: '172.31.0.30',
      floating_port_id: holder.id,
      port_id: port.id,
      fixed_ip_address: '10.0.0.81',
      router_id: router.id,
    });
    await northbound.sync([
      { kind: 'port', id: port.id },
      { kind: 'floatingip', id: fip.id },
    ]);
    await world.plug('h2', port.id, port.mac_address);
    await untilUp(port);
    await real.inGuest(port.id, ['ip', 'addr', 'add', '10.0.0.81/24', 'dev', 'eth0']);
    await real.inGuest(port.id, ['ip', 'route', 'add', 'default', 'via', '10.0.0.1']);
    await reaches(() => pings(outside, '172.31.0.30'), 'the floating IP');
    const { stdout } = await real.outside(['ip', 'neigh', 'show', '172.31.0.30']);
    assert.ok(stdout.includes(holder.mac_address), stdout);
    await world.unplug('h2', port.id);
  });
});
