// Failures on the real programs: images that rot, guests that libvirt refuses, daemons of OVN that stand still, a libvirtd
// that dies. Each is named in the launch record and leaves nothing.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { DatabaseSync } from 'node:sqlite';
import { HYPERVISOR_PACKAGES, NETWORK_PACKAGES, findMissing } from '#cloud/packages.ts';
import { auditByPath } from '#cli/audit/audit-by-path.ts';
import { childrenOf, readRecord } from '#platform/supervise/process-table.ts';
import { runCommand } from '#platform/supervise/run-command.ts';
import { apiSession, type ApiSession } from '#test/support/api-session.ts';
import { startCloud, type TestCloud } from '#test/support/cloud.ts';
import { until } from '#test/support/until.ts';
import { assertSound } from './audit.ts';

const REAL =
  process.getuid?.() === 0 && findMissing([...NETWORK_PACKAGES, ...HYPERVISOR_PACKAGES]).length === 0;
const NEEDS = REAL ? { timeout: 300_000 } : { skip: 'needs root and the packages of pileus up' };

describe('on real programs', NEEDS, () => {
  let cloud: TestCloud;
  let admin: ApiSession;
  let demo: ApiSession;
  const score = { injected: 0, named: 0 };

  before(async () => {
    cloud = await startCloud({
      tuning: {
        host: { portUpDeadlineMs: 3000, shutdownGraceMs: 1000, spawnDeadlineMs: 20_000, auditMs: 2000 },
      },
    });
    admin = await apiSession(cloud.dataPath, 'pileus-admin');
    demo = await apiSession(cloud.dataPath, 'pileus');
  });
  after(async () => {
    console.log(`# ${score.named} of ${score.injected} injected failures named their hop and reason`);
    await cloud?.[Symbol.asyncDispose]();
  });

  const sound = async (when: string): Promise<void> => assertSound(cloud.dataPath, when);

  /** Of a supervised program, as it is at this moment. */
  function pidOf(name: string): number {
    const found = readRecord(cloud.running.data.processRecord).findLast((each) => each.name === name);
    if (!found) throw new Error(`${name} does not run`);
    return found.pid;
  }

  /** libvirtd itself, below the programs that give it its namespaces. */
  function libvirtdPid(): number {
    let [pid] = [pidOf('libvirtd-h1')];
    for (;;) {
      const name = readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
      if (name === 'libvirtd') return pid;
      const [child] = childrenOf(pid);
      if (child === undefined) throw new Error('libvirtd does not run');
      pid = child;
    }
  }

  async function assertNamed(id: string, hop: string, reason: RegExp): Promise<void> {
    score.injected += 1;
    const server = await admin.settled(id, 60_000);
    assert.equal(server?.status, 'ERROR');
    assert.match(server.fault?.message ?? '', reason);
    const failed = (await admin.trace(id)).hops.find((each) => each.hop === hop && each.error);
    assert.match(failed?.error ?? '', reason);
    score.named += 1;
  }

  async function remove(id: string): Promise<void> {
    const { status } = await demo.request('DELETE', `/compute/v2.1/servers/${id}`);
    assert.equal(status, 204);
    assert.equal(await demo.settled(id), undefined);
  }

  async function ownImage(properties: Record<string, unknown>): Promise<{ id: string; file: string }> {
    const made = await demo.request('POST', '/image/v2/images', {
      name: 'own',
      disk_format: 'raw',
      container_format: 'bare',
      ...properties,
    });
    const { id } = made.body as { id: string };
    const upload = await fetch(`${demo.origin}/image/v2/images/${id}/file`, {
      method: 'PUT',
      headers: { 'x-auth-token': demo.token, 'content-type': 'application/octet-stream' },
      body: Buffer.alloc(1024 * 1024, id),
    });
    assert.equal(upload.status, 204);
    using db = new DatabaseSync(join(cloud.dataPath, 'services', 'image.db'), { readOnly: true });
    const row = db.prepare('select name from image_locations where image_id = ?').get(id);
    return { id, file: join(cloud.dataPath, 'services', 'image', 'store', String(row?.['name'])) };
  }

  test('the audit finds what is planted on the host and in OVN; what was a guest goes by itself', async () => {
    const nobody = '99999999-2222-4333-8444-555555555555';
    const netns = `${cloud.running.data.prefix}-h1`;
    const top = cloud.running.data.host('h1');
    const vsctl = ['ovs-vsctl', `--db=unix:${join(top, 'ovs', 'db.sock')}`];
    const nbctl = ['ovn-nbctl', `--db=unix:${join(cloud.running.data.ovn, 'nb.sock')}`];
    await runCommand(['ip', '-n', netns, 'tuntap', 'add', 'dev', 'taporphan', 'mode', 'tap']);
    const plugged = [
      '--may-exist',
      'add-port',
      'br-int',
      'taplost',
      '--',
      'set',
      'Interface',
      'taplost',
      'type=internal',
    ];
    const ids = [`external_ids:iface-id=${nobody}`, `external_ids:vm-uuid=${nobody}`];
    // What is planted goes by itself, so the audit may have to be quicker than that: planted anew until it was.
    const seen = async (): Promise<boolean> => {
      await runCommand([...vsctl, ...plugged, ...ids]);
      await runCommand([...nbctl, '--may-exist', 'ls-add', `neutron-${nobody}`]);
      const { findings } = await auditByPath(cloud.dataPath, { secondLookMs: 0 });
      return [/device taporphan/, /interface taplost/].every((planted) =>
        findings.some((sentence) => planted.test(sentence)),
      );
    };
    try {
      await until(seen, { deadlineMs: 30_000, what: 'the audit to find what was planted' });
      const gone = async (argv: readonly string[], what: string): Promise<true> =>
        until(async () => !(await runCommand(argv)).stdout.includes(what), {
          deadlineMs: 20_000,
          what: `${what} to be removed`,
        });
      await gone([...vsctl, 'list-ports', 'br-int'], 'taplost'); // by the audit of the host
      await gone([...nbctl, 'ls-list'], nobody); // by the network service, which OVN tells of it
    } finally {
      await runCommand(['ip', '-n', netns, 'link', 'delete', 'taporphan']);
    }
    await sound('after what was planted is gone');
  });

  test('an image that fails its checksum', async () => {
    const { id: imageRef, file } = await ownImage({});
    const bytes = readFileSync(file);
    bytes.writeUInt8(bytes.readUInt8(1000) ^ 1, 1000);
    writeFileSync(file, bytes);
    const id = await demo.launch('rotten', { imageRef });
    await assertNamed(id, 'image.load', /fails its checksum: sha512/);
    await sound('after an image that fails its checksum');
    await remove(id);
    await sound('after its delete');
  });

  test('a guest that libvirt refuses', async () => {
    const { id: imageRef } = await ownImage({ hw_machine_type: 'pc-q35-99.9' });
    const id = await demo.launch('refused', { imageRef });
    await assertNamed(id, 'spawn', /pc-q35-99\.9/);
    await sound('after a guest that libvirt refuses');
    await remove(id);
    await sound('after its delete');
  });

  for (const [daemon, hop, missing] of [
    ['ovn-northd', 'network.southbound', 'southbound binding'],
    ['ovn-controller-h1', 'network.bind', 'chassis claim'],
  ] as const) {
    test(`an ${daemon} that stands still: the fault says that the ${missing} is missing`, async () => {
      const pid = pidOf(daemon);
      process.kill(pid, 'SIGSTOP');
      let id: string;
      try {
        id = await demo.launch('deaf');
        await assertNamed(id, hop, new RegExp(missing));
      } finally {
        process.kill(pid, 'SIGCONT');
      }
      await sound(`after an ${daemon} that stood still`);
      await remove(id);
      await sound('after its delete');
    });
  }

  test('a libvirtd that dies takes its guests with it, and they are started again', async () => {
    const id = await demo.launch('orphaned');
    const launched = await demo.settled(id, 60_000);
    assert.equal(launched?.status, 'ACTIVE', launched?.fault?.message ?? '');
    const boots = async (): Promise<number> => {
      const { body } = await demo.request('POST', `/compute/v2.1/servers/${id}/action`, {
        'os-getConsoleOutput': {},
      });
      return (body as { output: string }).output.split('PILEUS-READY').length - 1;
    };
    await until(async () => (await boots()) === 1, { deadlineMs: 60_000, what: 'the guest to be up' });
    process.kill(libvirtdPid(), 'SIGKILL');
    await until(async () => (await boots()) === 2, { deadlineMs: 90_000, what: 'the guest to be up again' });
    const server = await demo.settled(id, 60_000);
    assert.equal(server?.status, 'ACTIVE', server?.fault?.message ?? '');
    await sound('after a libvirtd that died');
    await remove(id);
    await sound('after the delete');
  });

  test('a libvirtd that dies while servers are launched and deleted: each ends done or undone', async () => {
    const old = await demo.launch('old');
    const settled = await demo.settled(old, 60_000);
    assert.equal(settled?.status, 'ACTIVE', settled?.fault?.message ?? '');
    process.kill(libvirtdPid(), 'SIGKILL');
    const id = await demo.launch('unlucky');
    await demo.request('DELETE', `/compute/v2.1/servers/${old}`);
    const server = await demo.settled(id, 60_000);
    assert.ok(server?.status === 'ACTIVE' || server?.fault?.message, `it is ${server?.status}`);
    assert.equal(await demo.settled(old, 60_000), undefined);
    await sound('after a libvirtd that died in a launch and a delete');
    await remove(id);
    await sound('after the delete');
  });

  test('a switch that dies comes back with its ports, and launches go on', async () => {
    const id = await demo.launch('steady');
    assert.equal((await demo.settled(id, 60_000))?.status, 'ACTIVE');
    process.kill(pidOf('ovs-vswitchd-h1'), 'SIGKILL');
    await assertSound(cloud.dataPath, 'after a switch that died', 30_000);
    const next = await demo.launch('next');
    assert.equal((await demo.settled(next, 60_000))?.status, 'ACTIVE');
    await sound('after a launch on the new switch');
    await remove(id);
    await remove(next);
    await sound('after the deletes');
  });

  test('databases of OVN that die come back, and launches go on', async () => {
    for (const name of ['ovn-nb', 'ovn-sb']) process.kill(pidOf(name), 'SIGKILL');
    const id = await demo.launch('patient');
    const server = await demo.settled(id, 60_000);
    assert.ok(server?.status === 'ACTIVE' || server?.fault?.message, `it is ${server?.status}`);
    await assertSound(cloud.dataPath, 'after databases that died', 30_000);
    await remove(id);
    await sound('after the delete');
  });
});
