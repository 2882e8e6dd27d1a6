// Three hosts and real guests on them: placement by groups, zones and disabled hosts, and what the networks promise, shown by
// packets between guests.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { runCommand } from '#platform/supervise/run-command.ts';
import { startCloud, type TestCloud } from '#test/support/cloud.ts';
import { assertSound } from '#test/faults/audit.ts';
import { CloudApi, fixedAddress, Guest, type Json } from '#test/support/guest-cloud.ts';
import { until } from '#test/support/until.ts';

interface Network extends Json {
  id: string;
}

let cloud: TestCloud;
let api: CloudApi;
let admin: CloudApi;
let priv: Network;
let second: Network;
let defaultGroup: string;
const ids: string[] = [];
const guests: Guest[] = [];

before(async () => {
  cloud = await startCloud({ hosts: 3 });
  api = await CloudApi.of(cloud);
  admin = await CloudApi.of(cloud, 'pileus-admin');
  priv = await api.find('network', 'name=private');
  defaultGroup = (await api.find('security-group', `name=default&project_id=${api.projectId}`)).id;
});
after(async () => {
  for (const guest of guests) await guest[Symbol.asyncDispose]();
  await cloud?.[Symbol.asyncDispose]();
});

const hostOf = async (id: string): Promise<unknown> => (await admin.server(id))['OS-EXT-SRV-ATTR:host'];
const portOf = async (id: string, networkId = priv.id): Promise<Network> =>
  api.find('port', `device_id=${id}&network_id=${networkId}`);
const address = async (id: string, version: 4 | 6 = 4, network = 'private'): Promise<string> =>
  fixedAddress(await api.server(id), version, network);
/** The machine, which is the gateway of the provider network. */
const machine = (): string => cloud.running.ground!.provider.gatewayIp;
const machinePings = async (ip: string): Promise<boolean> =>
  (await runCommand(['ping', '-c', '1', '-W', '1', ip], { okCodes: [0, 1] })).code === 0;
const soon = async (what: string, look: () => Promise<boolean>, deadlineMs = 15_000): Promise<void> =>
  void (await until(look, { deadlineMs, what }));

async function group(policy: string): Promise<string> {
  const made = await api.call<{ server_group: { id: string } }>('POST', '/compute/v2.1/os-server-groups', {
    server_group: { name: policy, policy },
  });
  return made.server_group.id;
}

async function setService(host: unknown, change: Json): Promise<void> {
  const { services } = await admin.call<{ services: Array<{ id: string; host: string }> }>(
    'GET',
    '/compute/v2.1/os-services?binary=nova-compute',
  );
  const { id } = services.find((service) => service.host === host)!;
  await admin.call('PUT', `/compute/v2.1/os-services/${id}`, change);
}

test('one request for three servers of an anti-affinity group puts each on a host of its own', async () => {
  const spread = await group('anti-affinity');
  await api.boot('spread', { min_count: 2, max_count: 3, hints: { group: spread } });
  const { servers } = await api.call<{ servers: Array<{ id: string; name: string }> }>(
    'GET',
    '/compute/v2.1/servers?name=spread&sort_key=display_name&sort_dir=asc',
  );
  assert.deepEqual(
    servers.map((server) => server.name),
    ['spread-1', 'spread-2', 'spread-3'],
  );
  ids.push(...servers.map((server) => server.id));
  for (const id of ids) await api.untilStatus(id, 'ACTIVE');
  const hosts = await Promise.all(ids.map(hostOf));
  assert.deepEqual(hosts.toSorted(), ['h1', 'h2', 'h3']);
  const fourth = await api.boot('fourth', { hints: { group: spread } });
  const { fault } = await api.untilStatus(fourth.id, 'ERROR');
  assert.match(fault?.message ?? '', /0 of 3 hosts/);
  await api.remove(fourth.id);
});

test('an affinity group and the hint same_host keep servers together', async () => {
  const together = await group('affinity');
  const first = await api.boot('first', {
    networks: 'none',
    hints: { group: together, different_host: [ids[0]] },
  });
  await api.untilStatus(first.id, 'ACTIVE');
  const next = await api.boot('next', { networks: 'none', hints: { group: together } });
  await api.untilStatus(next.id, 'ACTIVE');
  assert.equal(await hostOf(next.id), await hostOf(first.id));
  assert.notEqual(await hostOf(first.id), await hostOf(ids[0]!));
  await Promise.all([api.remove(first.id), api.remove(next.id)]);
  const beside = await api.boot('beside', { hints: { same_host: [ids[0]] } });
  await api.untilStatus(beside.id, 'ACTIVE');
  assert.equal(await hostOf(beside.id), await hostOf(ids[0]!));
  ids.push(beside.id);
});

test('an administrator names the host; nobody else may', async () => {
  const body = { networks: 'none', availability_zone: 'nova:h2' };
  await assert.rejects(api.boot('mine', body), /403/);
  const made = await admin.boot('named', body);
  await admin.untilStatus(made.id, 'ACTIVE');
  assert.equal(await hostOf(made.id), 'h2');
  await admin.remove(made.id);
});

test('a disabled host is not chosen, and the refusal counts it', async () => {
  for (const host of ['h1', 'h3']) await setService(host, { status: 'disabled' });
  const made = await admin.boot('where', { networks: 'none' });
  await admin.untilStatus(made.id, 'ACTIVE');
  assert.equal(await hostOf(made.id), 'h2');
  await setService('h2', { status: 'disabled' });
  const refused = await admin.boot('nowhere', { networks: 'none' });
  assert.match((await admin.untilStatus(refused.id, 'ERROR')).fault?.message ?? '', /3 disabled/);
  for (const host of ['h1', 'h2', 'h3']) await setService(host, { status: 'enabled' });
  await Promise.all([admin.remove(made.id), admin.remove(refused.id)]);
});

test('guests reach each other on one host and across hosts, by v4 and v6', async () => {
  for (const id of ids) guests.push(await api.guest(id));
  const [one, two, , beside] = guests as [Guest, Guest, Guest, Guest];
  assert.ok(await one.pings(await address(ids[3]!)), 'same host');
  assert.ok(await one.pings(await address(ids[1]!)), 'other host');
  await two.run('ip -6 route | grep -q default || sleep 3');
  await soon('v6 across hosts', async () => one.pings(await address(ids[1]!, 6)));
  await soon('v6 on one host', async () => beside.pings(await address(ids[0]!, 6)));
});

test('SNAT takes a guest without floating IP to the machine', async () => {
  assert.ok(await guests[1]!.pings(machine()));
});

test('an interface plugged while the guest runs gets its address; unplugged it is gone', async () => {
  second = await api.make<Network>('network', { name: 'second' });
  const subnet = await api.make('subnet', { network_id: second.id, ip_version: 4, cidr: '10.20.0.0/24' });
  const router = await api.find('router', 'name=router');
  await api.call('PUT', `/network/v2.0/routers/${router.id}/add_router_interface`, { subnet_id: subnet.id });
  const attach = async (id: string, what: Json): Promise<string> => {
    const answer = await api.call<{ interfaceAttachment: { port_id: string } }>(
      'POST',
      `/compute/v2.1/servers/${id}/os-interface`,
      { interfaceAttachment: what },
    );
    return answer.interfaceAttachment.port_id;
  };
  const hasAddress = (guest: Guest, ip: string, device: string) => async (): Promise<boolean> =>
    (await guest.tryRun(`ip -o -4 addr show ${device}`)).output.includes(`${ip}/24`);
  const port = await api.make<Network>('port', {
    network_id: second.id,
    fixed_ips: [{ ip_address: '10.20.0.77' }],
  });
  await attach(ids[2]!, { port_id: port.id });
  await soon('address of the plugged port', hasAddress(guests[2]!, '10.20.0.77', 'eth1'));
  const wished = await attach(ids[0]!, { net_id: second.id, fixed_ips: [{ ip_address: '10.20.0.88' }] });
  await soon('the wished address', hasAddress(guests[0]!, '10.20.0.88', 'eth1'));
  assert.ok(await guests[0]!.pings('10.20.0.77'), 'directly');
  for (const [at, portId] of [
    [2, port.id],
    [0, wished],
  ] as const) {
    await api.call('DELETE', `/compute/v2.1/servers/${ids[at]}/os-interface/${portId}`);
    await soon('eth1 to be gone', async () => (await guests[at]!.tryRun('ip link show eth1')).code !== 0);
  }
  await soon('the made port to be gone', async () => {
    const { ports } = await api.call<{ ports: unknown[] }>('GET', `/network/v2.0/ports?id=${wished}`);
    return ports.length === 0;
  });
  const kept = await api.find('port', `id=${port.id}`);
  assert.equal(kept['device_id'], '', 'the port of the user stays');
  const forgotten = async (): Promise<boolean> => !('second' in (await api.server(ids[0]!)).addresses);
  await soon('its address to be gone from the server', forgotten);
});

test('a security group decides about a guest that runs', async () => {
  const closed = (await api.make('security-group', { name: 'closed' })).id;
  const port = await portOf(ids[0]!);
  const ip = await address(ids[0]!);
  const reaches = async (): Promise<boolean> => guests[1]!.pings(ip, 1);
  await api.update('port', port.id, { security_groups: [closed] });
  await soon('the closed group to close', async () => !(await reaches()));
  const rule = await api.make('security-group-rule', {
    security_group_id: closed,
    direction: 'ingress',
    protocol: 'icmp',
    remote_ip_prefix: '10.0.0.0/24',
  });
  await soon('the rule to open', reaches);
  await api.call('DELETE', `/network/v2.0/security-group-rules/${rule.id}`);
  await soon('the removed rule to close', async () => !(await reaches()));
  await api.act(ids[0]!, { removeSecurityGroup: { name: 'closed' } });
  await api.act(ids[0]!, { addSecurityGroup: { name: 'default' } });
  await soon('the default group to open', reaches);
});

test('port security drops an address that is not the port’s, until the port allows it', async () => {
  await api.make('security-group-rule', {
    security_group_id: defaultGroup,
    direction: 'ingress',
    protocol: 'icmp',
  });
  const port = await portOf(ids[0]!);
  const to = await address(ids[1]!);
  await guests[0]!.run('ip addr add 10.0.0.199/24 dev eth0');
  const spoof = async (): Promise<boolean> =>
    (await guests[0]!.tryRun(`ping -c 1 -W 1 -I 10.0.0.199 ${to}`)).code === 0;
  assert.equal(await spoof(), false);
  await api.update('port', port.id, { allowed_address_pairs: [{ ip_address: '10.0.0.199' }] });
  await soon('the pair to pass', spoof);
  await api.update('port', port.id, { allowed_address_pairs: [] });
  await soon('the pair to be dropped again', async () => !(await spoof()));
  await api.update('port', port.id, { port_security_enabled: false, security_groups: [] });
  await soon('a port without port security to pass all', spoof);
  await api.update('port', port.id, { port_security_enabled: true, security_groups: [defaultGroup] });
  await guests[0]!.run('ip addr del 10.0.0.199/24 dev eth0');
});

test('a floating IP answers from the machine, and moves to another guest', async () => {
  const pub = await api.find('network', 'name=public');
  const echoes = async (guest: Guest): Promise<number> =>
    Number(await guest.run("awk '/^Icmp: [0-9]/ { print $10 }' /proc/net/snmp"));
  const answers = async (guest: Guest): Promise<boolean> => {
    const before = await echoes(guest);
    return (await machinePings(ip)) && (await echoes(guest)) > before;
  };
  const floating = await api.make<Network & { floating_ip_address: string }>('floatingip', {
    floating_network_id: pub.id,
    port_id: (await portOf(ids[0]!)).id,
  });
  const ip = floating.floating_ip_address;
  await soon('the floating IP', async () => answers(guests[0]!));
  await api.update('floatingip', floating.id, { port_id: (await portOf(ids[2]!)).id });
  await soon('the moved floating IP', async () => answers(guests[2]!));
  assert.ok(await guests[1]!.pings(ip), 'from another guest as well');
});

test('two networks with one CIDR on one host: each guest reads its own metadata', async () => {
  const host = { same_host: [ids[1]] };
  const twins: string[] = [];
  for (const name of ['twin-a', 'twin-b']) {
    const network = await api.make('network', { name });
    await api.make('subnet', {
      network_id: network.id,
      ip_version: 4,
      cidr: '10.50.0.0/24',
      gateway_ip: null,
    });
    const made = await api.boot(name, {
      networks: [{ uuid: network.id, fixed_ip: '10.50.0.10' }],
      hints: host,
    });
    twins.push(made.id);
  }
  for (const id of twins) {
    const guest = await api.guest(id);
    const { name } = await api.server(id);
    assert.equal(await guest.run('hostname'), name);
    await api.untilConsole(id, new RegExp(`PILEUS-META http://169.254.169.254/openstack instance=${id}`));
    await guest[Symbol.asyncDispose]();
  }
  await Promise.all(twins.map(async (id) => api.remove(id)));
});

test('DHCPv6 with state, without state, and a network of IPv6 only', async () => {
  const subnet = async (name: string, mode: string, cidr: string): Promise<Network> => {
    const network = await api.make<Network>('network', { name });
    const dns_nameservers = ['2001:db8::53'];
    await api.make('subnet', {
      network_id: network.id,
      ip_version: 6,
      cidr,
      ipv6_ra_mode: mode,
      ipv6_address_mode: mode,
      dns_nameservers,
    });
    const router = await api.make('router', { name });
    const found = await api.find('subnet', `network_id=${network.id}`);
    await api.call('PUT', `/network/v2.0/routers/${router.id}/add_router_interface`, { subnet_id: found.id });
    return network;
  };
  const stateful = await subnet('stateful', 'dhcpv6-stateful', 'fd00:51::/64');
  const stateless = await subnet('stateless', 'dhcpv6-stateless', 'fd00:52::/64');
  const only = await subnet('only-six', 'slaac', 'fd00:53::/64');
  const { id } = await api.boot('six', {
    networks: [{ uuid: only.id }, { uuid: stateful.id }, { uuid: stateless.id }],
  });
  await using guest = await api.guest(id);
  for (const [device, network] of [
    ['eth0', 'only-six'],
    ['eth1', 'stateful'],
    ['eth2', 'stateless'],
  ] as const) {
    const ip = await address(id, 6, network);
    await soon(
      `${ip} on ${device} (${network})`,
      async () => (await guest.run(`ip -6 -o addr show dev ${device}`)).includes(ip),
      30_000,
    );
  }
  await soon('a name server', async () => (await guest.run('cat /etc/resolv.conf')).includes('2001:db8::53'));
  await api.untilConsole(id, new RegExp(`PILEUS-META http://fe80::a9fe:a9fe.* instance=${id}`));
  assert.equal(await guest.run('hostname'), 'six');
  await api.remove(id);
});

test('config drive: password, user data as cloud-config, and no network at all', async () => {
  const cloudConfig = `#cloud-config
hostname: from-config
write_files:
  - path: /etc/made
    permissions: "0640"
    content: |
      first
        second
runcmd:
  - echo done > /root/ran
`;
  const { id, adminPass } = await api.boot('driven', {
    networks: 'none',
    config_drive: true,
    adminPass: 'Correct-horse-9',
    user_data: Buffer.from(cloudConfig).toString('base64'),
    metadata: { role: 'driven' },
  });
  assert.equal(adminPass, 'Correct-horse-9');
  await using guest = await api.guest(id);
  await api.untilConsole(id, /PILEUS-USERDATA exit=0/);
  await api.untilConsole(id, new RegExp(`PILEUS-META config-drive /dev/vd. instance=${id}`));
  assert.equal(
    await guest.run('hostname; cat /root/ran; stat -c %a /etc/made; cat /etc/made'),
    'from-config\ndone\n640\nfirst\n  second',
  );
  const hash = await guest.run('awk -F: \'$1 == "pileus" { print $2 }\' /etc/shadow');
  const salt = hash.split('$')[2];
  assert.equal(await guest.run(`mkpasswd -m sha512 -S '${salt}' Correct-horse-9`), hash);
  assert.equal((await api.server(id))['config_drive'], 'True');
  await api.remove(id);
});

test('a server of a kernel and a ramdisk apart from its disk, behind the router on another network', async () => {
  const { id } = await api.boot('direct', { image: 'pileus-demo-direct', networks: [{ uuid: second.id }] });
  await using guest = await api.guest(id);
  assert.match(await guest.run('cat /proc/cmdline'), /tsc=reliable/);
  assert.ok(await guest.pings(await address(ids[1]!)), 'to a guest behind the router');
  assert.ok(await guests[1]!.pings(await address(id, 4, 'second')), 'and back');
  await api.remove(id);
});

test('a guest that is migrated keeps its files, addresses and neighbours, and comes back as it was', async () => {
  const { id } = await api.boot('mover');
  let guest = await api.guest(id);
  const source = await hostOf(id);
  const before = await api.server(id);
  const boots = await api.boots(id);
  await guest.run('echo carried > /root/carried; sync');
  const goes = async (action: Json, by: CloudApi, status: string, boot: number): Promise<void> => {
    await guest[Symbol.asyncDispose]();
    await by.act(id, action);
    await api.untilStatus(id, status, 120_000);
    guest = await api.again(id, boot);
  };
  await goes({ migrate: null }, admin, 'VERIFY_RESIZE', 1);
  assert.notEqual(await hostOf(id), source);
  assert.deepEqual((await api.server(id)).addresses, before.addresses);
  assert.equal(await guest.run('cat /root/carried'), 'carried');
  assert.ok(await guest.pings(await address(ids[0]!)), 'to the others');
  assert.ok(await guests[0]!.pings(await address(id)), 'and back');
  await guest.run('echo lost > /root/lost; sync');
  await goes({ revertResize: null }, api, 'ACTIVE', boots + 1);
  assert.equal(await hostOf(id), source);
  assert.equal((await guest.tryRun('ls /root/lost')).code, 1);
  assert.equal(await guest.run('cat /root/carried'), 'carried');
  assert.ok(await guests[0]!.pings(await address(id)), 'where it was');

  // Its host is given up: it is made anew on the other, and what was of it here goes.
  await setService(source, { forced_down: true });
  await goes({ evacuate: {} }, admin, 'ACTIVE', 1);
  assert.notEqual(await hostOf(id), source);
  assert.deepEqual((await api.server(id)).addresses, before.addresses);
  assert.equal((await guest.tryRun('ls /root/carried')).code, 1, 'from its image');
  assert.ok(await guests[0]!.pings(await address(id)), 'where it is now');
  await setService(source, { forced_down: false });
  await assertSound(cloud.dataPath, 'after an evacuation');
  await guest[Symbol.asyncDispose]();
  await api.remove(id);
});

test('a guest that is migrated live goes on: memory, disks, addresses and neighbours, there and back', async () => {
  const { id } = await api.boot('live', { config_drive: true });
  let guest = await api.guest(id);
  const { volume } = await api.call<{ volume: { id: string } }>('POST', '/volume/v3/volumes', {
    volume: { size: 1, name: 'live' },
  });
  const volumeStatus = async (): Promise<string> =>
    (await api.call<{ volume: { status: string } }>('GET', `/volume/v3/volumes/${volume.id}`)).volume.status;
  await soon('the volume', async () => (await volumeStatus()) === 'available', 60_000);
  const path = `/compute/v2.1/servers/${id}/os-volume_attachments`;
  await api.call('POST', path, { volumeAttachment: { volumeId: volume.id } });
  await soon('the volume to be attached', async () => (await volumeStatus()) === 'in-use', 60_000);
  const disk = `/dev/$(basename $(dirname $(grep -l "${volume.id.slice(0, 20)}" /sys/block/vd*/serial)))`;
  await soon('the disk', async () => (await guest.tryRun(`test -b ${disk}`)).code === 0, 60_000);
  const bootId = await guest.run('cat /proc/sys/kernel/random/boot_id');
  const count = 'n=0; while :; do n=$((n+1)); echo $n > /tmp/count; sleep 0.1; done';
  await guest.run(`{ (${count}) >/dev/null 2>&1 </dev/null & }`);
  const source = String(await hostOf(id));
  const other = ['h1', 'h2', 'h3'].find((host) => host !== source)!; // of three
  for (const [step, to] of [other, source].entries()) {
    await guest.run(
      `echo ${step} >> /root/steps; echo step-${step} | dd of=${disk} conv=sync 2>/dev/null; sync`,
    );
    const counted = Number(await guest.run('cat /tmp/count'));
    await guest[Symbol.asyncDispose]();
    await admin.act(id, { 'os-migrateLive': { host: to, block_migration: 'auto' } });
    await soon('the guest to be there', async () => (await hostOf(id)) === to, 120_000);
    await api.untilStatus(id, 'ACTIVE', 60_000);
    guest = await Guest.open(api, id);
    assert.equal(await guest.run('cat /proc/sys/kernel/random/boot_id'), bootId, 'it did not boot');
    await soon('it to count on', async () => Number(await guest.run('cat /tmp/count')) > counted);
    assert.equal((await guest.run('cat /root/steps')).split('\n').at(-1), String(step));
    assert.match(
      await guest.run(`echo 3 > /proc/sys/vm/drop_caches; head -c 6 ${disk}`),
      new RegExp(`step-${step}`),
    );
    await soon('the neighbours to reach it', async () => guests[0]!.pings(await address(id), 1));
    assert.ok(await guest.pings(await address(ids[1]!)), 'and it them');
  }
  assert.match(await guest.run('blkid -t LABEL=config-2 || ls /sys/block/vdz/serial'), /./);
  await guest[Symbol.asyncDispose]();
  await api.remove(id);
  await soon('the volume to be free', async () => (await volumeStatus()) === 'available', 60_000);
  await api.call('DELETE', `/volume/v3/volumes/${volume.id}`);
});

test('no bug was logged, and nothing of what was removed is left', async () => {
  const log = await readFile(`${cloud.dataPath}/log/pileus.log`, 'utf8');
  assert.doesNotMatch(log, /"level":50/);
  const rejected = await runCommand(['grep', '-rlE', 'error parsing|syntax error', `${cloud.dataPath}/log`], {
    okCodes: [0, 1],
  });
  assert.equal(rejected.stdout, '', 'OVN understood every flow');
});
