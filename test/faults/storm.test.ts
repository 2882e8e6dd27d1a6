// Many launches and deletes at once, the process killed at a moment that nobody chose, and `up` again: every server ends done
// or undone, and nothing is left. On the simulated cloud; each round goes on from the one before.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { ApiSession, ServerView } from '#test/support/api-session.ts';
import { freeListen, startChildCloud, type ChildCloud } from '#test/support/child-cloud.ts';
import { assertSound } from './audit.ts';

const ROUNDS = process.env['PILEUS_TEST_FULL'] === '1' ? 30 : 5;
const AT_ONCE = 8;

/** A sequence that can be repeated: the moments of death, from the number of the round. */
const momentOf = (round: number): number => (round * 7919) % 400;

test('servers survive a death in the middle of many launches and deletes', { timeout: 600_000 }, async () => {
  const dataPath = await mkdtemp(join(tmpdir(), 'pls-'));
  const listen = await freeListen();
  try {
    for (let round = 0; round < ROUNDS; round++) {
      await using cloud = await startChildCloud({ dataPath, listen, simulated: true });
      const demo = await cloud.session();
      await settleAll(demo, `round ${round}`);
      await assertSound(dataPath, `after the death of round ${round}`);
      await act(cloud, demo, momentOf(round));
    }
    await using cloud = await startChildCloud({ dataPath, listen, simulated: true });
    await settleAll(await cloud.session(), 'at the end');
    await assertSound(dataPath, 'at the end');
  } finally {
    await rm(dataPath, { recursive: true, force: true });
  }
});

async function list(demo: ApiSession): Promise<ServerView[]> {
  const { body } = await demo.request('GET', '/compute/v2.1/servers/detail');
  return body['servers'] as ServerView[];
}

async function settleAll(demo: ApiSession, when: string): Promise<void> {
  for (const { id } of await list(demo)) {
    const server = await demo.settled(id, 60_000);
    if (!server) continue;
    assert.ok(['ACTIVE', 'SHUTOFF', 'ERROR'].includes(server.status), `${when}: ${server.status}`);
    if (server.status === 'ERROR') assert.ok(server.fault?.message, `${when}: an error without a reason`);
  }
}

/** Deletes what is there, launches as many anew, and kills in between. */
async function act(cloud: ChildCloud, demo: ApiSession, moment: number): Promise<void> {
  const old = await list(demo);
  const gone = async (): Promise<undefined> => undefined; // a request that died with the process
  const requests = [
    ...old.map(async ({ id }) => demo.request('DELETE', `/compute/v2.1/servers/${id}`).catch(gone)),
    ...Array.from({ length: AT_ONCE }, async (_, i) => demo.launch(`storm-${i}`).catch(gone)),
  ];
  await pause(moment);
  cloud.child.kill('SIGKILL');
  await cloud.ended;
  await Promise.all(requests);
}
