// What the launch record says after the launch, on the simulated cloud: what models do not compute is not made up, and
// what is not there yet when the process ends comes after the next start.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { apiSession, type ApiSession, type TraceView } from '#test/support/api-session.ts';
import { startCloud } from '#test/support/cloud.ts';
import { until } from '#test/support/until.ts';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

type Hop = TraceView['hops'][number];

async function counted(session: ApiSession, id: string): Promise<readonly Hop[]> {
  return until(
    async () => {
      const { hops } = await session.trace(id);
      return hops.some((hop) => hop.hop === 'network.bind' && 'counted_at' in hop.evidence)
        ? hops
        : undefined;
    },
    { deadlineMs: 20_000, what: 'the flows to be counted' },
  );
}

function named(hops: readonly Hop[], name: string): Hop {
  const hop = hops.find((each) => each.hop === name);
  assert.ok(hop, name);
  return hop;
}

test('a simulated launch says that its flows are not counted, and how its token was made', async () => {
  await using cloud = await startCloud({ simulated: true });
  const [demo, admin] = await Promise.all([
    apiSession(cloud.dataPath, 'pileus'),
    apiSession(cloud.dataPath, 'pileus-admin'),
  ]);
  const id = await demo.launch('told');
  assert.equal((await demo.settled(id))?.status, 'ACTIVE');
  const before = (await admin.trace(id)).hops;
  const after = await counted(admin, id);
  for (const [hop, key] of [
    ['network.southbound', 'logical_flows'],
    ['network.bind', 'openflow_rules'],
  ] as const) {
    const [port] = named(after, hop).evidence[key] as Array<Record<string, unknown>>;
    assert.deepEqual(Object.keys(port ?? {}), ['port_id', 'not_counted'], hop);
    assert.equal(named(after, hop).state, 'done');
    for (const time of ['started_at', 'ended_at'] as const)
      assert.equal(named(after, hop)[time], named(before, hop)[time], `${hop} ${time}`);
  }
  const { evidence, started_at } = named(after, 'authenticate');
  const login = evidence['login'] as Record<string, unknown>;
  assert.match(String(evidence['token_hash']), /^[0-9a-f]{16}$/);
  assert.deepEqual([evidence['user_name'], evidence['project_name']], ['demo', 'demo']);
  assert.ok((evidence['roles'] as string[]).includes('member'));
  assert.ok(Date.parse(String(evidence['expires_at'])) > Date.now());
  assert.deepEqual(login['methods'], ['password']);
  assert.equal(login['token_age_ms'], Date.parse(started_at) - Date.parse(String(login['issued_at'])));
  assert.equal(named(after, 'dispatch').evidence['redelivered'], false);
  const seen = (await demo.trace(id)).hops;
  for (const hop of ['network.southbound', 'network.bind'])
    assert.ok(!Object.keys(named(seen, hop).evidence).some((key) => /flows|rules/.test(key)), hop);
});

test('a launch whose process ends before the count is counted after the next start', async () => {
  const dataPath = await mkdtemp(join(tmpdir(), 'pileus-'));
  try {
    let id: string;
    {
      await using cloud = await startCloud({ simulated: true, dataPath });
      const demo = await apiSession(cloud.dataPath, 'pileus');
      id = await demo.launch('late');
      assert.equal((await demo.settled(id))?.status, 'ACTIVE');
    }
    await using again = await startCloud({ simulated: true, dataPath });
    const admin = await apiSession(again.dataPath, 'pileus-admin');
    const hops = await counted(admin, id);
    assert.equal(hops.filter((hop) => hop.hop === 'network.bind').length, 1);
  } finally {
    await rm(dataPath, { recursive: true, force: true });
  }
});
