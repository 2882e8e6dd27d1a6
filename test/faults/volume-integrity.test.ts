// Every byte that a guest wrote is found: over snapshots, clones, growth, backups, restores and detaches, with kill -9 of the
// storage daemon and of the whole cloud, and with it of the volume service, in between. At the end nothing is left.
import assert from 'node:assert/strict';
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { readCloud } from '#cli/cloud-access.ts';
import { HYPERVISOR_PACKAGES, NETWORK_PACKAGES, findMissing } from '#cloud/packages.ts';
import {
  freeListen,
  startChildCloud,
  sweep,
  type ChildCloud,
  type ChildOptions,
} from '#test/support/child-cloud.ts';
import { DiskContent, GuestDisk } from '#test/support/disk-content.ts';
import { CloudApi, type Guest, type Json } from '#test/support/guest-cloud.ts';
import { until } from '#test/support/until.ts';
import { VolumesOf } from '#test/support/volumes-of.ts';
import { assertSound } from './audit.ts';
import { VolumeStore } from './volume-store.ts';

const REAL =
  process.getuid?.() === 0 && findMissing([...NETWORK_PACKAGES, ...HYPERVISOR_PACKAGES]).length === 0;
const MINUTE = 60_000;
const NEEDS = REAL ? { timeout: 12 * MINUTE } : { skip: 'needs root and the packages of pileus up' };
/** Writes of the record at which it dies, in the middle of one or both of two operations that are asked for at once. */
const DEATHS = [4];
/** MiB, where the guest writes until the cloud is killed. */
const aloudAt = (death: number): number => 100 + 10 * death;

describe('no byte of a volume is lost', NEEDS, () => {
  let dataPath: string;
  let listen: string;
  let store: VolumeStore;
  let cloud: ChildCloud;
  let api: CloudApi;
  let volumes: VolumesOf;
  let server: string;
  let guest: Guest;
  /** The volume that the guest has all the time, and what must be on it. */
  let data: string;
  const content = new DiskContent();
  let snapshot: string;
  let atSnapshot: DiskContent;
  let atBackup: DiskContent;
  let incremental: string;
  /** What became of what the cloud was making when it was killed. */
  const outcomes: string[] = [];

  async function begin(die?: ChildOptions['die']): Promise<void> {
    cloud = await startChildCloud({ dataPath, listen, ...(die ? { die } : {}) });
    api = await CloudApi.at(await readCloud(dataPath, 'pileus'));
    volumes = new VolumesOf(api);
  }

  before(async () => {
    dataPath = realpathSync(mkdtempSync(join(tmpdir(), 'pli-')));
    listen = await freeListen();
    store = new VolumeStore(dataPath);
    await begin({ at: DEATHS[0]!, when: 'before' });
    server = (await api.boot('writer')).id;
    data = (await volumes.make({ size: 1, name: 'data' })).id;
    guest = await api.guest(server);
    await volumes.attach(server, data);
  });
  after(async () => {
    await guest?.[Symbol.asyncDispose]();
    await cloud?.[Symbol.asyncDispose]();
    await sweep(dataPath);
    console.log(`# over kill -9: ${outcomes.join(', ')}`);
    rmSync(dataPath, { recursive: true });
  });

  /** The volume is given to the guest, read, and taken away. */
  async function assertHolds(volume: string, wanted: DiskContent, when: string): Promise<void> {
    await volumes.attach(server, volume);
    await (await GuestDisk.find(guest, volume)).check(wanted, when);
    await volumes.detach(server, volume);
  }

  async function write(seed: number, at: number, size: number): Promise<void> {
    await (await GuestDisk.find(guest, data)).write({ seed, at, size });
    content.write({ seed, at, size });
  }

  async function check(when: string): Promise<void> {
    await (await GuestDisk.find(guest, data)).check(content, when);
  }

  const path = (rest: string): string => `/volume/v3/${api.projectId}/${rest}`;
  /** Status of a backup, a snapshot or a volume; `gone` when there is none. */
  async function statusOf(kind: 'backup' | 'snapshot' | 'volume', id: string): Promise<string> {
    const { status, text } = await api.try('GET', path(`${kind}s/${id}`));
    if (status === 404) return 'gone';
    const body = JSON.parse(text) as Record<typeof kind, { status: string }>;
    return body[kind].status;
  }

  /** What became of something that was being made. */
  async function made(kind: 'backup' | 'snapshot' | 'volume', id: string): Promise<string> {
    return until(
      async () => {
        const status = await statusOf(kind, id);
        return !['creating', 'restoring-backup', 'restoring'].includes(status) && status;
      },
      { deadlineMs: MINUTE, what: `${kind} ${id} to be made, or not` },
    );
  }

  /** Snapshots and volumes of that name. */
  async function untilMade(name: string): Promise<void> {
    for (const kind of ['snapshot', 'volume'] as const)
      for (const id of await named(kind, name)) await made(kind, id);
  }

  async function named(kind: 'backup' | 'snapshot' | 'volume', name: string): Promise<string[]> {
    const listed = await api.call<Record<string, Array<{ id: string }>>>(
      'GET',
      path(`${kind}s?name=${name}`),
    );
    return listed[`${kind}s`]!.map(({ id }) => id);
  }

  async function backup(body: Json): Promise<string> {
    const { backup } = await api.call<{ backup: { id: string } }>('POST', path('backups'), {
      backup: { volume_id: data, force: true, ...body },
    });
    return backup.id;
  }

  async function restored(from: string): Promise<string> {
    const { restore } = await api.call<{ restore: { volume_id: string } }>(
      'POST',
      path(`backups/${from}/restore`),
      { restore: { name: 'restored' } },
    );
    assert.equal(await made('volume', restore.volume_id), 'available');
    assert.equal(await made('backup', from), 'available');
    return restore.volume_id;
  }

  /** After the cloud's end: another on the same data, in which the guest runs again. */
  async function goOn(bootsBefore: number, die?: ChildOptions['die']): Promise<void> {
    await cloud.ended;
    await guest[Symbol.asyncDispose]();
    await begin(die);
    await until(async () => (await boots()) > bootsBefore, {
      deadlineMs: 2 * MINUTE,
      what: 'the guest to boot again',
    });
    guest = await api.guest(server);
  }

  const boots = async (): Promise<number> => (await api.consoleLog(server)).split('PILEUS-READY').length;

  /** What is named `late` and was being made when the cloud died holds what it must, or is no more than a record. */
  async function assertDoneOrUndone(
    kind: 'backup' | 'snapshot' | 'volume',
    wanted: DiskContent,
    volumeOf?: (id: string) => Promise<string>,
  ): Promise<void> {
    for (const id of await named(kind, 'late')) {
      const end = await made(kind, id);
      outcomes.push(`${kind} ${end}`);
      if (end === 'available') {
        const volume = (await volumeOf?.(id)) ?? id;
        await assertHolds(volume, wanted, `the ${kind} that was made over the kill`);
        if (volume !== id) await volumes.remove(volume);
      }
      await api.call('DELETE', path(`${kind}s/${id}`));
      await until(async () => (await statusOf(kind, id)) === 'gone', {
        deadlineMs: MINUTE,
        what: `${kind} ${id} to be gone`,
      });
    }
  }

  test('kill -9 of the storage daemon while the guest writes', async () => {
    const disk = await GuestDisk.find(guest, data);
    const extent = { seed: 1, at: 0, size: 32 };
    await disk.writeDuring(extent, async () => store.killDaemon());
    content.write(extent);
    await check('after kill -9 of the daemon');
  });

  test('a snapshot is what was, the volume what is, and both over growth', async () => {
    snapshot = await volumes.snapshot(data);
    atSnapshot = content.clone();
    await write(2, 8, 16);
    const clone = await volumes.make({ snapshot_id: snapshot, size: 1, name: 'clone' });
    await assertHolds(clone.id, atSnapshot, 'a clone of the snapshot');
    await volumes.act(data, { 'os-extend': { new_size: 2 } });
    await until(async () => (await (await GuestDisk.find(guest, data)).mib()) === 2048, {
      deadlineMs: MINUTE,
      what: 'the guest to see the growth',
    });
    await write(3, 1020, 8); // half of it where there was nothing
    await check('after growth');
    await volumes.remove(clone.id);
  });

  test('backups of a volume in use, whole and as what changed, over kill -9 of the daemon', async () => {
    const whole = await backup({});
    atBackup = content.clone();
    await store.killDaemon();
    const end = await made('backup', whole);
    assert.match(end, /^(available|error)$/);
    const base = end === 'available' ? whole : await backup({});
    assert.equal(await made('backup', base), 'available');
    await write(4, 30, 4);
    incremental = await backup({ incremental: true });
    assert.equal(await made('backup', incremental), 'available');
    const [one, other] = [await restored(base), await restored(incremental)];
    await assertHolds(one, atBackup, 'what the whole backup holds');
    atBackup = content.clone();
    await assertHolds(other, atBackup, 'what both backups hold');
    await Promise.all([volumes.remove(one), volumes.remove(other)]);
  });

  for (const [index, at] of DEATHS.entries()) {
    test(`kill -9 of the cloud at write ${at} of a snapshot and a clone, while the guest writes`, async () => {
      const booted = await boots();
      const place = aloudAt(at);
      (await GuestDisk.find(guest, data)).writeAloud(place);
      await until(async () => GuestDisk.countAloud(await api.consoleLog(server), place) > 0, {
        deadlineMs: MINUTE,
        what: 'the guest to have written',
      });
      await cloud.arm();
      // Answered or not: the requests may die with it.
      await Promise.allSettled([
        api.call('POST', path('snapshots'), { snapshot: { volume_id: data, force: true, name: 'late' } }),
        api.call('POST', path('volumes'), { volume: { snapshot_id: snapshot, size: 1, name: 'late' } }),
      ]);
      // At a write that there is none of, it dies when all is done.
      await Promise.race([cloud.ended, untilMade('late')]).catch(() => cloud.ended);
      cloud.child.kill('SIGKILL');
      const next = DEATHS[index + 1];
      await goOn(booted, next === undefined ? undefined : { at: next, when: 'before' });
      await check('after kill -9 of the cloud');
      const told = GuestDisk.countAloud(await api.consoleLog(server), place);
      await (await GuestDisk.find(guest, data)).checkAloud(place, told);
      await assertDoneOrUndone('snapshot', content, async (id) =>
        volumes.make({ snapshot_id: id, size: 2 }).then((volume) => volume.id),
      );
      await assertDoneOrUndone('volume', atSnapshot);
      await assertSound(dataPath, `after kill -9 at write ${at} of a snapshot and a clone`);
    });
  }

  test('kill -9 of the cloud while it backs up and restores', async () => {
    const [booted, sets] = [await boots(), store.backups().size];
    await backup({ name: 'late' });
    await api.call('POST', path(`backups/${incremental}/restore`), { restore: { name: 'late' } });
    await until(async () => store.backups().size > sets, { deadlineMs: MINUTE, what: 'data of the backup' });
    cloud.child.kill('SIGKILL');
    await goOn(booted);
    await check('after kill -9 during a backup');
    await assertDoneOrUndone('backup', content, restored);
    await assertDoneOrUndone('volume', atBackup);
    await assertSound(dataPath, 'after kill -9 during a backup');
  });

  test('a detached volume is what it was, and a deleted server has no attachments', async () => {
    await volumes.detach(server, data);
    await store.assertSound();
    await assertHolds(data, content, 'after a detach');
    await volumes.attach(server, data);
    const other = (await volumes.make({ snapshot_id: snapshot, size: 1 })).id;
    await api.call('POST', `/compute/v2.1/servers/${server}/os-volume_attachments`, {
      volumeAttachment: { volumeId: other },
    });
    await api.remove(server); // while it is being attached
    for (const volume of [data, other]) await volumes.untilStatus(volume, 'available');
    const { attachments } = await api.call<{ attachments: unknown[] }>('GET', path('attachments'));
    assert.deepEqual(attachments, []);
    await store.assertSound();
    await volumes.remove(other);
  });

  test('what is deleted leaves nothing', async () => {
    await volumes.removeSnapshot(snapshot);
    await volumes.remove(data);
    for (;;) {
      const { backups } = await api.call<{ backups: Array<{ id: string }> }>('GET', path('backups'));
      const [newest] = backups; // what changed goes before what it rests on
      if (!newest) break;
      await api.call('DELETE', path(`backups/${newest.id}`));
      await until(async () => (await statusOf('backup', newest.id)) === 'gone', {
        deadlineMs: MINUTE,
        what: 'a backup to be gone',
      });
    }
    await assertSound(dataPath, 'when all is deleted');
    await store.assertEmpty();
  });
});
