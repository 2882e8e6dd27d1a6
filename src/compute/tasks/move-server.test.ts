// Moves between model hosts and on one: they arrive, they unwind from every step to exactly what was, every step repeats,
// death at any write of the record costs nothing; and the same for taking a move back.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  assertStepsRepeat,
  assertSurvivesDeathAtEachWrite,
  assertUnwindsFromEachStep,
  type SagaTrial,
} from '#platform/saga/testing.ts';
import type { HostDeps } from '../host/deps.ts';
import { HostError } from '../host/errors.ts';
import { serveMoveParts } from '../host/moves/parts.ts';
import { device } from '../host/testing/model-device.ts';
import { createHostBeside, createModelHost, SERVER_ID, type ModelHost } from '../host/testing/model-host.ts';
import { brief, different, worldOf } from '../host/testing/two-hosts.ts';
import type { ConductorRpc, InstanceEntry, MoveMessage, MoveRef } from '../rpc.ts';
import type { FlavorSnapshot } from '../tables.ts';
import type { MigrationRow } from '../server-migrations/tables.ts';
import { launchServer } from './launch-server.ts';
import { dropMoved, moveServer, moveServerSaga, type Going, type MoveOutputs } from './move-server.ts';
import { revertMoveSaga, type RevertOutputs } from './revert-move.ts';

const UUID = '99999999-2222-4333-8444-555555555555';
const REF: MoveRef = { action_id: 'move', instance_id: SERVER_ID, migration_uuid: UUID };
const VOLUME = '66666666-2222-4333-8444-555555555555';

const TRIED = { attempt: 1, exclude: [], requested_host: null };
const message = (host: string): MoveMessage => ({
  ...REF,
  destination: { host, node: host, zone: 'nova' },
  tried: TRIED,
});

interface Kind {
  readonly to: 'host-1' | 'host-2';
  readonly stopped?: true;
  readonly volume?: true;
  readonly flavor?: Partial<FlavorSnapshot>;
}

interface Moving extends AsyncDisposable {
  readonly one: ModelHost;
  readonly two: ModelHost;
  readonly move: Going;
  /** Everything that a move may change, as it is now. */
  world(): Promise<string[]>;
}

/** A server that is on host-1, in the state that it is to be moved from. */
async function moving({ to, stopped, volume, flavor = { disk: 2 } }: Kind): Promise<Moving> {
  const one = await createModelHost(
    volume ? { devices: [device({ id: 'data', volume_id: VOLUME, attachment_id: 'reservation' })] } : {},
  );
  const two = createHostBeside(one, 'host-2');
  for (const host of [one, two]) await serveMoveParts(host.deps);
  await launchServer(one.deps, { action_id: 'a', instance_id: SERVER_ID, attempt: 1, user_token: 't' });
  Object.assign(one.entry, { vm_state: stopped ? 'stopped' : 'active', power_state: stopped ? 4 : 1 });
  if (stopped) {
    await one.hypervisor.destroyServer(SERVER_ID);
    for (const port of await one.deps.hostSwitch.listPlugged())
      await one.deps.hostSwitch.unplug(port.devname);
  }
  const old_flavor_json = one.entry.flavor_json;
  const new_flavor_json = JSON.stringify({ ...(JSON.parse(old_flavor_json) as FlavorSnapshot), ...flavor });
  const migration: MigrationRow = {
    id: 1, uuid: UUID, instance_id: SERVER_ID, project_id: 'project', user_id: 'user', migration_type: 'resize',
    status: 'pre-migrating', source_compute: 'host-1', source_node: 'host-1', source_zone: 'nova', dest_compute: to, dest_node: to,
    dest_host: '127.0.0.1', dest_zone: 'nova', old_flavor_json, new_flavor_json, old_vm_state: one.entry.vm_state, disk_config: 'AUTO',
    forced: 0, memory_total: null, memory_processed: null, memory_remaining: null, disk_total: null, disk_processed: null,
    disk_remaining: null, created_at: '2026-01-01T00:00:00Z', updated_at: null,
  }; // prettier-ignore
  const from: InstanceEntry = { ...one.entry };
  const move: Going = {
    kind: 'go',
    migration,
    from,
    to: { ...from, host: to, flavor_json: new_flavor_json },
  };
  Object.assign(one.answers, {
    prepareMove: () => move,
    finishMove: () => ({ cancelled: false }),
    finishRevert: () => ({ cancelled: false }),
    listOpenMoves: () => [],
  });
  return {
    one,
    two,
    move,
    world: async () => worldOf(one, two),
    [Symbol.asyncDispose]: async () => one[Symbol.asyncDispose](),
  };
}

const KINDS: Readonly<Record<string, Kind>> = {
  'to another host': { to: 'host-2', volume: true },
  'on its host': { to: 'host-1' },
  'of a server that is off': { to: 'host-2', stopped: true },
};

const kept = `host-1 ${SERVER_ID}.${UUID}: disk disk.config 1 GiB`;
const ARRIVED: Readonly<Record<string, readonly string[]>> = {
  'to another host': [
    'port on host-2',
    'volume attached host-2',
    kept,
    'host-2 guest running',
    'host-2 tap',
    `host-2 ${SERVER_ID}: disk disk.config 2 GiB`,
  ],
  'on its host': [
    'port on host-1',
    'host-1 guest running',
    'host-1 tap',
    `host-1 ${SERVER_ID}: disk disk.config 2 GiB`,
    kept,
  ],
  'of a server that is off': ['port on host-2', kept, `host-2 ${SERVER_ID}: disk disk.config 2 GiB`],
};

for (const [name, kind] of Object.entries(KINDS)) {
  const trial = async (): Promise<SagaTrial<MoveRef, MoveOutputs>> => {
    const here = await moving(kind);
    const before = await here.world();
    return {
      saga: moveServerSaga(here.one.deps, here.move),
      input: REF,
      leftovers: async () => different(before, await here.world()),
      assertDone: async () => assert.deepEqual(brief(await here.world()), ARRIVED[name]),
      close: async () => here[Symbol.asyncDispose](),
    };
  };
  test(`a move ${name} unwinds from each step to what was`, async () => assertUnwindsFromEachStep(trial));
  test(`each step of a move ${name} may run twice`, async () => assertStepsRepeat(trial));
  const revert = async (): Promise<SagaTrial<MoveRef, RevertOutputs>> => {
    const here = await moving(kind);
    const original = brief(await here.world());
    await moveServer(here.one.deps, message(kind.to));
    const host = kind.to === 'host-1' ? here.one : here.two;
    const { from, to, migration } = here.move;
    const moved = { ...to, devices: here.one.entry.devices, power_state: kind.stopped ? 4 : 1 };
    const before = await here.world();
    return {
      saga: revertMoveSaga(host.deps, { kind: 'go', migration, from: moved, to: from }),
      input: { ...REF, action_id: 'revert' },
      leftovers: async () => different(before, await here.world()),
      assertDone: async () => {
        here.one.entry.host = 'host-1';
        for (const _ of [1, 2]) await dropMoved(host.deps, { instance_id: SERVER_ID, migration_uuid: UUID });
        assert.deepEqual(brief(await here.world()), original);
      },
      close: async () => here[Symbol.asyncDispose](),
    };
  };
  test(`taking back a move ${name} unwinds from each step`, async () => assertUnwindsFromEachStep(revert));
  test(`each step of taking back a move ${name} may run twice`, async () => assertStepsRepeat(revert));
  if (kind.stopped) continue; // it dies as one that runs does, with less to lose
  test(`a move ${name} survives the death of its process at each write`, async () =>
    assertSurvivesDeathAtEachWrite(trial));
  test(`the unwinding of a move ${name} survives the death of its process at each write`, async () =>
    assertSurvivesDeathAtEachWrite(trial, { failAt: 'finish' }));

  test(`taking back a move ${name} survives the death of its process at each write`, async () =>
    assertSurvivesDeathAtEachWrite(revert));
}

const failureOf = ({ one }: Moving) =>
  one.told.find(({ method }) => method === 'failMove')?.args as Parameters<ConductorRpc['failMove']>[0];

test('what fails at the destination may go elsewhere, and what fails where it comes from may not', async () => {
  for (const [step, again] of [
    ['spawn', true],
    ['disk.carry', true],
    ['guest.stop', false],
  ] as const) {
    await using here = await moving({ to: 'host-2' });
    const before = brief(await here.world());
    const inject: HostDeps['inject'] = {
      before: async (name) => {
        if (name === step) throw new HostError('unavailable', 'odd', 'it is broken', { retriable: true });
      },
    };
    await moveServer({ ...here.one.deps, inject }, message('host-2'));
    const { message: words, lost, retry } = failureOf(here);
    assert.equal(words, `Failed at ${step}: it is broken`);
    const next = { on: 'host-1', method: 'moveServer', args: REF };
    assert.deepEqual([lost, retry], [false, again ? { tried: TRIED, next } : undefined]);
    assert.deepEqual(brief(await here.world()), before);
  }
});

test('a destination that went away and could not clean up is to do so later, and the server runs on', async () => {
  await using here = await moving({ to: 'host-2' });
  const { rootDisks } = here.two.deps;
  const away = async (): Promise<never> => {
    throw new HostError('unavailable', 'odd', 'it is away', { retriable: true });
  };
  Object.assign(here.two.deps, { rootDisks: { ...rootDisks, grow: away } });
  here.two.deps.hypervisor.destroyServer = away;
  Object.assign(here.two.deps.config, { dataDir: '/dev/null/none' }); // nothing can be removed there
  await moveServer(here.one.deps, message('host-2'));
  const { lost, left_behind, retry } = failureOf(here);
  assert.deepEqual([lost, left_behind, retry?.tried], [false, 'host-2', TRIED]);
  assert.equal((await here.one.hypervisor.serverState(SERVER_ID)).state, 'running');
});

test('a disk does not get smaller: the server goes on as it was, and its owner reads why', async () => {
  await using here = await moving({ to: 'host-2', flavor: { disk: 0 } });
  const before = brief(await here.world());
  await moveServer(here.one.deps, message('host-2'));
  const failed = failureOf(here);
  assert.match(failed.message, /Unable to resize disk down/);
  assert.deepEqual([failed.lost, failed.retry], [false, undefined]);
  assert.deepEqual(brief(await here.world()), before);
});

test('what a confirmed move kept goes, and nothing else', async () => {
  await using here = await moving({ to: 'host-2' });
  await moveServer(here.one.deps, message('host-2'));
  here.one.entry.host = 'host-2';
  for (const _ of [1, 2])
    for (const host of [here.one, here.two])
      await dropMoved(host.deps, { instance_id: SERVER_ID, migration_uuid: UUID });
  assert.deepEqual(await here.world(), [
    'port on host-2',
    'host-2 guest running',
    'host-2 tap',
    `host-2 ${SERVER_ID}: disk disk.config 2 GiB`,
  ]);
});

test('what a move has left is cleaned up late, and leaves another move alone that comes here meanwhile', async () => {
  await using here = await moving({ to: 'host-2' });
  const other = '88888888-2222-4333-8444-555555555555';
  here.one.entry.host = 'elsewhere';
  Object.assign(here.one.answers, {
    listOpenMoves: () => [{ instance_id: SERVER_ID, migration_uuid: other }],
  });
  const before = await here.world();
  await dropMoved(here.one.deps, { instance_id: SERVER_ID, migration_uuid: UUID });
  assert.deepEqual(await here.world(), before);
});

test('the disk that arrives holds what was on the one that left', async () => {
  await using here = await moving({ to: 'host-2' });
  await moveServer(here.one.deps, message('host-2'));
  const disk = await readFile(join(here.two.deps.config.dataDir, 'instances', SERVER_ID, 'disk'));
  assert.ok(disk.includes('imageimage'), 'the image below it is carried too');
});
