// Measures the embedded storage backend: milliseconds of its operations, and MB/s through exports as guests and as the
// service use them. Prints JSON. Run: node bench/volume-files.ts [rounds] [megabytes]
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startTestDaemon } from '#drivers/storage-daemon/testing/test-daemon.ts';
import { createFileVolumeDriver, type FileVolumeDriver } from '#drivers/volume-file/driver.ts';
import { NbdClient } from '#platform/nbd/client.ts';
import { round, summarize, type Summary } from './support/statistics.ts';

const MIB = 2 ** 20;
const SMALL = 4096;
const SMALL_WRITES = 500;
const CONNECTOR = { host: 'h1' };

const rounds = Number(process.argv[2] ?? 50);
const megabytes = Number(process.argv[3] ?? 512);
const directory = await mkdtemp(join(tmpdir(), 'bench-volumes-'));
const daemon = await startTestDaemon(directory);
const driver = await createFileVolumeDriver({ directory, daemon: daemon.daemon });
try {
  const operations = await measureOperations();
  const data = await measureData();
  console.log(JSON.stringify({ rounds, megabytes, ms: operations, ...data, daemon_rss_mb: rss() }, null, 2));
} finally {
  await driver[Symbol.asyncDispose]();
  await daemon[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
}

async function measureOperations(): Promise<Record<string, Summary>> {
  const times = new Map<string, number[]>();
  const time = async (name: string, act: () => Promise<unknown>): Promise<void> => {
    const start = performance.now();
    await act();
    times.set(name, [...(times.get(name) ?? []), performance.now() - start]);
  };
  for (let i = 0; i < rounds; i++) {
    const [volumeId, snapshotId, clone] = [randomUUID(), randomUUID(), randomUUID()];
    const attachment = { attachmentId: 'a', connector: CONNECTOR, mode: 'rw' } as const;
    await time('create', () => driver.createVolume(volumeId, 10, { kind: 'blank' }));
    await time('connect', () => driver.connect(volumeId, attachment));
    await time('snapshot of a connected volume', () => driver.createSnapshot(volumeId, snapshotId));
    await time('clone', () => driver.createVolume(clone, 10, { kind: 'snapshot', volumeId, snapshotId }));
    await time('grow a connected volume', () => driver.extendVolume(volumeId, 20));
    await time('disconnect', () => driver.disconnect(volumeId, 'a'));
    await time('delete snapshot', () => driver.deleteSnapshot(volumeId, snapshotId));
    await time('delete volume', () => driver.deleteVolume(volumeId));
    await driver.settled();
    await driver.deleteVolume(clone);
  }
  return Object.fromEntries([...times].map(([name, values]) => [name, summarize(values)]));
}

async function measureData(): Promise<Record<string, unknown>> {
  const volumeId = randomUUID();
  await driver.createVolume(volumeId, Math.ceil(megabytes / 1024) + 1, { kind: 'blank' });
  const chunk = Buffer.alloc(MIB, 'pattern!');
  const written = await rate(async () => {
    await using access = await driver.open({ volumeId }, 'rw');
    await inParallel(megabytes, (i) => access.write(i * MIB, chunk));
    await access.flush();
  });
  const read = await rate(async () => readAll(driver, volumeId));
  const info = await driver.connect(volumeId, { attachmentId: 'a', connector: CONNECTOR, mode: 'rw' });
  const path = info.driver_volume_type === 'nbd' ? info.data.socket_path! : ''; // the test daemon's socket
  await using guest = await NbdClient.connect({ address: { path }, exportName: `volume-${volumeId}-rw` });
  const byGuest = await rate(async () => inParallel(megabytes, (i) => guest.write(i * MIB, chunk)));
  const small: number[] = [];
  for (let i = 0; i < SMALL_WRITES; i++) {
    const start = performance.now();
    await guest.write(i * SMALL, chunk.subarray(0, SMALL));
    small.push(performance.now() - start);
  }
  const mbPerSecond = { 'service writes': written, 'service reads': read, 'guest writes': byGuest };
  return { mb_per_second: mbPerSecond, small_guest_write_ms: summarize(small) };
}

async function readAll(from: FileVolumeDriver, volumeId: string): Promise<void> {
  await using access = await from.open({ volumeId }, 'ro');
  await inParallel(megabytes, (i) => access.read(i * MIB, MIB));
}

/** As many at once as a client has requests under way. */
async function inParallel(count: number, act: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) await act(next++);
  };
  await Promise.all(Array.from({ length: 8 }, worker));
}

async function rate(act: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await act();
  return round((megabytes * 1000) / (performance.now() - start));
}

function rss(): number {
  const status = readFileSync(`/proc/${daemon.pid}/status`, 'utf8');
  return round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024);
}
