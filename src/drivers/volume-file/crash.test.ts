// kill -9 of the volume service, and of the storage daemon with it, at any moment: what was said to be done is there, what
// was begun is done or not, and no file stays behind.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  startTestDaemon,
  whyNoStorageDaemon,
  type TestDaemon,
} from '#drivers/storage-daemon/testing/test-daemon.ts';
import { createFileVolumeDriver, type FileVolumeDriver } from './driver.ts';
import { BLOCK, contentOf, offsetOf, type Said, type Task } from './testing/doomed-service.ts';

const ROUNDS = 14;
const SERVICE = join(import.meta.dirname, 'testing', 'doomed-service.ts');

interface Truth {
  blocks: number;
  /** A write that was begun: it is there or not. */
  maybe: number;
  readonly snapshots: Map<string, number>;
  readonly clones: Map<string, number>;
}

test(
  'kill -9 at any moment loses nothing that was done',
  { skip: whyNoStorageDaemon() ?? false, timeout: 180_000 },
  async () => {
    const directory = mkdtempSync(join(tmpdir(), 'pvc-'));
    const daemon = await startTestDaemon(directory);
    const volumeId = randomUUID();
    const truth: Truth = { blocks: 0, maybe: 0, snapshots: new Map(), clones: new Map() };
    try {
      const first = await createFileVolumeDriver({ directory, daemon: daemon.daemon });
      await first.createVolume(volumeId, 1, { kind: 'blank' });
      await first[Symbol.asyncDispose]();
      for (let round = 0; round < ROUNDS; round++) {
        await runUntilKilled({
          directory,
          volumeId,
          truth,
          daemon,
          lines: 12 + round * 7,
          both: round % 2 === 1,
        });
        await verify({ directory, volumeId, truth, daemon });
      }
      await removeAll({ directory, volumeId, truth, daemon });
    } finally {
      await daemon[Symbol.asyncDispose]();
      rmSync(directory, { recursive: true });
    }
  },
);

interface Scene {
  readonly directory: string;
  readonly volumeId: string;
  readonly truth: Truth;
  readonly daemon: TestDaemon;
}

async function runUntilKilled(
  scene: Scene & { readonly lines: number; readonly both: boolean },
): Promise<void> {
  const { directory, volumeId, truth, daemon, lines, both } = scene;
  // The monitor of the daemon has one connection, which the service needs.
  await daemon.daemon[Symbol.asyncDispose]();
  const task: Task = {
    directory,
    volumeId,
    blocks: truth.blocks,
    snapshots: Object.fromEntries(truth.snapshots),
    clones: [...truth.clones.keys()],
  };
  const service = spawn(process.execPath, [SERVICE, JSON.stringify(task)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(service, 'exit');
  let text = '';
  service.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
    // Not at a line: somewhere in what follows it.
    if (text.split('\n').length > lines) setTimeout(() => service.kill('SIGKILL'), (lines * 7) % 11);
  });
  await ended;
  if (both) await daemon.kill();
  for (const line of text.split('\n').slice(0, -1)) apply(truth, JSON.parse(line) as Said);
  if (both) await daemon.start();
}

function apply(truth: Truth, { done, operation }: Said): void {
  switch (operation.kind) {
    case 'write':
      if (done) truth.blocks = operation.block + 1;
      truth.maybe = operation.block + 1;
      return;
    case 'snapshot':
      if (done) truth.snapshots.set(operation.id, operation.blocks);
      return;
    case 'clone':
      if (done) truth.clones.set(operation.id, operation.blocks);
      return;
    case 'delete-snapshot':
      truth.snapshots.delete(operation.id);
      return;
    case 'delete-clone':
      truth.clones.delete(operation.id);
  }
}

async function verify({ directory, volumeId, truth, daemon }: Scene): Promise<void> {
  await using connected = daemon.reconnect();
  await using driver = await createFileVolumeDriver({ directory, daemon: connected });
  await driver.restoreConnections([]);
  const listed = await driver.list();
  await holds(driver, { volumeId }, truth.blocks, truth.maybe);
  for (const [snapshotId, blocks] of truth.snapshots) await holds(driver, { volumeId, snapshotId }, blocks);
  for (const [clone, blocks] of truth.clones) await holds(driver, { volumeId: clone }, blocks);
  // What was being made or removed when it died, is cleared away as the service does: by repeating.
  for (const snapshotId of listed.find((each) => each.volumeId === volumeId)?.snapshotIds ?? [])
    if (!truth.snapshots.has(snapshotId)) await driver.deleteSnapshot(volumeId, snapshotId);
  for (const each of listed)
    if (each.volumeId !== volumeId && !truth.clones.has(each.volumeId))
      await driver.deleteVolume(each.volumeId);
  truth.maybe = truth.blocks;
  check(directory);
}

async function holds(
  driver: FileVolumeDriver,
  what: { volumeId: string; snapshotId?: string },
  blocks: number,
  maybe = blocks,
): Promise<void> {
  await using access = await driver.open(what, 'ro');
  const name = JSON.stringify(what);
  for (let block = 0; block < blocks; block++)
    assert.ok(
      (await access.read(offsetOf(block), BLOCK)).equals(contentOf(block)),
      `block ${block} of ${name}`,
    );
  // And nothing of later.
  assert.ok((await access.read(offsetOf(maybe), BLOCK)).equals(Buffer.alloc(BLOCK)), `the end of ${name}`);
}

async function removeAll({ directory, volumeId, truth, daemon }: Scene): Promise<void> {
  await using connected = daemon.reconnect();
  await using driver = await createFileVolumeDriver({ directory, daemon: connected });
  for (const id of truth.snapshots.keys()) await driver.deleteSnapshot(volumeId, id);
  await driver.deleteVolume(volumeId);
  await driver.settled();
  for (const [clone, blocks] of truth.clones) {
    await holds(driver, { volumeId: clone }, blocks);
    await driver.deleteVolume(clone);
  }
  assert.deepEqual(readdirSync(join(directory, 'layers')), []);
}

/** No file is damaged; clusters that nothing names are no damage. */
function check(directory: string): void {
  for (const file of readdirSync(join(directory, 'layers'))) {
    const path = join(directory, 'layers', file);
    const report = execFileSync('sh', [
      '-c',
      'qemu-img check -U --output=json "$1" || [ $? = 3 ]',
      '-',
      path,
    ]);
    assert.equal((JSON.parse(report.toString()) as { corruptions?: number }).corruptions ?? 0, 0, file);
  }
}
