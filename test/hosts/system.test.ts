// `--network system` and `--hypervisor`: guests on the Open vSwitch, the OVN and the libvirt of the machine. They get their address
// and metadata and are reached from it; what others have there is left alone, and nothing of the cloud stays.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { readCloud } from '#cli/cloud-access.ts';
import { HYPERVISOR_PACKAGES, NETWORK_PACKAGES, findMissing } from '#cloud/packages.ts';
import { CloudApi, fixedAddress } from '#test/support/guest-cloud.ts';
import { startSystemMachine, type SystemMachine } from '#test/support/system-machine.ts';
import { until } from '#test/support/until.ts';

const READY =
  process.getuid?.() === 0 && findMissing([...NETWORK_PACKAGES, ...HYPERVISOR_PACKAGES]).length === 0;
const NEEDS = READY ? { timeout: 120_000 } : { skip: 'needs root and the packages of pileus up' };

/** Not the host's name, as Debian's packages choose it. */
const SYSTEM_ID = '0a0b0c0d-1111-4222-8333-0123456789ab';
const BOTH = ['--network', 'system', '--provider-cidr', '192.0.2.0/24', '--hypervisor', 'qemu:///system'];

let machine: SystemMachine;
let untouched: string[];
let top: string;
let dataPath: string;
let keyFile: string;
let server: string;
let floatingIp: string;

before(async () => {
  if (!READY) return;
  top = realpathSync(mkdtempSync(join(tmpdir(), 'plm-')));
  dataPath = join(top, 'data');
  keyFile = join(top, 'key');
  machine = await startSystemMachine('machine7', SYSTEM_ID);
  untouched = await machine.inventory();
});
after(async () => {
  if (!READY) return;
  await machine[Symbol.asyncDispose]();
  rmSync(top, { recursive: true });
});

async function up(...options: string[]): Promise<CloudApi> {
  const listen = ['--listen', `${machine.address}:8790`];
  const { code, stdout, stderr } = await machine.pileus(
    'up',
    '--detach',
    '--data',
    dataPath,
    ...listen,
    ...options,
  );
  assert.equal(code, 0, stdout + stderr);
  return CloudApi.at(await readCloud(dataPath, 'pileus'));
}

async function down(): Promise<string> {
  const { code, stdout, stderr } = await machine.pileus('down', '--data', dataPath);
  assert.equal(code, 0, stdout + stderr);
  return stdout;
}

/** ovn-controller removes its own part of what is gone a moment later. */
async function assertUntouched(): Promise<void> {
  let found: string[] = [];
  await until(
    async () => {
      found = await machine.inventory();
      return found.join() === untouched.join();
    },
    { deadlineMs: 10_000, what: 'the machine to be as it was' },
  ).catch(() => undefined);
  assert.deepEqual(found, untouched);
}

async function findings(): Promise<string> {
  return (await machine.pileus('audit', '--data', dataPath)).stdout;
}

/** What the machine's own user sees of the guest through the floating IP. */
async function logIn(command: string): Promise<string> {
  const trust = [
    'StrictHostKeyChecking=no',
    'UserKnownHostsFile=/dev/null',
    'ConnectTimeout=5',
    'LogLevel=ERROR',
  ];
  const options = trust.flatMap((option) => ['-o', option]);
  const argv = ['ssh', '-i', keyFile, ...options, `root@${floatingIp}`, command];
  return until(
    async () => {
      const { code, stdout } = await machine.run(argv, { okCodes: [0, 255], deadlineMs: 20_000 });
      return code === 0 ? stdout : undefined;
    },
    { deadlineMs: 60_000, what: `a login at ${floatingIp}` },
  );
}

async function makeReachable(api: CloudApi): Promise<void> {
  const group = await api.find('security-group', `name=default&project_id=${api.projectId}`);
  const rule = { security_group_id: group.id, direction: 'ingress', protocol: 'tcp', port_range_min: 22 };
  await api.make('security-group-rule', { ...rule, port_range_max: 22 });
  const port = await api.find('port', `device_id=${server}`);
  const network = await api.find('network', 'name=public');
  const made = await api.make<{ id: string; floating_ip_address: string }>('floatingip', {
    floating_network_id: network.id,
    port_id: port.id,
  });
  floatingIp = made.floating_ip_address;
}

test(
  'a guest on the machine’s OVN and libvirt has its address, metadata and a floating IP',
  NEEDS,
  async () => {
    const api = await up(...BOTH);
    const { keypair } = await api.call<{ keypair: { private_key: string } }>(
      'POST',
      '/compute/v2.1/os-keypairs',
      {
        keypair: { name: 'key', type: 'ssh' },
      },
    );
    writeFileSync(keyFile, keypair.private_key, { mode: 0o600 });
    server = (await api.boot('first', { key_name: 'key' })).id;
    const active = await api.untilStatus(server, 'ACTIVE');
    const address = fixedAddress(active);
    await api.untilConsole(server, new RegExp(`^PILEUS-NET eth0 ${address}/24 gateway=10.0.0.1`, 'm'));
    await api.untilConsole(
      server,
      new RegExp(`^PILEUS-META http://169.254.169.254/\\S+ instance=${server}`, 'm'),
    );
    await makeReachable(api);
    assert.match(
      await logIn('hostname; ip -4 addr show eth0; echo kept > kept; sync'),
      new RegExp(`^first\n.*${address}/24`, 's'),
    );
    const { stdout } = await machine.run(['virsh', '-c', 'qemu:///system', 'list', '--name']);
    assert.equal(stdout.trim(), `instance-${server.slice(0, 8)}`);
    assert.match(await findings(), /^0 findings/m);
  },
);

test('another cloud is told at once that this OVN serves one already', NEEDS, async () => {
  const { code, stderr } = await machine.pileus('up', '--data', join(top, 'other'), ...BOTH);
  assert.equal(code, 1);
  assert.match(stderr, /northbound database at \S+ holds the networks of the cloud with the mark plx-/);
});

test('a server that is deleted leaves nothing, and ports and switches of others stay', NEEDS, async () => {
  const api = await CloudApi.at(await readCloud(dataPath, 'pileus'));
  const was = await machine.inventory();
  const { id } = await api.boot('second');
  await api.untilStatus(id, 'ACTIVE');
  await api.remove(id);
  let now: string[] = [];
  await until(async () => (now = await machine.inventory()).join() === was.join(), {
    deadlineMs: 10_000,
    what: () => `nothing of the server to be left:\n${now.join('\n')}\nafter\n${was.join('\n')}`,
  });
});

test('after kill -9 the guest runs on in the machine’s libvirt, until down removes all', NEEDS, async () => {
  const { pid } = JSON.parse(readFileSync(join(dataPath, 'run', 'owner.json'), 'utf8')) as { pid: number };
  process.kill(machine.outerPid(pid), 'SIGKILL');
  await until(() => Promise.resolve(machine.outerPid(pid) === 0), {
    deadlineMs: 30_000,
    what: 'the cloud to end',
  });
  assert.ok((await machine.inventory()).includes(`guest instance-${server.slice(0, 8)}`));
  await down();
  await assertUntouched();
});

test(
  'with a libvirt of its own on the machine’s OVN the guest runs again, and its end is in order',
  NEEDS,
  async () => {
    const api = await up(...BOTH.slice(0, 4));
    await api.untilStatus(server, 'ACTIVE');
    assert.equal(await logIn('cat kept'), 'kept\n');
    const { stdout } = await machine.run(['virsh', '-c', 'qemu:///system', 'list', '--name']);
    assert.equal(stdout.trim(), '');
    await down();
    await assertUntouched();
  },
);
