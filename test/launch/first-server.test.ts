// The main job, on real OVN, Open vSwitch, libvirt and QEMU: a server is launched with the unmodified client, boots, gets its
// addresses from OVN, reads its metadata, is reached by SSH through a floating IP, and its launch explains itself.
import assert from 'node:assert/strict';
import { chmod, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { runCommand } from '#platform/supervise/run-command.ts';
import { LAUNCH_HOPS } from '#compute/servers/launch-trace/hops.ts';
import type { LaunchTrace } from '#compute/servers/launch-trace/view.ts';
import { startCloud, type TestCloud } from '#test/support/cloud.ts';
import { until } from '#test/support/until.ts';

let cloud: TestCloud;
let key: string;
let server: { id: string; addresses: Record<string, string[]> };
let floatingIp: string;

before(async () => {
  cloud = await startCloud();
  key = join(cloud.dataPath, 'key');
  await runCommand(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', key]);
  await chmod(key, 0o600);
});
after(async () => cloud?.[Symbol.asyncDispose]());

async function ssh(command: string): Promise<string> {
  const { stdout } = await runCommand(
    [
      'ssh',
      '-i',
      key,
      '-o',
      'StrictHostKeyChecking=no',
      '-o',
      'UserKnownHostsFile=/dev/null',
      '-o',
      'ConnectTimeout=5',
      '-o',
      'LogLevel=ERROR',
      `pileus@${floatingIp}`,
      command,
    ],
    { deadlineMs: 30_000 },
  );
  return stdout;
}

test('a server is launched and becomes ACTIVE', async () => {
  await cloud.openstackJson(['keypair', 'create', '--public-key', `${key}.pub`, 'mine']);
  const userData = join(cloud.dataPath, 'user-data');
  await runCommand([
    'sh',
    '-c',
    `printf '#!/bin/sh\\necho user-data ran > /var/user-data-ran\\n' > ${userData}`,
  ]);
  const made = (await cloud.openstackJson(
    [
      'server',
      'create',
      '--image',
      'pileus-demo',
      '--flavor',
      'm1.nano',
      '--network',
      'private',
      '--key-name',
      'mine',
      '--user-data',
      userData,
      '--property',
      'role=first',
      '--wait',
      'first',
    ],
    { deadlineMs: 60_000 },
  )) as typeof server & { status: string };
  assert.equal(made.status, 'ACTIVE');
  server = made;
});

test('it answers SSH at a floating IP', async () => {
  const group = (await cloud.openstackJson(['security', 'group', 'list'])) as Array<{
    ID: string;
    Name: string;
  }>;
  const id = group.find((each) => each.Name === 'default')?.ID ?? '';
  await cloud.openstackJson([
    'security',
    'group',
    'rule',
    'create',
    '--protocol',
    'tcp',
    '--dst-port',
    '22',
    id,
  ]);
  const made = (await cloud.openstackJson(['floating', 'ip', 'create', 'public'])) as {
    floating_ip_address: string;
  };
  floatingIp = made.floating_ip_address;
  assert.equal((await cloud.openstack(['server', 'add', 'floating', 'ip', 'first', floatingIp])).code, 0);
  const hostname = await until(async () => ssh('hostname').catch(() => undefined), {
    deadlineMs: 60_000,
    what: 'SSH to the guest',
  });
  assert.equal(hostname.trim(), 'first');
});

test('its user data has run, and metadata tells it who it is', async () => {
  assert.equal((await ssh('cat /var/user-data-ran')).trim(), 'user-data ran');
  const answer = await ssh(
    'printf "GET /openstack/latest/meta_data.json HTTP/1.0\\r\\n\\r\\n" | nc 169.254.169.254 80',
  );
  const metadata = JSON.parse(answer.slice(answer.indexOf('\r\n\r\n'))) as { uuid: string; meta: unknown };
  assert.equal(metadata.uuid, server.id);
  assert.deepEqual(metadata.meta, { role: 'first' });
});

test('it has its v4 address by DHCP and its v6 address by router advertisement', async () => {
  const addresses = await until(
    async () => {
      const text = await ssh('ip -o addr show dev eth0');
      return text.includes('fd00:10:') ? text : undefined;
    },
    { deadlineMs: 30_000, what: 'a v6 address in the guest' },
  );
  const shown = (await cloud.openstackJson(['server', 'show', 'first'])) as {
    addresses: Record<string, string[]>;
  };
  for (const address of (shown.addresses['private'] ?? []).filter((each) => each !== floatingIp))
    assert.ok(addresses.includes(address), `${address} in ${addresses}`);
});

test('the launch record has every hop with its evidence, in order', async () => {
  const admin = await cloud.access('pileus-admin');
  const read = async (): Promise<LaunchTrace> =>
    ((await admin.get(`/compute/v2.1/servers/${server.id}/launch-trace`)) as { launch_trace: LaunchTrace })
      .launch_trace;
  const trace = await until(
    async () => {
      const now = await read();
      return now.hops.every((hop) => hop.state === 'done') ? now : undefined;
    },
    { deadlineMs: 30_000, what: 'the launch record to be complete' },
  );
  assert.deepEqual(
    trace.hops.map((hop) => hop.hop),
    LAUNCH_HOPS.map((hop) => hop.name).filter((name) => !name.startsWith('volume.')), // it has none
  );
  const login = trace.hops[0]?.evidence['login'] as Record<string, unknown>;
  assert.deepEqual(login['methods'], ['password']);
  assert.ok(Date.parse(String(login['issued_at'])) <= Date.parse(trace.hops[0]?.started_at ?? ''));
  assert.equal(trace.hops.find((hop) => hop.hop === 'dispatch')?.evidence['redelivered'], false);
  for (const hop of trace.hops)
    assert.ok(Object.keys(hop.evidence).length > 0 || hop.hop === 'ready', `${hop.hop} has no evidence`);
});

test('its flows are counted after the launch, and the hops keep their times', async () => {
  const admin = await cloud.access('pileus-admin');
  const counted = await until(
    async () => {
      const { launch_trace } = (await admin.get(`/compute/v2.1/servers/${server.id}/launch-trace`)) as {
        launch_trace: LaunchTrace;
      };
      const hops = launch_trace.hops.filter((hop) => 'counted_at' in hop.evidence);
      return hops.length === 2 ? hops : undefined;
    },
    { deadlineMs: 30_000, what: 'the flows to be counted' },
  );
  const [southbound, bind] = counted as [LaunchTrace['hops'][number], LaunchTrace['hops'][number]];
  const bindings = bind.evidence['bindings'] as Array<{ port_id: string }>;
  const logical = southbound.evidence['logical_flows'] as Array<{ port_id: string; of_datapath: number }>;
  const rules = bind.evidence['openflow_rules'] as Array<
    Record<'of_port' | 'of_datapath' | 'of_bridge', number>
  >;
  assert.deepEqual(
    logical.map((each) => each.port_id),
    bindings.map((each) => each.port_id),
  );
  assert.ok((logical[0]?.of_datapath ?? 0) > 100, `${JSON.stringify(logical)}`); // the count of distinct tables would be below
  const [rule] = rules;
  assert.ok(rule && rule.of_port > 1 && rule.of_port < rule.of_datapath && rule.of_datapath < rule.of_bridge);
  for (const hop of counted)
    assert.ok(Date.parse(String(hop.evidence['counted_at'])) > Date.parse(hop.ended_at ?? ''), hop.hop);
});

test('the unmodified client prints the hops as events of the create action', async () => {
  const events = (await cloud.openstackJson(['server', 'event', 'list', 'first'])) as Array<{
    'Request ID': string;
    Action: string;
  }>;
  const create = events.find((event) => event.Action === 'create');
  assert.ok(create);
  const { stdout } = await cloud.openstack(['server', 'event', 'show', 'first', create['Request ID']]);
  for (const hop of ['select', 'image.load', 'network.bind', 'spawn']) assert.ok(stdout.includes(hop), hop);
});

test('its console log and console URLs are there', async () => {
  const { stdout } = await cloud.openstack(['console', 'log', 'show', 'first']);
  assert.match(stdout, /PILEUS-READY/);
  const url = (await cloud.openstackJson(['console', 'url', 'show', 'first'])) as { url: string };
  assert.equal((await fetch(url.url)).status, 200);
});

test('deleting it leaves nothing of it', async () => {
  assert.equal((await cloud.openstack(['server', 'delete', '--wait', 'first'])).code, 0);
  const ports = (await cloud.openstackJson(['port', 'list', '--device-owner', 'compute:nova'])) as unknown[];
  assert.deepEqual(ports, []);
  const log = await readFile(join(cloud.dataPath, 'log', 'pileus.log'), 'utf8');
  assert.doesNotMatch(log, /"level":50/, 'no bug was logged');
});
