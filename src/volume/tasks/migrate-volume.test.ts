// The move of a volume between two backends: each step may fail, be repeated, and the process may die at each line of the
// record; whatever happens, the volume is on one side and nothing is left on the other.
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { startTestDaemon, whyNoStorageDaemon } from '#drivers/storage-daemon/testing/test-daemon.ts';
import { createFileVolumeDriver } from '#drivers/volume-file/driver.ts';
import { createMemoryVolumeDriver } from '#drivers/volume-memory/driver.ts';
import type { VolumeDriver } from '#drivers/volume/port.ts';
import { createInProcessBus } from '#platform/bus/in-process.ts';
import { systemClock } from '#platform/context/clock.ts';
import { silentLog } from '#platform/log/log.ts';
import {
  assertStepsRepeat,
  assertSurvivesDeathAtEachWrite,
  assertUnwindsFromEachStep,
  type SagaTrial,
} from '#platform/saga/testing.ts';
import type { BackendDeps } from '#volume/host/deps.ts';
import { startVolumeBackend } from '#volume/host/volume-service.ts';
import type { MigrateVolumeMessage } from '#volume/rpc.ts';
import { createVolumeService, type VolumeService } from '#volume/service.ts';
import { insertVolume } from '#volume/volumes/store.ts';
import { KeyedMutex } from '#platform/lock/keyed-mutex.ts';
import { migrateVolumeSaga, type MigrateOutputs } from './migrate-volume.ts';

const VOLUME = 'a0000000-0000-4000-8000-000000000001';
const DATA = Buffer.concat([Buffer.from('what the volume holds'), Buffer.alloc(300_000, 7)], 393_216);
const FAR = 700 * 2 ** 20;
const NOW = '2026-01-01T00:00:00.000Z';

const input: MigrateVolumeMessage = {
  operation_id: 'trial',
  volume_id: VOLUME,
  source: 'h@one',
  destination: 'g@two#two',
  new_type: null,
};

type Kind = (directory: string, undo: AsyncDisposableStack) => Promise<VolumeDriver>;

const memory: Kind = async (directory, undo) =>
  undo.use(await createMemoryVolumeDriver({ directory, totalGb: 10 }));

const file: Kind = async (directory, undo) => {
  await mkdir(directory);
  const { daemon } = undo.use(await startTestDaemon(directory));
  return undo.use(await createFileVolumeDriver({ directory, daemon }));
};

interface Stage {
  readonly trial: SagaTrial<MigrateVolumeMessage, MigrateOutputs>;
}

async function stage(from: Kind, to: Kind): Promise<Stage> {
  const undo = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), 'pvg-'));
  undo.defer(async () => rm(directory, { recursive: true, force: true }));
  const bus = undo.use(createInProcessBus());
  const service = undo.use(await volumeService(directory, bus));
  const source = await from(join(directory, 'a'), undo);
  const destination = await to(join(directory, 'b'), undo);
  await fill(service, source);
  undo.use(
    await startVolumeBackend(service.deps, {
      host: 'h',
      name: 'one',
      availabilityZone: 'nova',
      driver: source,
    }),
  );
  const deps = destinationOf(service, destination);
  const trial: Stage['trial'] = {
    saga: migrateVolumeSaga(deps),
    input,
    leftovers: async () => [
      ...(await destination.list()).map(({ volumeId }) => volumeId),
      ...(await isBusy(source)),
    ],
    assertDone: async () => {
      await using access = await destination.open({ volumeId: VOLUME }, 'ro');
      assert.ok((await access.read(0, DATA.length)).equals(DATA));
      assert.ok((await access.read(FAR, DATA.length)).equals(DATA));
      assert.ok((await access.read(2 ** 20, 2 ** 20)).equals(Buffer.alloc(2 ** 20)));
      assert.deepEqual(await isBusy(source), [], 'it is not exported any more');
    },
    close: async () => undo.disposeAsync(),
  };
  return { trial };
}

/** Opening for writing is refused while it is connected. */
async function isBusy(source: VolumeDriver): Promise<string[]> {
  try {
    await using _ = await source.open({ volumeId: VOLUME }, 'rw');
    return [];
  } catch {
    return ['export'];
  }
}

async function volumeService(
  directory: string,
  bus: ReturnType<typeof createInProcessBus>,
): Promise<VolumeService> {
  return createVolumeService({
    log: silentLog,
    clock: systemClock,
    bus,
    databaseUrl: 'sqlite::memory:',
    dataDir: directory,
    policyOverrides: {},
    peer: () => ({ send: async () => Promise.reject(new Error('no peers here')) }),
    serviceToken: async () => 'service',
    region: 'RegionOne',
  });
}

function destinationOf({ deps }: VolumeService, driver: VolumeDriver): BackendDeps {
  return {
    ...deps,
    host: 'g@two',
    pool: 'two',
    availabilityZone: 'nova',
    driver,
    volumeLocks: new KeyedMutex(),
    cluster: null,
    inHand: new Set(),
    connectionLock: new KeyedMutex(),
    signal: new AbortController().signal,
  };
}

/** The volume with its data, and the operation that moves it. */
async function fill({ deps: { db } }: VolumeService, source: VolumeDriver): Promise<void> {
  await source.createVolume(VOLUME, 1, { kind: 'blank' });
  {
    await using access = await source.open({ volumeId: VOLUME }, 'rw');
    await access.write(0, DATA);
    await access.write(FAR, DATA);
    await access.flush();
  }
  await insertVolume(
    db.kysely,
    {
      id: VOLUME,
      project_id: 'p',
      user_id: 'u',
      name: null,
      description: null,
      size: 1,
      lifecycle: 'maintenance',
      fault: null,
      forced_status: null,
      volume_type_id: null,
      availability_zone: 'nova',
      host: 'h@one#one',
      bootable: 0,
      multiattach: 0,
      encrypted: 0,
      readonly: 0,
      snapshot_id: null,
      source_volid: null,
      image_id: null,
      backup_id: null,
      scheduler_hints_json: '{}',
      bytes_copied: null,
      placement_json: null,
      migration_status: 'migrating',
      created_at: NOW,
      updated_at: null,
      launched_at: null,
    },
    {},
    {},
  );
  await db.kysely
    .insertInto('operations')
    .values({
      id: 'trial',
      resource_type: 'volume',
      resource_id: VOLUME,
      operation: 'migrate',
      request_id: 'r',
      user_id: 'u',
      project_id: 'p',
      state: 'running',
      host: 'g@two',
      attempt: 1,
      deadline_at: '2999-01-01T00:00:00.000Z',
      cancelled: 0,
      message: null,
      started_at: NOW,
      finished_at: null,
    })
    .execute();
}

const pairs: ReadonlyArray<readonly [string, Kind, Kind, string | undefined]> = [
  ['from a model to a model', memory, memory, undefined],
  ['from a model to files', memory, file, whyNoStorageDaemon()],
  ['from files to files', file, file, whyNoStorageDaemon()],
];

for (const [name, from, to, skip] of pairs)
  test(`a volume moves ${name} with its bytes, or not at all`, { skip: skip ?? false }, async () => {
    const make = async () => (await stage(from, to)).trial;
    await assertUnwindsFromEachStep(make);
    await assertStepsRepeat(make);
    await assertSurvivesDeathAtEachWrite(make);
    await assertSurvivesDeathAtEachWrite(make, { failAt: 'volume.copy' });
  });
