// The operations of a backend: each step may fail, be repeated, and the process may die at each line of the record.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { openLuks } from '#drivers/volume-luks/volume.ts';
import { createMemoryVolumeDriver } from '#drivers/volume-memory/driver.ts';
import { createInProcessBus } from '#platform/bus/in-process.ts';
import type { Image, ImageClient } from '#platform/clients/image.ts';
import { systemClock } from '#platform/context/clock.ts';
import { DomainError } from '#platform/errors/domain-error.ts';
import { KeyedMutex } from '#platform/lock/keyed-mutex.ts';
import { silentLog } from '#platform/log/log.ts';
import { runSaga } from '#platform/saga/run-saga.ts';
import type { Saga } from '#platform/saga/saga.ts';
import {
  assertStepsRepeat,
  assertSurvivesDeathAtEachWrite,
  assertUnwindsFromEachStep,
  MemorySagaLog,
  type SagaTrial,
} from '#platform/saga/testing.ts';
import { DEFAULT_VOLUME_CONFIG } from '#volume/config.ts';
import type { BackendDeps } from '#volume/host/deps.ts';
import { openContent } from '#volume/host/encryption.ts';
import { newKeyFor, passphraseIn } from '#volume/keys/keys.ts';
import { findNextKey, insertKey, setNextKey } from '#volume/keys/store.ts';
import { insertEncryption } from '#volume/types/encryption/store.ts';
import { reencryptVolumeSaga } from './reencrypt-volume.ts';
import { openVolumeDatabase } from '#volume/service.ts';
import { listOfVolume } from '#volume/snapshots/store.ts';
import type { VolumeRow } from '#volume/tables.ts';
import { insertVolume } from '#volume/volumes/store.ts';
import { createVolumeSaga } from './create-volume.ts';
import { deleteVolumeSaga } from './delete-volume.ts';
import { extendVolumeSaga } from './extend-volume.ts';
import { createSnapshotSaga, deleteSnapshotSaga } from './snapshots.ts';
import { uploadVolumeSaga } from './upload-volume.ts';

const VOLUME = 'a0000000-0000-4000-8000-000000000001';
const SNAPSHOT = 'a0000000-0000-4000-8000-000000000002';
const IMAGE = 'a0000000-0000-4000-8000-000000000003';
const DATA = Buffer.concat([
  Buffer.alloc(70_000),
  Buffer.from('what the image holds'),
  Buffer.alloc(3000, 7),
]);

const row: VolumeRow = {
  id: VOLUME,
  project_id: 'p',
  user_id: 'u',
  name: null,
  description: null,
  size: 1,
  lifecycle: 'creating',
  fault: null,
  forced_status: null,
  volume_type_id: null,
  availability_zone: 'nova',
  host: 'h@file#file',
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
  migration_status: null,
  created_at: '2026-01-01T00:00:00.000Z',
  updated_at: null,
  launched_at: null,
};

interface Stage extends AsyncDisposable {
  readonly deps: BackendDeps;
  /** Images that the peer holds, by id, with their data once it is there. */
  readonly images: Map<string, Buffer | undefined>;
}

async function stage(volume: Partial<VolumeRow> = {}): Promise<Stage> {
  const directory = await mkdtemp(join(tmpdir(), 'pileus-tasks-'));
  const db = await openVolumeDatabase('sqlite::memory:');
  const driver = await createMemoryVolumeDriver({ directory, totalGb: 10 });
  const bus = createInProcessBus();
  const images = new Map<string, Buffer | undefined>([[IMAGE, DATA]]);
  await insertVolume(db.kysely, { ...row, ...volume }, {}, {});
  const deps: BackendDeps = {
    config: DEFAULT_VOLUME_CONFIG,
    clock: systemClock,
    log: silentLog,
    bus,
    db,
    image: imagesIn(images),
    peer: () => ({ send: async () => Promise.reject(new Error('no peers here')) }),
    serviceToken: async () => 'service',
    dataDir: directory,
    host: 'h@file',
    pool: 'file',
    availabilityZone: 'nova',
    driver,
    volumeLocks: new KeyedMutex(),
    cluster: null,
    inHand: new Set(),
    connectionLock: new KeyedMutex(),
    signal: new AbortController().signal,
  };
  return {
    deps,
    images,
    [Symbol.asyncDispose]: async () => {
      await driver[Symbol.asyncDispose]();
      await bus[Symbol.asyncDispose]();
      await db[Symbol.asyncDispose]();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** An image service in memory: what the tasks ask of the real one. */
function imagesIn(images: Map<string, Buffer | undefined>): ImageClient {
  const show = (id: string): Image | undefined => {
    if (!images.has(id)) return undefined;
    const data = images.get(id);
    return {
      id,
      name: 'image',
      status: data ? 'active' : 'queued',
      visibility: 'private',
      owner: 'p',
      min_disk: 0,
      min_ram: 0,
      size: data?.length ?? null,
      virtual_size: null,
      disk_format: 'raw',
      container_format: 'bare',
      os_hash_algo: data ? 'sha512' : null,
      os_hash_value: data ? createHash('sha512').update(data).digest('hex') : null,
    };
  };
  const unused = async (): Promise<never> => Promise.reject(new Error('not asked for here'));
  return {
    findImage: async (_token, id) => show(id),
    locateImage: async (_token, id) => show(id),
    getImageLocations: async () => [],
    createImage: unused,
    updateProperties: unused,
    listImages: unused,
    deleteImage: async (_token, id) => void images.delete(id),
    openData: async (_token, id) => {
      const data = images.get(id);
      if (!data) throw new DomainError('not-found', 'image-404', 'no data');
      return Readable.from([data]);
    },
    uploadData: async (_token, id, stream) => {
      const kept: Buffer[] = []; // the rest is zeros
      for await (const chunk of stream) if (kept.length < 4) kept.push(chunk as Buffer);
      images.set(id, Buffer.concat(kept).subarray(0, DATA.length));
    },
  };
}

const ref = { operation_id: 'trial', volume_id: VOLUME };

async function held({ deps }: Stage): Promise<string[]> {
  const stored = await deps.driver.list();
  return stored.flatMap((each) => [each.volumeId, ...each.snapshotIds]);
}

async function assertWithstands<I, O>(
  make: () => Promise<SagaTrial<I, O>>,
  failAt?: keyof O & string,
): Promise<void> {
  await assertUnwindsFromEachStep(make);
  await assertStepsRepeat(make);
  await assertSurvivesDeathAtEachWrite(make);
  if (failAt !== undefined) await assertSurvivesDeathAtEachWrite(make, { failAt });
}

async function trialOf<I, O>(
  at: Stage,
  saga: (deps: BackendDeps) => Saga<I, O>,
  input: I,
  more: Pick<SagaTrial<I, O>, 'leftovers' | 'assertDone'>,
): Promise<SagaTrial<I, O>> {
  return { saga: saga(at.deps), input, ...more, close: async () => at[Symbol.asyncDispose]() };
}

test('a volume from an image is there with its bytes, or not at all', async () => {
  const make = async () => {
    const at = await stage({ image_id: IMAGE });
    return trialOf(
      at,
      createVolumeSaga,
      { ...ref, attempt: 1, user_token: 'token' },
      {
        leftovers: async () => held(at),
        assertDone: async () => {
          await using access = await at.deps.driver.open({ volumeId: VOLUME }, 'ro');
          assert.ok((await access.read(0, DATA.length)).equals(DATA));
        },
      },
    );
  };
  await assertWithstands(make, 'volume.load');
});

test('an image that is not what it says ends in a refusal, and nothing is left', async () => {
  await using at = await stage({ image_id: IMAGE });
  const lying = {
    ...at.deps,
    image: { ...at.deps.image, openData: async () => Readable.from([Buffer.alloc(DATA.length)]) },
  };
  const outcome = await runSaga(createVolumeSaga(lying), {
    sagaId: 'trial',
    attempt: 1,
    input: { ...ref, attempt: 1, user_token: 'token' },
    actor: 'test',
    log: new MemorySagaLog(),
    clock: systemClock,
    signal: new AbortController().signal,
  });
  assert.equal(outcome.kind, 'undone');
  assert.match(outcome.kind === 'undone' ? String(outcome.cause) : '', /its checksum is wrong/);
  assert.deepEqual(await held(at), []);
});

test('a snapshot is taken or not', async () => {
  const make = async () => {
    const at = await stage();
    await at.deps.driver.createVolume(VOLUME, 1, { kind: 'blank' });
    return trialOf(
      at,
      createSnapshotSaga,
      { ...ref, snapshot_id: SNAPSHOT },
      {
        leftovers: async () => (await held(at)).filter((id) => id !== VOLUME),
        assertDone: async () => assert.deepEqual(await held(at), [VOLUME, SNAPSHOT]),
      },
    );
  };
  await assertWithstands(make);
});

test('a deletion can be repeated until it is done', async () => {
  const make = async () => {
    const at = await stage({ lifecycle: 'deleting' });
    await at.deps.driver.createVolume(VOLUME, 1, { kind: 'blank' });
    await at.deps.driver.createSnapshot(VOLUME, SNAPSHOT);
    return trialOf(at, deleteVolumeSaga, ref, {
      leftovers: async () => [], // what is deleted is not brought back
      assertDone: async () => assert.deepEqual(await held(at), []),
    });
  };
  await assertWithstands(make);
  await assertWithstands(async () => {
    const at = await stage();
    await at.deps.driver.createVolume(VOLUME, 1, { kind: 'blank' });
    await at.deps.driver.createSnapshot(VOLUME, SNAPSHOT);
    return trialOf(
      at,
      deleteSnapshotSaga,
      { ...ref, snapshot_id: SNAPSHOT },
      {
        leftovers: async () => [],
        assertDone: async () => assert.deepEqual(await held(at), [VOLUME]),
      },
    );
  });
});

test('an extension can be repeated until it is done', async () => {
  await assertWithstands(async () => {
    const at = await stage({ lifecycle: 'extending', size: 2 });
    await at.deps.driver.createVolume(VOLUME, 1, { kind: 'blank' });
    return trialOf(
      at,
      extendVolumeSaga,
      { ...ref, new_size: 2, old_size: 1 },
      {
        leftovers: async () => [],
        assertDone: async () => assert.equal((await at.deps.driver.list())[0]?.sizeGb, 2),
      },
    );
  });
});

for (const inUse of [false, true]) {
  test(`an upload of a volume ${inUse ? 'in use' : 'that nobody uses'} leaves an image or nothing`, async () => {
    const make = async () => {
      const at = await stage({ lifecycle: 'uploading' });
      const { driver, db } = at.deps;
      await driver.createVolume(VOLUME, 1, { kind: 'blank' });
      {
        await using access = await driver.open({ volumeId: VOLUME }, 'rw');
        await access.write(0, Buffer.concat([DATA], Math.ceil(DATA.length / 512) * 512));
      }
      if (inUse)
        await db.kysely
          .insertInto('attachments')
          .values({
            id: crypto.randomUUID(),
            volume_id: VOLUME,
            project_id: 'p',
            instance_id: 'i',
            status: 'attached',
            mode: 'rw',
            connector_json: null,
            connection_json: null,
            mountpoint: null,
            attached_host: null,
            attached_at: null,
            created_at: row.created_at,
            updated_at: null,
          })
          .execute();
      at.images.set('new', undefined);
      const input = { ...ref, image_id: 'new', disk_format: 'raw', user_token: 'token' };
      return trialOf(at, uploadVolumeSaga, input, {
        leftovers: async () => [
          ...(await held(at)).filter((id) => id !== VOLUME),
          ...(await listOfVolume(db.kysely, VOLUME)).map(({ id }) => id),
          ...(at.images.has('new') ? ['image'] : []),
        ],
        assertDone: async () => {
          assert.ok(at.images.get('new')?.equals(DATA));
          assert.deepEqual(await held(at), [VOLUME], 'what was taken for the upload is gone');
        },
      });
    };
    await assertWithstands(make, 'volume.upload');
  });
}

const TYPE = '00000000-0000-4000-8000-0000000000e1';

/** A type with encryption, and a key for the volume, or for what it is to become. */
async function withKey(at: Stage, next: boolean): Promise<Stage> {
  const { deps } = at;
  await insertEncryption(deps.db.kysely, {
    volume_type_id: TYPE,
    id: 'e',
    provider: 'luks',
    cipher: null,
    key_size: null,
    control_location: 'front-end',
    created_at: row.created_at,
    updated_at: null,
  });
  const key = await newKeyFor(deps, VOLUME);
  if (next) await setNextKey(deps.db.kysely, VOLUME, key);
  else await insertKey(deps.db.kysely, key);
  return at;
}

test('an encrypted volume from an image is there with its bytes, or not at all', async () => {
  const make = async () => {
    const at = await withKey(await stage({ image_id: IMAGE, encrypted: 1, volume_type_id: TYPE }), false);
    const input = { ...ref, attempt: 1, user_token: 'token' };
    return trialOf(at, createVolumeSaga, input, {
      leftovers: async () => held(at),
      assertDone: async () => {
        await using content = await openContent(at.deps, { id: VOLUME, encrypted: 1 }, 'ro');
        assert.ok((await content.read(0, 128 * 1024)).subarray(0, DATA.length).equals(DATA));
      },
    });
  };
  await assertWithstands(make, 'volume.load');
});

test('the copy of a volume that is encrypted anew is whole, or gone', async () => {
  const make = async () => {
    const at = await withKey(await stage({ lifecycle: 'retyping' }), true);
    const { deps } = at;
    await deps.driver.createVolume(VOLUME, 1, { kind: 'blank' });
    {
      await using access = await deps.driver.open({ volumeId: VOLUME }, 'rw');
      await access.write(0, DATA);
    }
    const new_type = { id: TYPE, multiattach: false, encryption: 'luks' as const };
    return trialOf(
      at,
      reencryptVolumeSaga,
      { ...ref, new_type },
      {
        leftovers: async () => (await held(at)).filter((id) => id !== VOLUME),
        assertDone: async () => {
          const key = await findNextKey(deps.db.kysely, VOLUME);
          const access = await deps.driver.open({ volumeId: ref.operation_id }, 'ro');
          await using content = await openLuks(access, await passphraseIn(deps, key!));
          const block = 65_536; // the model leaves the holes of the source holes
          const found = await content.read(block, block);
          assert.ok(found.subarray(0, DATA.length - block).equals(DATA.subarray(block)));
        },
      },
    );
  };
  await assertWithstands(make, 'volume.copy');
});
