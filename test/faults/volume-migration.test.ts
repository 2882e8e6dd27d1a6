// kill -9 of the cloud at each of the first writes of a volume's move between two hosts, and again in the move back: after
// the next start the volume is on one of them, free, and nothing is left on the other.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ApiSession } from '#test/support/api-session.ts';
import { freeListen, startChildCloud, type ChildCloud } from '#test/support/child-cloud.ts';
import { until } from '#test/support/until.ts';
import { assertSound } from './audit.ts';

const MOST = { timeout: 5 * 60_000 };
const SETTLE_MS = 30_000;
const BACKENDS = ['sim-1@simulated#simulated', 'sim-2@simulated-2#simulated-2'];
/** Of all writes; a move has some twelve of them. */
const DEATHS =
  process.env['PILEUS_TEST_FULL'] === '1'
    ? Array.from({ length: 40 }, (_, at) => at + 1)
    : [1, 3, 5, 7, 9, 10];

interface ShownVolume {
  readonly id: string;
  readonly status: string;
  readonly migration_status: string | null;
  readonly 'os-vol-host-attr:host': string;
}

async function show(admin: ApiSession, id: string): Promise<ShownVolume> {
  const { body } = await admin.request('GET', `/volume/v3/volumes/${id}`);
  return body['volume'] as ShownVolume;
}

/** Ended, one way or the other. */
async function settled(admin: ApiSession, id: string): Promise<ShownVolume> {
  let volume: ShownVolume | undefined;
  await until(
    async () => {
      volume = await show(admin, id);
      return volume.status === 'available' && volume.migration_status !== 'migrating';
    },
    { deadlineMs: SETTLE_MS, what: 'the move to end', everyMs: 50 },
  );
  return volume ?? assert.fail('no volume');
}

/** False when the move ended before the process died: it has no more writes. */
async function diesIn(cloud: ChildCloud, id: string): Promise<boolean> {
  const admin = await cloud.session('pileus-admin');
  const { 'os-vol-host-attr:host': from } = await settled(admin, id);
  const host = BACKENDS.find((each) => each !== from);
  await cloud.arm();
  const isDead = cloud.ended.then(() => true);
  const act = async (): Promise<boolean> => {
    const { status, body } = await admin.request('POST', `/volume/v3/volumes/${id}/action`, {
      'os-migrate_volume': { host },
    });
    assert.equal(status, 202, JSON.stringify(body));
    assert.equal((await settled(admin, id))['os-vol-host-attr:host'], host);
    return Promise.race([isDead, assertSound(cloud.dataPath, 'after a move').then(() => false)]);
  };
  // A request that the process took with it fails; it is the process's end that counts.
  return Promise.race([isDead, act().catch(async () => isDead)]);
}

test('a volume whose move is cut off by kill -9 is on one host, nothing on the other', MOST, async () => {
  const dataPath = await mkdtemp(join(tmpdir(), 'plm-'));
  const common = { dataPath, listen: await freeListen(), simulated: true, hosts: 2 };
  const outcomes: Array<string | null> = [];
  try {
    let id = '';
    {
      await using cloud = await startChildCloud(common);
      const admin = await cloud.session('pileus-admin');
      const { body } = await admin.request('POST', '/volume/v3/volumes', { volume: { size: 1 } });
      ({ id } = body['volume'] as ShownVolume);
      await settled(admin, id);
    }
    for (const at of DEATHS) {
      let died: boolean;
      {
        await using cloud = await startChildCloud({ ...common, die: { at, when: 'after', of: 'all' } });
        died = await diesIn(cloud, id);
      }
      await using cloud = await startChildCloud(common);
      const admin = await cloud.session('pileus-admin');
      const volume = await settled(admin, id);
      if (died) outcomes.push(volume.migration_status);
      await assertSound(dataPath, `after death at write ${at}`);
      if (!died) break;
    }
    assert.ok(outcomes.length > 5, `only ${outcomes.length} deaths`);
    assert.ok(outcomes.every((each) => each === 'success' || each === 'error'));
  } finally {
    await rm(dataPath, { recursive: true, force: true });
  }
  console.log(`# ${outcomes.length} deaths in moves: ${outcomes.join(', ')}`);
});
