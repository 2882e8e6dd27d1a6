// A volume that grew while it was connected is snapshotted, cloned and merged between writes on both sides of its old end, and
// the storage daemon and the service die at each step of it: every write that was answered is found.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { StorageDaemon } from '#drivers/storage-daemon/daemon.ts';
import { startTestDaemon, whyNoStorageDaemon } from '#drivers/storage-daemon/testing/test-daemon.ts';
import { VolumeBackendError } from '#drivers/volume/errors.ts';
import { bytesOf } from '#drivers/volume/port.ts';
import { NbdClient } from '#platform/nbd/client.ts';
import { createFileVolumeDriver, type FileVolumeDriver } from './driver.ts';

const NEEDS = { skip: whyNoStorageDaemon() ?? false, timeout: 120_000 };
const MIB = 2 ** 20;
/** Each in another table of the file, two on either side of the old end. */
const PLACES = [8 * MIB, bytesOf(1) - 8 * MIB, bytesOf(1), bytesOf(1) + 600 * MIB];
const ATTACHMENT = { attachmentId: 'a1', connector: { host: 'h1' }, mode: 'rw' } as const;
const STEPS = new Set(['addNode', 'removeNode', 'addExport', 'removeExport', 'putOver', 'resize', 'stream']);

/** The daemon, which is killed at a step and answers nothing after: so the service gets no further either. */
function dyingAt(
  daemon: StorageDaemon,
  { step, when }: { readonly step: number; readonly when: 'before' | 'after' },
  kill: () => Promise<void>,
): { readonly daemon: StorageDaemon; readonly died: () => boolean } {
  let [count, dead] = [0, false];
  const gone = (): VolumeBackendError => new VolumeBackendError('unreachable', 'it was killed');
  const dying = new Proxy(daemon, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name, target);
      if (!(value instanceof Function) || typeof name !== 'string' || name === 'onRestarted')
        return value instanceof Function ? value.bind(target) : value;
      return async (...args: unknown[]) => {
        if (dead) throw gone();
        const now = STEPS.has(name) && ++count === step;
        if (now) dead = true;
        const result: unknown = now && when === 'before' ? undefined : await value.apply(target, args);
        if (now) await kill();
        if (dead) throw gone();
        return result;
      };
    },
  });
  return { daemon: dying, died: () => dead };
}

/** Kills at that step of it all. @returns whether there was such a step */
async function survives(step: number, when: 'before' | 'after'): Promise<boolean> {
  const directory = mkdtempSync(join(tmpdir(), 'pvg-'));
  const [volumeId, first, late, clone] = [randomUUID(), randomUUID(), randomUUID(), randomUUID()];
  await using test = await startTestDaemon(directory);
  try {
    const write = async (seed: number): Promise<void> => {
      await using client = await guestOf(test.daemon, volumeId);
      for (const at of PLACES.filter((each) => each < client.size))
        await client.write(at + seed * MIB, blockOf(seed));
    };
    {
      await using driver = await createFileVolumeDriver({ directory, daemon: test.daemon });
      await driver.createVolume(volumeId, 1, { kind: 'blank' });
      await driver.connect(volumeId, ATTACHMENT);
      await write(0);
      await driver.createSnapshot(volumeId, first);
      await driver.extendVolume(volumeId, 2);
      await write(1);
    }
    const { daemon, died } = dyingAt(test.daemon, { step, when }, async () => test.kill());
    let written = 1;
    const taken = new Map([[first, 0]]);
    try {
      const driver = await createFileVolumeDriver({ directory, daemon });
      await driver.restoreConnections([{ volumeId, ...ATTACHMENT }]);
      await driver.createSnapshot(volumeId, late);
      taken.set(late, written);
      await write(2);
      written = 2;
      taken.delete(late); // there or not
      await driver.deleteSnapshot(volumeId, late);
      await driver.settled(); // what it held is merged into what the guest writes to, and nobody writes after
      await driver.createVolume(clone, 2, { kind: 'volume', volumeId });
      taken.set(clone, written);
    } catch (error) {
      if (!died()) throw error;
    }
    await test.kill(); // also when all was done
    await test.daemon[Symbol.asyncDispose]();
    await test.start();
    await using connected = test.reconnect();
    await using driver = await createFileVolumeDriver({ directory, daemon: connected });
    await driver.restoreConnections([{ volumeId, ...ATTACHMENT }]);
    await driver.settled();
    const at = `${when} step ${step}`;
    await using guest = await guestOf(connected, volumeId);
    assert.equal(guest.size, bytesOf(2), at);
    await holds(guest, written, `the volume, ${at}`);
    for (const [id, seed] of taken)
      await holdsIn(driver, id === clone ? { volumeId: id } : { volumeId, snapshotId: id }, seed, at);
    return died();
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const blockOf = (seed: number): Buffer => Buffer.alloc(2 ** 16, seed + 1);

async function guestOf({ nbd }: StorageDaemon, volumeId: string): Promise<NbdClient> {
  return NbdClient.connect({ address: nbd, exportName: `volume-${volumeId}-rw` });
}

async function holdsIn(
  driver: FileVolumeDriver,
  what: { readonly volumeId: string; readonly snapshotId?: string },
  written: number,
  at: string,
): Promise<void> {
  await using access = await driver.open(what, 'ro');
  await holds(access, written, `${JSON.stringify(what)}, ${at}`);
}

/** All writes up to that one; the first was made before the volume grew. */
async function holds(from: Pick<NbdClient, 'read'>, written: number, what: string): Promise<void> {
  for (let seed = 0; seed <= written; seed++)
    for (const at of seed === 0 ? PLACES.slice(0, 2) : PLACES) {
      const got = await from.read(at + seed * MIB, 2 ** 16);
      assert.ok(got.equals(blockOf(seed)), `write ${seed} at ${at / MIB} MiB of ${what}`);
    }
}

for (const when of ['before', 'after'] as const)
  test(`a volume that grew keeps all when everything dies ${when} a step`, NEEDS, async () => {
    let step = 1;
    while (await survives(step, when)) step++;
    assert.ok(step > 5, `only ${step} steps`);
  });
