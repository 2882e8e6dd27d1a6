// A cloud that ends and comes back, in order or by kill -9, and programs below it that are killed: guests that ran run again,
// stopped ones stay stopped, addresses stay, packets flow again.
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { readCloud } from '#cli/cloud-access.ts';
import { down } from '#cloud/down.ts';
import { findDataDirectory } from '#cloud/data-directory.ts';
import { runCommand } from '#platform/supervise/run-command.ts';
import { CloudApi, fixedAddress, type Server } from '#test/support/guest-cloud.ts';
import { auditMachine } from '#test/support/machine-audit.ts';
import { until } from '#test/support/until.ts';

let dataPath: string;
let owner: ChildProcess;
let api: CloudApi;
let runs: string;
let stopped: string;
let floatingIp: string;
let before_: Server;

/** A process of its own, so that it can be killed. */
async function upInProcess(): Promise<void> {
  const program = `
    import { up } from '#cloud/up.ts';
    import { assemble } from '#cloud/assemble.ts';
    const cloud = await up({ dataPath: ${JSON.stringify(dataPath)}, listen: '127.0.0.1:0' }, assemble);
    process.once('SIGTERM', () => void cloud.close());
    console.log('up');`;
  const cwd = new URL('../..', import.meta.url).pathname;
  owner = spawn(process.execPath, ['--input-type=module-typescript', '-e', program], {
    cwd,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await Promise.race([
    once(owner.stdout!, 'data'),
    once(owner, 'exit').then(([code]) => assert.fail(`the cloud ended with ${code}`)),
  ]);
  api = await CloudApi.at(await readCloud(dataPath, 'pileus'));
}

before(async () => {
  dataPath = realpathSync(mkdtempSync(join(tmpdir(), 'plr-')));
  await upInProcess();
});
after(async () => {
  if (owner.exitCode === null && owner.signalCode === null) {
    owner.kill('SIGKILL');
    await once(owner, 'exit');
  }
  await down(dataPath, 10_000);
  rmSync(dataPath, { recursive: true });
});

const machinePings = async (): Promise<boolean> =>
  (await runCommand(['ping', '-c', '1', '-W', '1', floatingIp], { okCodes: [0, 1] })).code === 0;
const answers = async (deadlineMs = 60_000): Promise<number> => {
  const started = Date.now();
  await until(machinePings, { deadlineMs, what: `${floatingIp} to answer` });
  return Date.now() - started;
};

/** The pid that the cloud itself recorded. */
function pidOf(name: string): number | undefined {
  try {
    const record = JSON.parse(readFileSync(join(dataPath, 'run', 'processes.json'), 'utf8')) as {
      processes: Array<{ name: string; pid: number }>;
    };
    return record.processes.find((each) => each.name === name)?.pid;
  } catch {
    return undefined; // while it is written
  }
}

async function killProgram(name: string): Promise<void> {
  const pid = pidOf(name);
  assert.ok(pid !== undefined, `${name} runs`);
  process.kill(pid, 'SIGKILL');
  await until(async () => pidOf(name) !== undefined && pidOf(name) !== pid, {
    deadlineMs: 20_000,
    what: `${name} to be started again`,
  });
}

/** Tap devices of the guest that runs. */
async function portsOfGuest(): Promise<string[]> {
  const { ports } = await api.call<{ ports: Array<{ id: string }> }>(
    'GET',
    `/network/v2.0/ports?device_id=${runs}`,
  );
  return ports.map(({ id }) => `tap${id.slice(0, 11)}`);
}

/** What must hold after every restart. */
async function assertAsBefore(): Promise<void> {
  const [one, other] = [await api.untilStatus(runs, 'ACTIVE'), await api.server(stopped)];
  assert.equal(other.status, 'SHUTOFF');
  assert.deepEqual(one.addresses, before_.addresses);
  await answers();
  await using guest = await api.guest(runs);
  assert.equal(await guest.run('cat /root/kept'), 'kept');
  assert.ok((await guest.run('ip -o -4 addr show eth0')).includes(`${fixedAddress(before_)}/24`));
}

test('a guest with a floating IP, and one that is stopped', async () => {
  const group = await api.find('security-group', `name=default&project_id=${api.projectId}`);
  await api.make('security-group-rule', {
    security_group_id: group.id,
    direction: 'ingress',
    protocol: 'icmp',
  });
  runs = (await api.boot('runs')).id;
  stopped = (await api.boot('stopped', { networks: 'none' })).id;
  await api.untilStatus(stopped, 'ACTIVE');
  await api.act(stopped, { 'os-stop': null }); // while it boots: it hears the button only later
  const asked = Date.now();
  await using guest = await api.guest(runs);
  await guest.run('echo kept > /root/kept; sync');
  const pub = await api.find('network', 'name=public');
  const port = await api.find('port', `device_id=${runs}`);
  const made = await api.make<{ id: string; floating_ip_address: string }>('floatingip', {
    floating_network_id: pub.id,
    port_id: port.id,
  });
  floatingIp = made.floating_ip_address;
  await answers();
  await api.untilStatus(stopped, 'SHUTOFF');
  assert.ok(Date.now() - asked < 45_000, 'it ended by itself');
  before_ = await api.server(runs);
});

for (const name of ['ovn-controller-h1', 'ovn-northd', 'ovn-nb', 'ovn-sb', 'ovs-db-h1', 'ovs-vswitchd-h1']) {
  test(`after kill -9 of ${name} packets flow, and changes are carried out`, async (t) => {
    await killProgram(name);
    t.diagnostic(`answered after ${await answers()} ms`);
    // A change that goes the whole way: a port that comes up.
    const { id } = await api.boot('after', {
      networks: [{ uuid: (await api.find('network', 'name=private')).id }],
    });
    await api.untilStatus(id, 'ACTIVE');
    await api.remove(id);
    await answers();
  });
}

test('after kill -9 of libvirtd, with which its guests end, those that ran run again', async (t) => {
  const started = Date.now();
  const boots = (await api.consoleLog(runs)).split('PILEUS-READY').length;
  await killProgram('libvirtd-h1');
  await until(async () => (await api.consoleLog(runs)).split('PILEUS-READY').length > boots, {
    deadlineMs: 60_000,
    what: 'the guest to have booted again',
  });
  t.diagnostic(`booted again after ${Date.now() - started} ms`);
  await assertAsBefore();
});

test('a port that an operator took off the bridge is put back', async (t) => {
  const started = Date.now();
  const [port] = await portsOfGuest();
  const vsctl = ['ovs-vsctl', `--db=unix:${join(dataPath, 'hosts', 'h1', 'ovs', 'db.sock')}`, '--timeout=10'];
  await runCommand([...vsctl, 'del-port', port!]);
  await until(async () => (await runCommand([...vsctl, 'list-ports', 'br-int'])).stdout.includes(port!), {
    deadlineMs: 20_000,
    what: `${port} to be back`,
  });
  await answers();
  t.diagnostic(`answered after ${Date.now() - started} ms`);
});

test('after an end in order and a new start all is as it was, and in between nothing is left', async (t) => {
  await using guest = await api.guest(runs);
  await guest.run('echo not synced > /root/late');
  owner.kill('SIGTERM');
  await once(owner, 'exit');
  assert.deepEqual(auditMachine([dataPath, findDataDirectory(dataPath)!.prefix]), []);
  const started = Date.now();
  await upInProcess();
  t.diagnostic(`up after ${Date.now() - started} ms`);
  await assertAsBefore();
  t.diagnostic(`all as before after ${Date.now() - started} ms`);
  await using again = await api.guest(runs);
  assert.equal(await again.run('cat /root/late'), 'not synced', 'the guest was asked to end');
});

test('after kill -9 of the whole process likewise', async () => {
  owner.kill('SIGKILL');
  await once(owner, 'exit');
  await upInProcess();
  await assertAsBefore();
  await api.act(stopped, { 'os-start': null });
  await api.untilStatus(stopped, 'ACTIVE');
  await api.remove(stopped);
  await api.remove(runs);
});
