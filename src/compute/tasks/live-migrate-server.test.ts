// Live migrations between model hosts: the guest arrives and nothing of it stays, or all is as it was; each step repeats, and
// death of the process at any write of the record costs nothing. Where guests end with the process, the record says where the
// server is started again.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runSaga } from '#platform/saga/run-saga.ts';
import {
  assertStepsRepeat,
  assertSurvivesDeathAtEachWrite,
  assertUnwindsFromEachStep,
  type MemorySagaLog,
  type SagaTrial,
} from '#platform/saga/testing.ts';
import { serveMoveParts } from '../host/moves/parts.ts';
import { device } from '../host/testing/model-device.ts';
import {
  createHostBeside,
  createModelHost,
  SERVER_ID,
  type ModelHost,
  type ModelHostOptions,
} from '../host/testing/model-host.ts';
import { sagaRun } from '../host/saga-run.ts';
import { brief, different, worldOf } from '../host/testing/two-hosts.ts';
import type { ConnectedVolume, LiveMigrateMessage, MoveRef } from '../rpc.ts';
import type { MigrationRow } from '../server-migrations/tables.ts';
import { launchServer } from './launch-server.ts';
import {
  arriveSaga,
  forceCompleteMigration,
  liveMigrateServer,
  liveMigrationSaga,
  type ArriveOutputs,
  type GoingLive,
  type LiveOutputs,
} from './live-migrate-server.ts';

const UUID = '99999999-2222-4333-8444-555555555555';
const VOLUME = '66666666-2222-4333-8444-555555555555';
const REF: MoveRef = { action_id: 'move', instance_id: SERVER_ID, migration_uuid: UUID };
const MESSAGE: LiveMigrateMessage = {
  ...REF,
  destination: { host: 'host-2', node: 'host-2', zone: 'nova' },
  block_migration: null,
};

interface Moving extends AsyncDisposable {
  readonly one: ModelHost;
  readonly two: ModelHost;
  /** As the conductor tells it now. */
  going(): GoingLive;
  world(): Promise<string[]>;
  /** What the conductor was told of an end, the newest. */
  told(method: string): Record<string, unknown> | undefined;
}

/** A server with an encrypted volume that runs on host-1. */
async function moving(options: ModelHostOptions & { readonly paused?: true } = {}): Promise<Moving> {
  const devices = [
    device({ id: 'data', volume_id: VOLUME, attachment_id: 'reservation' }),
    device({ id: 'swap', source_type: 'blank', destination_type: 'local', guest_format: 'swap', volume_size: 1, device_name: '/dev/vdc' }),
  ]; // prettier-ignore
  const one = await createModelHost({ devices }, options);
  one.volumes.volumes.get(VOLUME)!.encrypted = true; // the device's
  const two = createHostBeside(one, 'host-2');
  for (const host of [one, two]) await serveMoveParts(host.deps);
  await launchServer(one.deps, { action_id: 'a', instance_id: SERVER_ID, attempt: 1, user_token: 't' });
  Object.assign(one.entry, { vm_state: 'active', power_state: 1, task_state: 'migrating' });
  if (options.paused) {
    await one.hypervisor.pauseServer(SERVER_ID);
    Object.assign(one.entry, { vm_state: 'paused', power_state: 3 });
  }
  const { flavor_json } = one.entry;
  const migration: MigrationRow = {
    id: 1, uuid: UUID, instance_id: SERVER_ID, project_id: 'project', user_id: 'user', migration_type: 'live-migration',
    status: 'preparing', source_compute: 'host-1', source_node: 'host-1', source_zone: 'nova', dest_compute: 'host-2', dest_node: 'host-2',
    dest_host: '127.0.0.1', dest_zone: 'nova', old_flavor_json: flavor_json, new_flavor_json: flavor_json, old_vm_state: one.entry.vm_state,
    disk_config: 'AUTO', forced: 0, memory_total: null, memory_processed: null, memory_remaining: null, disk_total: null,
    disk_processed: null, disk_remaining: null, created_at: '2026-01-01T00:00:00Z', updated_at: null,
  }; // prettier-ignore
  const going = (): GoingLive => ({
    kind: 'go',
    migration,
    from: { ...one.entry },
    to: { ...one.entry, host: 'host-2' },
    switched: one.entry.host === 'host-2',
  });
  Object.assign(one.answers, {
    prepareLiveMigration: going,
    switchHost: ({ volumes }: { volumes: readonly ConnectedVolume[] }) => {
      const now = new Map(volumes.map((volume) => [volume.id, volume]));
      Object.assign(one.entry, {
        host: 'host-2',
        devices: one.entry.devices.map((each) => ({ ...each, ...now.get(each.id) })),
      });
      return { cancelled: false };
    },
    reportMigration: () => undefined,
  });
  return {
    one,
    two,
    going,
    world: async () => worldOf(one, two),
    told: (method) =>
      one.told.findLast((each) => each.method === method)?.args as Record<string, unknown> | undefined,
    [Symbol.asyncDispose]: async () => one[Symbol.asyncDispose](),
  };
}

const ARRIVED = [
  'port on host-2',
  'volume attached host-2',
  'host-2 guest running',
  'host-2 tap',
  `host-2 ${SERVER_ID}: disk disk.config disk.swap 1 GiB`,
];

const migrating = async (): Promise<SagaTrial<MoveRef, LiveOutputs>> => {
  const here = await moving();
  const before = await here.world();
  return {
    saga: liveMigrationSaga(here.one.deps, here.going(), null),
    input: REF,
    leftovers: async () => different(before, await here.world()),
    assertDone: async () => {
      assert.equal(here.one.entry.host, 'host-2');
      assert.deepEqual(await guests(here), ['host-2 guest running']);
    },
    close: async () => here[Symbol.asyncDispose](),
  };
};

const guests = async (here: Moving): Promise<string[]> =>
  (await here.world()).filter((line) => line.includes('guest'));

test('a live migration unwinds from each step before the guest goes', async () => {
  await assertUnwindsFromEachStep(async () => {
    const trial = await migrating();
    return { ...trial, saga: { ...trial.saga, steps: trial.saga.steps.slice(0, -1) } };
  });
});

test('each step of a live migration may run twice', async () => assertStepsRepeat(migrating));

test('a live migration survives the death of its process at each write', async () =>
  assertSurvivesDeathAtEachWrite(migrating));

test('its unwinding survives the death of its process at each write', async () =>
  assertSurvivesDeathAtEachWrite(migrating, { failAt: 'guest.migrate' }));

const arriving = async (): Promise<SagaTrial<MoveRef, ArriveOutputs>> => {
  const here = await moving();
  const { one } = here;
  const before = here.going();
  await runSaga(liveMigrationSaga(one.deps, before, null), sagaRun(one.deps, REF, {}));
  return {
    saga: arriveSaga(one.deps, here.going()),
    input: REF,
    leftovers: async () => [], // it has no way back
    assertDone: async () => assert.deepEqual(brief(await here.world()), ARRIVED),
    close: async () => here[Symbol.asyncDispose](),
  };
};

test('each step after the switch may run twice', async () => assertStepsRepeat(arriving));

test('what is after the switch survives the death of its process at each write', async () =>
  assertSurvivesDeathAtEachWrite(arriving));

test('a server arrives whole, and nothing of it stays', async () => {
  await using here = await moving();
  await liveMigrateServer(here.one.deps, MESSAGE);
  assert.deepEqual(brief(await here.world()), ARRIVED);
  assert.ok(here.told('finishLiveMigration'));
  assert.equal(here.told('failMove'), undefined);
  const { progress } = here.told('reportMigration') as { progress: { memoryTotal: number } };
  assert.equal(progress.memoryTotal, 128 * 2 ** 20);
});

test('a paused server arrives paused', async () => {
  await using here = await moving({ paused: true });
  await liveMigrateServer(here.one.deps, MESSAGE);
  assert.deepEqual(await guests(here), ['host-2 guest paused']);
});

test('a migration that fails leaves all as it was, and says why', async () => {
  await using here = await moving({ migrates: () => ({ fails: 'the wire broke' }) });
  const before = await here.world();
  await liveMigrateServer(here.one.deps, MESSAGE);
  assert.deepEqual(await here.world(), before);
  const { message, lost } = here.told('failMove') as { message: string; lost: boolean };
  assert.match(message, /guest\.migrate.*the wire broke/);
  assert.equal(lost, false);
});

for (const [block_migration, words] of [[false, /does not share the disks/], [true, undefined]] as const)
  test(`disks in files with block_migration ${block_migration}`, async () => {
    await using here = await moving();
    const before = await here.world();
    await liveMigrateServer(here.one.deps, { ...MESSAGE, block_migration });
    if (!words) return assert.deepEqual(brief(await here.world()), ARRIVED);
    assert.match(String(here.told('failMove')?.['message']), words);
    assert.deepEqual(await here.world(), before);
  }); // prettier-ignore

test('shared root disks are not copied, and not on request either', async () => {
  await using here = await moving();
  for (const { deps } of [here.one, here.two]) Object.assign(deps.rootDisks, { shared: true });
  await liveMigrateServer(here.one.deps, { ...MESSAGE, block_migration: true });
  assert.match(String(here.told('failMove')?.['message']), /shared storage/);
});

test('a server comes to no host that others do not reach', async () => {
  await using here = await moving();
  Object.assign(here.two.hypervisor, { migrationAddress: () => undefined });
  await liveMigrateServer(here.one.deps, MESSAGE);
  assert.match(String(here.told('failMove')?.['message']), /host-2 can not be reached/);
  assert.deepEqual(await guests(here), ['host-1 guest running']);
});

test('one that never ends is called off, or ends when it is forced to', async () => {
  for (const forced of [false, true]) {
    await using here = await moving({ migrates: () => ({ neverConverges: true }) });
    const { deps } = here.one;
    const before = await here.world();
    const done = liveMigrateServer(deps, MESSAGE);
    while (!here.told('reportMigration')) await new Promise((resolve) => setTimeout(resolve, 5));
    if (forced) await forceCompleteMigration(deps, { action_id: 'force', instance_id: SERVER_ID });
    else deps.cancellations.cancel(SERVER_ID, 'move');
    await done;
    if (forced) {
      assert.deepEqual(brief(await here.world()), ARRIVED);
      assert.deepEqual(here.told('endAction'), { action_id: 'force', instance_id: SERVER_ID });
    } else assert.deepEqual(await here.world(), before);
  }
});

test('forcing what is over touches no guest', async () => {
  await using here = await moving();
  await forceCompleteMigration(here.one.deps, { action_id: 'force', instance_id: SERVER_ID });
  assert.match(String(here.told('endAction')?.['reason']), /is over/);
  assert.deepEqual(await guests(here), ['host-1 guest running']);
});

test('a server that is being deleted when it arrives goes there too', async () => {
  await using here = await moving();
  Object.assign(here.one.answers, {
    switchHost: () => {
      here.one.entry.task_state = 'deleting';
      return { cancelled: true };
    },
  });
  await liveMigrateServer(here.one.deps, MESSAGE);
  assert.deepEqual(await guests(here), []);
  assert.equal((await here.two.deps.hostSwitch.listPlugged()).length, 0);
});

test('a guest that ended with its process runs again where the record says that it is', async () => {
  for (const at of ['guest.migrate', 'leave']) {
    await using here = await moving();
    const { deps } = here.one;
    const log = deps.sagaLog as MemorySagaLog;
    let dead = false;
    const dying = Object.assign({}, deps, {
      inject: {
        before: async (hop: string) => {
          if (hop !== at) return;
          dead = true;
          log.dieAfter(0);
          throw new Error('killed');
        },
      },
    });
    await assert.rejects(liveMigrateServer(dying, MESSAGE));
    assert.ok(dead);
    for (const host of [here.one, here.two]) await host.hypervisor.destroyServer(SERVER_ID);
    log.revive();
    await liveMigrateServer(deps, MESSAGE);
    if (at === 'leave') assert.deepEqual(brief(await here.world()), ARRIVED);
    else assert.deepEqual(await guests(here), ['host-1 guest running']);
    assert.equal(here.told('failMove')?.['lost'], at === 'leave' ? undefined : false);
  }
});
