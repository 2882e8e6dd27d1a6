/** The ground on real OVN, Open vSwitch and libvirt: it comes up, carries packets, and leaves nothing behind. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { findDataDirectory, openDataDirectory } from '#cloud/data-directory.ts';
import type { OpenDataDirectory } from '#cloud/data-directory.ts';
import { down } from '#cloud/down.ts';
import { explain } from '#cloud/errors.ts';
import { startGround } from '#cloud/ground.ts';
import type { Ground, GroundHost } from '#cloud/ground.ts';
import { HYPERVISOR_PACKAGES, NETWORK_PACKAGES, TEST_PACKAGES, findMissing } from '#cloud/packages.ts';
import { LibvirtClient } from '#platform/libvirt/client.ts';
import { connectGetCapabilities } from '#platform/libvirt/procedures.ts';
import { runCommand } from '#platform/supervise/run-command.ts';
import { waitUntil } from '#platform/supervise/wait.ts';
import { auditMachine } from '#test/support/machine-audit.ts';

const missing = findMissing([...NETWORK_PACKAGES, ...HYPERVISOR_PACKAGES, TEST_PACKAGES[0]!]);
const NEEDS =
  process.getuid?.() !== 0
    ? { skip: 'needs root' }
    : missing.length > 0
      ? { skip: `needs ${missing.map((need) => need.package).join(', ')}` }
      : { timeout: 90_000 };

function makeDataPath(t: TestContext): string {
  const path = realpathSync(mkdtempSync(join(tmpdir(), 'plg-')));
  t.after(async () => {
    await down(path, 10_000);
    rmSync(path, { recursive: true });
  });
  return path;
}

async function raise(path: string, hosts = 1): Promise<{ data: OpenDataDirectory; ground: Ground }> {
  const data = openDataDirectory(path);
  try {
    return { data, ground: await startGround({ data, hosts }) };
  } catch (error) {
    data.close();
    throw error;
  }
}

const auditOf = (path: string): string[] => auditMachine([path, findDataDirectory(path)!.prefix]);

/** A logical network with DHCP, and one port of it. */
async function addPort(nb: string, network: string, port: string, address: string): Promise<void> {
  const nbctl = ['ovn-nbctl', `--db=${nb}`, '--timeout=10'];
  const found = await runCommand([
    ...nbctl,
    '--bare',
    '--columns=_uuid',
    'find',
    'DHCP_Options',
    'cidr=10.7.0.0/24',
  ]);
  let dhcp = found.stdout.trim();
  if (dhcp === '') {
    await runCommand([...nbctl, 'ls-add', network]);
    dhcp = (await runCommand([...nbctl, 'create', 'DHCP_Options', 'cidr=10.7.0.0/24'])).stdout.trim();
    const options = [
      'lease_time=3600',
      'router=10.7.0.1',
      'server_id=10.7.0.1',
      'server_mac=02:00:00:00:00:01',
    ];
    await runCommand([...nbctl, 'dhcp-options-set-options', dhcp, ...options]);
  }
  const add = ['lsp-add', network, port, '--', 'lsp-set-addresses', port, address];
  await runCommand([...nbctl, ...add, '--', 'lsp-set-dhcpv4-options', port, dhcp]);
}

/** A namespace in place of a guest, cabled to the host's integration bridge. Its name makes `down` remove it. */
async function plugGuest(
  data: OpenDataDirectory,
  host: GroundHost,
  port: string,
  mac: string,
): Promise<string> {
  const guest = `${data.prefix}-guest-${port}`;
  await runCommand(['ip', 'netns', 'add', guest]);
  const veth = ['link', 'add', port, 'type', 'veth', 'peer', 'name', 'eth0', 'address', mac, 'netns', guest];
  await runCommand(['ip', '-n', host.netns!, ...veth]);
  await runCommand(['ip', '-n', host.netns!, 'link', 'set', port, 'up']);
  await runCommand(['ip', '-n', guest, 'link', 'set', 'eth0', 'up']);
  await runCommand(['ethtool', '-K', 'eth0', 'tx', 'off'], { netns: guest });
  const set = ['--', 'set', 'Interface', port, `external-ids:iface-id=${port}`];
  await runCommand([
    'ovs-vsctl',
    `--db=${host.ovs}`,
    '--timeout=10',
    'add-port',
    host.integrationBridge,
    port,
    ...set,
  ]);
  return guest;
}

async function leaseOf(guest: string): Promise<string> {
  const udhcpc = [
    'busybox',
    'udhcpc',
    '-i',
    'eth0',
    '-f',
    '-q',
    '-n',
    '-t',
    '20',
    '-T',
    '1',
    '-s',
    '/bin/true',
  ];
  const { stdout, stderr } = await runCommand(udhcpc, { netns: guest, deadlineMs: 30_000 });
  return /lease of (\S+) obtained/.exec(stdout + stderr)?.[1] ?? '';
}

test(
  'two clouds side by side each give their guest its lease, and leave nothing when they end',
  NEEDS,
  async (t) => {
    const paths = [makeDataPath(t), makeDataPath(t)];
    const clouds = await Promise.all(paths.map((path) => raise(path)));
    assert.notEqual(clouds[0]!.ground.provider.cidr, clouds[1]!.ground.provider.cidr);
    const leases = await Promise.all(
      clouds.map(async ({ data, ground }, at) => {
        await addPort(ground.nb, 'net', 'port', `02:00:00:00:00:0a 10.7.0.1${at}`);
        return leaseOf(await plugGuest(data, ground.hosts[0]!, 'port', '02:00:00:00:00:0a'));
      }),
    );
    assert.deepEqual(leases, ['10.7.0.10', '10.7.0.11']);
    for (const { data, ground } of clouds) {
      await ground.hypervisorsReady;
      await ground.close();
      data.close();
    }
    assert.deepEqual(paths.flatMap(auditOf), []);
  },
);

test('three hosts: a guest on one reaches a guest on another, each libvirt answers', NEEDS, async (t) => {
  const path = makeDataPath(t);
  const { data, ground } = await raise(path, 3);
  assert.deepEqual(
    ground.hosts.map(({ name }) => name),
    ['h1', 'h2', 'h3'],
  );
  await addPort(ground.nb, 'net', 'one', '02:00:00:00:00:0a 10.7.0.10');
  await addPort(ground.nb, 'net', 'two', '02:00:00:00:00:0b 10.7.0.11');
  const one = await plugGuest(data, ground.hosts[0]!, 'one', '02:00:00:00:00:0a');
  const two = await plugGuest(data, ground.hosts[2]!, 'two', '02:00:00:00:00:0b');
  assert.equal(await leaseOf(two), '10.7.0.11');
  await runCommand(['ip', '-n', one, 'addr', 'add', '10.7.0.10/24', 'dev', 'eth0']);
  await runCommand(['ip', '-n', two, 'addr', 'add', '10.7.0.11/24', 'dev', 'eth0']);
  const ping = ['busybox', 'ping', '-c', '1', '-W', '1', '10.7.0.11'];
  const answers = async (): Promise<boolean> =>
    (await runCommand(ping, { netns: one, okCodes: [0, 1] })).code === 0;
  await waitUntil(answers, { what: 'answer through the tunnel', deadlineMs: 20_000 });
  await ground.hypervisorsReady;
  for (const { name, libvirt } of ground.hosts) {
    assert.ok('socket' in libvirt);
    await using client = await LibvirtClient.connect({ address: { path: libvirt.socket } });
    assert.match(await client.call(connectGetCapabilities, undefined), /<arch name='x86_64'>/, name);
  }
  await ground.close();
  data.close();
  assert.deepEqual(auditOf(path), []);
});

test('the provider network answers from the machine through a router of OVN', NEEDS, async (t) => {
  const { data, ground } = await raise(makeDataPath(t));
  const { physnet, cidr } = ground.provider;
  const address = cidr.replace(/\.0\/24$/, '.99');
  const nbctl = ['ovn-nbctl', `--db=${ground.nb}`, '--timeout=10', '--wait=hv'];
  const rows = [
    'ls-add ext',
    'lsp-add ext ln -- lsp-set-addresses ln unknown',
    `lsp-set-type ln localnet -- lsp-set-options ln network_name=${physnet}`,
    `lr-add r -- lrp-add r r-ext 02:00:00:00:01:01 ${address}/24`,
    'lsp-add ext ext-r -- lsp-set-addresses ext-r router',
    'lsp-set-type ext-r router -- lsp-set-options ext-r router-port=r-ext',
    'lrp-set-gateway-chassis r-ext h1 1',
  ];
  await runCommand([...nbctl, ...rows.join(' -- ').split(' ')]);
  const ping = ['ping', '-c', '1', '-W', '1', address];
  const answers = async (): Promise<boolean> => (await runCommand(ping, { okCodes: [0, 1] })).code === 0;
  await waitUntil(answers, { what: `answer of ${address}`, deadlineMs: 20_000 });
  await ground.close();
  data.close();
});

test('kill -9 of the owner ends its processes, and down removes the rest', NEEDS, async (t) => {
  const path = makeDataPath(t);
  const program = join(path, 'owner.mts');
  const cloud = new URL('../../src/cloud/', import.meta.url).pathname;
  writeFileSync(
    program,
    `import { openDataDirectory } from '${cloud}data-directory.ts';
     import { startGround } from '${cloud}ground.ts';
     await startGround({ data: openDataDirectory('${path}'), hosts: 2 });
     console.log('up');`,
  );
  const owner = spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(owner.stdout, 'data');
  const processes = (): string[] => auditOf(path).filter((line) => line.startsWith('process'));
  assert.ok(processes().length >= 10);
  const exited = once(owner, 'exit');
  owner.kill('SIGKILL');
  await exited;
  await waitUntil(() => processes().length === 0, { what: 'end of its children', deadlineMs: 10_000 });
  assert.ok(auditOf(path).length > 0, 'namespaces outlive a kill');
  const result = await down(path);
  assert.equal(result?.owner, 'none');
  assert.deepEqual(auditOf(path), []);
  assert.deepEqual((await down(path))?.leftovers, { processes: 0, links: 0, namespaces: 0, mounts: 0 });
  // The same directory comes up again, with fewer hosts.
  const again = await raise(path);
  await again.ground.close();
  again.data.close();
  assert.deepEqual(auditOf(path), []);
});

test('a daemon that dies comes back, and with it the tunnel address it held', NEEDS, async (t) => {
  const path = makeDataPath(t);
  const { data, ground } = await raise(path, 2);
  const pids = (): number[] => {
    const record = data.readJson('run/processes.json') as { processes: { name: string; pid: number }[] };
    return record.processes.filter(({ name }) => name === 'ovs-vswitchd-h2').map(({ pid }) => pid);
  };
  const [before] = pids();
  process.kill(before!, 'SIGKILL');
  const show = ['ip', '-n', ground.hosts[1]!.netns!, '-br', 'addr', 'show', 'dev', 'br-phy'];
  const back = async (): Promise<boolean> =>
    pids()[0] !== before && (await runCommand(show, { okCodes: [0, 1] })).stdout.includes('10.99.0.2/24');
  await waitUntil(back, { what: 'tunnel address of h2', deadlineMs: 20_000 });
  await ground.close();
  data.close();
});

test(
  '--network system uses an Open vSwitch and OVN that run already, and leaves them alone',
  NEEDS,
  async (t) => {
    const machine = await raise(makeDataPath(t));
    const { nb, sb, hosts, provider } = machine.ground;
    const path = makeDataPath(t);
    const data = openDataDirectory(path);
    const endpoints = { nb, sb, ovs: hosts[0]!.ovs };
    await assert.rejects(startGround({ data, network: 'system', endpoints }), (error) => {
      assert.match(explain(error), /subnet of physnet1 is not known. Say it with --provider-cidr/);
      return true;
    });
    const ground = await startGround({ data, network: 'system', endpoints, providerCidr: provider.cidr });
    assert.deepEqual(ground.provider, { ...provider, netns: undefined });
    assert.equal(ground.hosts[0]!.name, 'h1');
    assert.equal(ground.hosts[0]!.netns, undefined);
    await ground.close();
    data.close();
    assert.deepEqual(auditOf(path), []);
    await runCommand(['ovn-sbctl', `--db=${sb}`, '--timeout=5', 'wait-until', 'Chassis', 'h1']);
    await machine.ground.close();
    machine.data.close();
  },
);
