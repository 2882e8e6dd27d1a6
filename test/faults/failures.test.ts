// Every failure that a launch can meet, on the simulated cloud: each is named in the launch record with its hop and reason,
// and leaves nothing. The last line counts how many were named.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { DatabaseSync } from 'node:sqlite';
import { apiSession, type ApiSession, type ServerView } from '#test/support/api-session.ts';
import { cloudLog, startCloud, type TestCloud } from '#test/support/cloud.ts';
import { until } from '#test/support/until.ts';
import { assertSound } from './audit.ts';

let cloud: TestCloud;
let admin: ApiSession;
let demo: ApiSession;
const score = { injected: 0, named: 0 };

before(async () => {
  cloud = await startCloud({
    simulated: true,
    tuning: {
      host: { portUpDeadlineMs: 1500, spawnDeadlineMs: 2000, shutdownGraceMs: 200 },
      compute: { actionDeadlineMs: 4000, expiryGraceMs: 300, expiryIntervalMs: 200 },
    },
  });
  admin = await apiSession(cloud.dataPath, 'pileus-admin');
  demo = await apiSession(cloud.dataPath, 'pileus');
});
after(async () => {
  console.log(`# ${score.named} of ${score.injected} injected failures named their hop and reason`);
  await cloud?.[Symbol.asyncDispose]();
});

async function behave(...behaviours: ReadonlyArray<Record<string, unknown>>): Promise<void> {
  const { status, body } = await admin.request('PUT', '/simulation/behaviours', { behaviours });
  assert.equal(status, 200, JSON.stringify(body));
}

/** The record of a failed launch names the hop, with a reason; the server's fault says so too. */
async function assertNamed(id: string, hop: string, reason: RegExp): Promise<ServerView> {
  score.injected += 1;
  const server = await admin.settled(id);
  assert.equal(server?.status, 'ERROR');
  assert.match(server.fault?.message ?? '', reason);
  const { hops, state } = await admin.trace(id);
  assert.equal(state, 'failed');
  const failed = hops.find((each) => each.hop === hop && each.error);
  assert.ok(
    failed,
    `${hop} failed in the record: ${JSON.stringify(hops.map((each) => [each.hop, each.state]))}`,
  );
  assert.match(failed.error ?? '', reason);
  score.named += 1;
  return server;
}

async function remove(id: string): Promise<void> {
  await behave();
  const { status } = await demo.request('DELETE', `/compute/v2.1/servers/${id}`);
  assert.ok(status === 204 || status === 404, `delete answers ${status}`);
  assert.equal(await demo.settled(id), undefined);
}

const sound = async (when: string): Promise<void> => assertSound(cloud.dataPath, when);

/** How much is recorded of launches, by table. */
function recorded(): Record<string, unknown> {
  const count = (file: string, table: string): unknown => {
    using db = new DatabaseSync(join(cloud.dataPath, 'services', file), { readOnly: true });
    return db.prepare(`select count(*) as n from ${table}`).get()?.['n'];
  };
  return {
    instances: count('compute.db', 'instances'),
    actions: count('compute.db', 'instance_actions'),
    steps: count('compute.db', 'saga_steps'),
    outbox: count('compute.db', 'outbox'),
    allocations: count('compute.db', 'allocations'),
    ports: count('network.db', 'ports'),
  };
}

test('no host that fits: one sentence with the counts, the table for administrators, counts for tenants', async () => {
  const flavor = await admin.request('POST', '/compute/v2.1/flavors', {
    flavor: { name: 'huge', ram: 131_072, vcpus: 1, disk: 1 },
  });
  const quota = { quota_set: { ram: -1 } };
  const { body } = await admin.request('GET', '/identity/v3/projects?name=demo');
  const [project] = body['projects'] as Array<{ id: string }>;
  await admin.request('PUT', `/compute/v2.1/os-quota-sets/${project?.id}`, quota);
  const services = await admin.request('GET', '/compute/v2.1/os-services?host=sim-3');
  const [service] = services.body['services'] as Array<{ id: string }>;
  await admin.request('PUT', `/compute/v2.1/os-services/${service?.id}`, { status: 'disabled' });
  const { id: flavorRef } = flavor.body['flavor'] as { id: string };
  const id = await demo.launch('huge', { flavorRef });
  const sentence = /0 of 3 hosts: 2 not enough MEMORY_MB \(need 131072, most free \d+\), 1 disabled/;
  await assertNamed(id, 'select', sentence);
  const show = (await cloud.openstackJson(['server', 'show', id])) as { fault: { message: string } };
  assert.match(show.fault.message, sentence);
  const table = (trace: { hops: ReadonlyArray<{ hop: string; evidence: unknown }> }): string =>
    JSON.stringify(trace.hops.find((hop) => hop.hop === 'select')?.evidence);
  assert.match(table(await admin.trace(id)), /sim-1.*sim-3|sim-3.*sim-1/);
  assert.doesNotMatch(JSON.stringify(await demo.trace(id)), /sim-\d/);
  assert.match(table(await demo.trace(id)), /"hosts_out":\d/);
  await admin.request('PUT', `/compute/v2.1/os-services/${service?.id}`, { status: 'enabled' });
  await remove(id);
  await sound('after a launch that fits nowhere');
});

const NOBODY = '00000000-0000-4000-8000-000000000000';
const REFUSALS: ReadonlyArray<readonly [string, Record<string, unknown> | string, number, RegExp]> = [
  ['an unknown image', { imageRef: NOBODY }, 400, /Can not find requested image/i],
  ['an unknown flavor', { flavorRef: 'nonsense' }, 400, /Flavor nonsense could not be found|Can not find/i],
  ['an unknown network', { networks: [{ uuid: NOBODY }] }, 400, /Network 0{8}.* could not be found/i],
  ['an unknown key pair', { key_name: 'nonsense' }, 400, /Invalid key_name provided/],
  ['an unknown security group', { security_groups: [{ name: 'nonsense' }] }, 400, /security group nonsense/i],
  ['more than the quota', { min_count: 11, max_count: 11 }, 403, /Quota exceeded for instances/],
  ['a name of the wrong type', { name: 7 }, 400, /name/],
  ['a property that nobody knows', { nonsense: true }, 400, /Additional properties are not allowed|nonsense/],
  ['a body that is no JSON', '{"server": ', 400, /./],
  ['a body that is a list', '[]', 400, /./],
];
for (const [what, changes, status, message] of REFUSALS) {
  test(`${what} is refused at once, and nothing is recorded`, async () => {
    const before_ = recorded();
    const [image, flavor, network] = await Promise.all([
      demo.find('/image/v2/images', 'pileus-demo'),
      demo.find('/compute/v2.1/flavors', 'm1.nano'),
      demo.find('/network/v2.0/networks', 'private'),
    ]);
    const server = { name: 'refused', imageRef: image, flavorRef: flavor, networks: [{ uuid: network }] };
    const body = typeof changes === 'string' ? changes : { server: { ...server, ...changes } };
    const answer = await demo.request('POST', '/compute/v2.1/servers', body);
    assert.equal(answer.status, status, JSON.stringify(answer.body));
    const [fault] = Object.values(answer.body) as Array<{ code: number; message: string }>;
    assert.equal(fault?.code, status);
    assert.match(fault?.message ?? '', message);
    assert.deepEqual(recorded(), before_);
  });
}

async function ownImage(properties: Record<string, unknown> = {}): Promise<{ id: string; file: string }> {
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
    body: Buffer.alloc(256 * 1024, id),
  });
  assert.equal(upload.status, 204);
  using db = new DatabaseSync(join(cloud.dataPath, 'services', 'image.db'), { readOnly: true });
  const row = db.prepare('select name from image_locations where image_id = ?').get(id);
  return { id, file: join(cloud.dataPath, 'services', 'image', 'store', String(row?.['name'])) };
}

test('an image that fails its checksum', async () => {
  const { id: imageRef, file } = await ownImage();
  const bytes = readFileSync(file);
  bytes.writeUInt8(bytes.readUInt8(1000) ^ 1, 1000);
  writeFileSync(file, bytes);
  const id = await demo.launch('rotten', { imageRef });
  await assertNamed(id, 'image.load', /fails its checksum: sha512/);
  await sound('after an image that fails its checksum');
  await remove(id);
  await demo.request('DELETE', `/image/v2/images/${imageRef}`);
  await sound('after its delete');
});

for (const [property, value] of [
  ['hw_machine_type', 'nonsense"/><evil/>'],
  ['os_command_line', 'x'.repeat(3000)],
] as const) {
  test(`an image with a ${property} that is not understood is not passed on to libvirt`, async () => {
    const { id: kernel_id } = await ownImage();
    const { id: imageRef } = await ownImage({ [property]: value, kernel_id });
    const id = await demo.launch('odd', { imageRef });
    const server = await assertNamed(id, 'spawn', new RegExp(`can not be used: its property ${property}`));
    assert.match(server.fault?.message ?? '', /^Launch failed at spawn: /, 'no other host was tried');
    await sound('after an image with a strange property');
    await remove(id);
    for (const image of [imageRef, kernel_id]) await demo.request('DELETE', `/image/v2/images/${image}`);
  });
}

test('a port that never comes up', async () => {
  await behave({ ovn: 'no-port-up' });
  const id = await demo.launch('deaf');
  await assertNamed(id, 'network.bind', /did not come up within \d s: chassis claim is missing/);
  await sound('after ports that never come up');
  await remove(id);
});

test('a lost port-up event delays nothing', async () => {
  await behave({ ovn: 'lost-port-up-event' });
  const began = Date.now();
  const id = await demo.launch('unheard');
  assert.equal((await demo.settled(id))?.status, 'ACTIVE');
  assert.ok(Date.now() - began < 5000, `it took ${Date.now() - began} ms`);
  await remove(id);
  await sound('after a lost port-up event');
});

test('slow networks only take their time, and the record says what is waited for', async () => {
  await behave({ ovn: 'slow-port-up', latencyMs: 1000 });
  const id = await demo.launch('slow');
  const waiting = await until(
    async () => {
      const bind = (await admin.trace(id)).hops.find((hop) => hop.hop === 'network.bind');
      return (bind as { waiting_for?: string } | undefined)?.waiting_for ?? undefined;
    },
    { deadlineMs: 30_000, what: 'the record to say what it waits for', everyMs: 20 },
  );
  assert.match(waiting, /ovn-controller on sim-\d to claim port/);
  assert.equal((await demo.settled(id))?.status, 'ACTIVE');
  await remove(id);
  await sound('after a slow network');
});

for (const hop of [
  'prepare',
  'image.locate',
  'image.load',
  'network.allocate',
  'network.plug',
  'network.northbound',
].concat('network.southbound', 'network.bind', 'spawn', 'activate')) {
  test(`a failure of ${hop} on one host is mended on another; on all of them it ends with the reason`, async () => {
    await behave({ hop, fail: `the ${hop} is broken`, times: 1 });
    const lucky = await demo.launch('second-try');
    assert.equal((await demo.settled(lucky))?.status, 'ACTIVE');
    const { hops } = await admin.trace(lucky);
    score.injected += 1;
    const failed = hops.find((each) => each.hop === hop && each.error);
    assert.match(failed?.error ?? '', new RegExp(`the ${hop} is broken`));
    score.named += 1;
    await sound(`after a ${hop} that was mended elsewhere`);
    await behave({ hop, fail: `the ${hop} is broken` });
    const unlucky = await demo.launch('doomed');
    const server = await assertNamed(unlucky, hop, new RegExp(`the ${hop} is broken`));
    assert.match(server.fault?.message ?? '', new RegExp(`${hop.replace('.', '\\.')}.*3 hosts tried`));
    await sound(`after a ${hop} that fails everywhere`);
    await remove(lucky);
    await remove(unlucky);
    await sound(`after the deletes`);
  });

  test(`a delete while ${hop} runs undoes the launch at once`, async () => {
    await behave({ hop, latencyMs: 60_000 });
    const id = await demo.launch('unwanted');
    await until(
      async () => (await admin.trace(id)).hops.some((each) => each.hop === hop && each.state === 'running'),
      { deadlineMs: 30_000, what: `${hop} to run`, everyMs: 20 },
    );
    const began = Date.now();
    await demo.request('DELETE', `/compute/v2.1/servers/${id}`);
    assert.equal(await demo.settled(id, 5000), undefined);
    assert.ok(Date.now() - began < 1500, `it took ${Date.now() - began} ms`);
    await behave();
    await sound(`after a delete during ${hop}`);
  });
}

test('a host that hangs in the middle of a launch: the launch goes elsewhere', async () => {
  await behave({ hop: 'spawn', latencyMs: 3_600_000, times: 1 });
  const id = await demo.launch('moved');
  assert.equal((await demo.settled(id))?.status, 'ACTIVE');
  const { hops } = await admin.trace(id);
  score.injected += 1;
  assert.match(
    hops.find((each) => each.hop === 'spawn' && each.error)?.error ?? '',
    /did not end within 2 s/,
  );
  score.named += 1;
  await remove(id);
  await sound('after a host that hung');
});

test('a full disk on one host: the launch goes elsewhere', { skip: process.getuid?.() !== 0 }, async () => {
  const full = ['sim-1', 'sim-2'].map((host) => join(cloud.dataPath, 'hosts', host, 'instances'));
  const mounted: string[] = [];
  try {
    for (const path of full) {
      mkdirSync(path, { recursive: true });
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4k,mode=700', 'tmpfs', path]);
      mounted.push(path);
      writeFileSync(join(path, 'ballast'), Buffer.alloc(4096));
    }
    const ids = await Promise.all(['a', 'b', 'c'].map(async (name) => demo.launch(name)));
    for (const id of ids) {
      const server = await admin.settled(id);
      assert.equal(server?.status, 'ACTIVE', server?.fault?.message ?? '');
      assert.equal(server?.['OS-EXT-SRV-ATTR:host'], 'sim-3');
      const failed = (await admin.trace(id)).hops.filter((each) => each.error);
      for (const hop of failed) {
        score.injected += 1;
        assert.match(hop.error ?? '', /ENOSPC|no space left/i);
        score.named += 1;
      }
    }
    for (const id of ids) await remove(id);
  } finally {
    for (const path of mounted) execFileSync('umount', [path]);
  }
  await sound('after a full disk');
});

test('a server in ERROR can be deleted, twice', async () => {
  await behave({ hop: 'spawn', fail: 'no' });
  const id = await demo.launch('broken');
  assert.equal((await demo.settled(id))?.status, 'ERROR');
  await behave();
  const answers = await Promise.all(
    [1, 2, 3].map(async () => demo.request('DELETE', `/compute/v2.1/servers/${id}`)),
  );
  assert.ok(answers.every(({ status }) => status === 204 || status === 404));
  assert.equal(await demo.settled(id), undefined);
  await sound('after a double delete of a server in ERROR');
});

test('a running server can be deleted twice at once, and while it reboots', async () => {
  const [one, two] = await Promise.all([demo.launch('one'), demo.launch('two')]);
  await Promise.all([demo.settled(one), demo.settled(two)]);
  const path = (id: string): string => `/compute/v2.1/servers/${id}`;
  await Promise.all([demo.request('DELETE', path(one)), demo.request('DELETE', path(one))]);
  await behave({ hop: 'guest.reboot', latencyMs: 60_000 });
  const reboot = demo.request('POST', `${path(two)}/action`, { reboot: { type: 'HARD' } });
  const remove_ = demo.request('DELETE', path(two));
  const [rebooted, removed] = await Promise.all([reboot, remove_]);
  assert.ok([202, 404, 409].includes(rebooted.status), `reboot answers ${rebooted.status}`);
  assert.equal(removed.status, 204);
  assert.equal(await demo.settled(one), undefined);
  assert.equal(await demo.settled(two, 3000), undefined);
  await behave();
  await sound('after concurrent deletes and reboots');
});

test('a resize that fails on its way leaves the server as it was; one that is called off leaves nothing', async () => {
  const id = await demo.launch('moving');
  assert.equal((await demo.settled(id))?.status, 'ACTIVE');
  const flavorRef = await demo.find('/compute/v2.1/flavors', 'm1.micro');
  const resize = async (): Promise<number> =>
    (await demo.request('POST', `/compute/v2.1/servers/${id}/action`, { resize: { flavorRef } })).status;
  for (const hop of ['disk.carry', 'spawn', 'finish']) {
    await behave({ hop, fail: 'the destination is broken' });
    assert.equal(await resize(), 202);
    const server = await admin.settled(id);
    assert.deepEqual([server?.status, server?.['OS-EXT-STS:vm_state']], ['ACTIVE', 'active'], hop);
    const { body } = await admin.request('GET', `/compute/v2.1/servers/${id}/launch-trace?action=resize`);
    const { hops, state } = body['launch_trace'] as Awaited<ReturnType<typeof admin.trace>>;
    assert.equal(state, 'failed');
    assert.match(hops.find((each) => each.hop === hop)?.error ?? '', /the destination is broken/);
    await sound(`after a resize that failed at ${hop}`);
  }
  await behave({ hop: 'disk.carry', latencyMs: 60_000 });
  assert.equal(await resize(), 202);
  await until(async () => (await demo.server(id))?.['OS-EXT-STS:task_state'] === 'resize_migrating', {
    deadlineMs: 10_000,
    what: 'the move to be under way',
  });
  await remove(id);
  await sound('after a delete in the midst of a resize');
});

test('an action whose host never answers ends by its deadline, and may be tried again', async () => {
  const id = await demo.launch('stuck');
  assert.equal((await demo.settled(id))?.status, 'ACTIVE');
  await behave({ hop: 'guest.stop', latencyMs: 3_600_000 });
  await demo.request('POST', `/compute/v2.1/servers/${id}/action`, { 'os-stop': null });
  const server = await admin.settled(id, 10_000);
  assert.equal(server?.status, 'ACTIVE', 'it is as it was');
  const { body } = await admin.request('GET', `/compute/v2.1/servers/${id}/os-instance-actions`);
  const stop = (body['instanceActions'] as Array<{ action: string; message: string | null }>).find(
    (each) => each.action === 'stop',
  );
  assert.equal(stop?.message, 'Error');
  await behave();
  // The stop that hung was called off: what comes next does not wait behind it.
  await demo.request('POST', `/compute/v2.1/servers/${id}/action`, { reboot: { type: 'HARD' } });
  assert.equal((await demo.settled(id, 2000))?.status, 'ACTIVE');
  const reboot = await admin.request('GET', `/compute/v2.1/servers/${id}/os-instance-actions`);
  assert.equal((reboot.body['instanceActions'] as Array<{ message: string | null }>)[0]?.message, null);
  await remove(id);
  await sound('after an action that never ended');
});

test('a live migration that fails leaves the server running where it was, and says why; a slow one gets there', async () => {
  const id = await demo.launch('traveller');
  const home = (await admin.settled(id))?.['OS-EXT-SRV-ATTR:host'];
  let why = '';
  const migrate = async (): Promise<{ host: unknown; status: unknown; message: unknown }> => {
    const wish = { 'os-migrateLive': { host: null, block_migration: 'auto' } };
    const { status } = await admin.request('POST', `/compute/v2.1/servers/${id}/action`, wish);
    assert.equal(status, 202);
    const server = await admin.settled(id);
    assert.equal(server?.status, 'ACTIVE');
    const { body } = await admin.request('GET', `/compute/v2.1/os-migrations?instance_uuid=${id}`);
    const { body: told } = await admin.request('GET', `/compute/v2.1/servers/${id}/os-instance-actions`);
    const [migration] = body['migrations'] as Array<{ status: string }>;
    const [action] = told['instanceActions'] as Array<{ message: string | null; request_id: string }>;
    const events = await admin.request(
      'GET',
      `/compute/v2.1/servers/${id}/os-instance-actions/${action?.request_id}`,
    );
    why = JSON.stringify(events.body);
    return { host: server['OS-EXT-SRV-ATTR:host'], status: migration?.status, message: action?.message };
  };
  await behave({ migration: 'failing', fail: 'the guest holds on to its memory', server: 'traveller' });
  const failed = await migrate();
  assert.deepEqual(failed, { host: home, status: 'failed', message: 'Error' });
  assert.match(why, /the guest holds on to its memory/);
  await sound('after a live migration that failed');
  await behave({ migration: 'slow', latencyMs: 300 }, { migration: 'failing', server: 'somebody else' });
  const { host, ...moved } = await migrate();
  assert.notEqual(host, home);
  assert.deepEqual(moved, { status: 'completed', message: null });
  await remove(id);
  await sound('after a live migration that was slow');
});

test('none of these failures was a bug', async () => {
  const bugs = (await cloudLog(cloud)).split('\n').filter((line) => line.includes('"level":50'));
  assert.deepEqual(bugs, []);
});

test('a launch that nobody goes on with ends by its deadline, and its late host does not bring it back', async () => {
  await using short = await startCloud({
    simulated: true,
    tuning: { compute: { launchDeadlineMs: 1000, expiryGraceMs: 200, expiryIntervalMs: 200 } },
  });
  const user = await apiSession(short.dataPath, 'pileus');
  const operator = await apiSession(short.dataPath, 'pileus-admin');
  const slow = [{ hop: 'image.load', latencyMs: 3_600_000 }];
  await operator.request('PUT', '/simulation/behaviours', { behaviours: slow });
  const id = await user.launch('late');
  const server = await user.settled(id, 5000);
  assert.equal(server?.status, 'ERROR');
  assert.match(
    server?.fault?.message ?? '',
    /^The create did not end within its time: it hung in image\.load/,
  );
  score.injected += 1;
  const failed = (await operator.trace(id)).hops.find((hop) => hop.hop === 'image.load');
  assert.match(failed?.error ?? '', /did not end within its time|was cancelled/);
  score.named += 1;
  await assertSound(short.dataPath, 'after a launch that was too late');
  assert.equal((await user.server(id))?.status, 'ERROR', 'and it stays so');
});

test("a user's token that expires in the middle of a launch does not end it", async () => {
  await using brief = await startCloud({
    simulated: true,
    tuning: { identity: { tokenLifetimeSeconds: 3 } },
  });
  const operator = await apiSession(brief.dataPath, 'pileus-admin');
  const slow = [{ hop: 'image.locate', latencyMs: 3500 }];
  await operator.request('PUT', '/simulation/behaviours', { behaviours: slow });
  const user = await apiSession(brief.dataPath, 'pileus');
  const id = await user.launch('patient');
  const server = await until(
    async () => {
      const again = await apiSession(brief.dataPath, 'pileus');
      const now = await again.server(id);
      return now?.status === 'BUILD' ? undefined : now;
    },
    { deadlineMs: 10_000, what: 'the launch to end', everyMs: 300 },
  );
  assert.equal((await user.request('GET', '/compute/v2.1/servers')).status, 401, 'the token has expired');
  assert.equal(server.status, 'ACTIVE', server.fault?.message ?? '');
});
