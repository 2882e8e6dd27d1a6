// Resizes and cold migrations: the server goes off where it is, its disks are kept there and carried to its destination, it
// runs there with its new flavor, and waits to be confirmed. The host that it leaves runs this; the destination, which may be
// the same host, does its parts when asked.
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { causeChain } from '#platform/errors/domain-error.ts';
import { runSaga } from '#platform/saga/run-saga.ts';
import type { AnyStep, Saga, Step } from '#platform/saga/saga.ts';
import type { HostDeps } from '../host/deps.ts';
import { sagaRun } from '../host/saga-run.ts';
import { HostError, isRetriable } from '../host/errors.ts';
import { bootsFromVolume } from '../host/guest-spec.ts';
import { removeKept } from '../host/moves/kept.ts';
import { askPart, finishStep, partStep, rebindPorts, startSteps, type Done } from '../host/moves/steps.ts';
import { removeFromHost } from '../host/moves/remove-from-host.ts';
import { movePaths } from '../host/paths.ts';
import { reasonOf, triesOf } from '../host/run-operation.ts';
import type { MovePartArgs } from '../move-parts-rpc.ts';
import type { DestinationMessage, MoveMessage, MoveRef, PreparedMove, Tried } from '../rpc.ts';
import type { FlavorSnapshot } from '../tables.ts';

export type Going = Extract<PreparedMove, { kind: 'go' }>;

export type MoveOutputs = {
  readonly prepare: Done;
  readonly 'guest.stop': Done;
  readonly 'volume.release': Done;
  readonly 'disk.keep': Done;
  readonly 'disk.carry': Done;
  readonly 'disk.prepare': Done;
  readonly 'network.move': Done;
  readonly 'network.plug': Done;
  readonly 'volume.connect': Done;
  readonly spawn: Done;
  readonly 'network.bind': Done;
  readonly activate: Done;
  readonly finish: Done;
};

const CARRY_DEADLINE_MS = 1_800_000;
const SHORT_MS = 60_000;

export function moveServerSaga(deps: HostDeps, move: Going): Saga<MoveRef, MoveOutputs> {
  const { migration, from, to } = move;
  const [source, destination] = [migration.source_compute, migration.dest_compute ?? ''];
  const run = migration.old_vm_state === 'active';
  const same_host = source === destination;
  const there: Omit<MovePartArgs, keyof MoveRef> = { entry: to, run, graceful: true, same_host };
  const here = { ...there, entry: from };
  const graceMs = deps.config.shutdownGraceMs;
  const startMs = deps.config.spawnDeadlineMs;
  const leave = { host: source, args: here };
  const arrive = { host: destination, args: there };
  const steps: ReadonlyArray<AnyStep<MoveRef, MoveOutputs>> = [
    prepare(move),
    partStep(deps, { name: 'guest.stop', needs: ['prepare'], ...leave, deadlineMs: graceMs + startMs }),
    partStep(deps, { name: 'volume.release', needs: ['guest.stop'], ...leave, deadlineMs: SHORT_MS }),
    partStep(deps, { name: 'disk.keep', needs: ['volume.release'], ...leave, deadlineMs: SHORT_MS }),
    carryDisks(deps, move, arrive),
    partStep(deps, { name: 'disk.prepare', needs: ['disk.carry'], ...arrive, deadlineMs: SHORT_MS }),
    rebindPorts(deps, { name: 'network.move', needs: ['disk.prepare'], from: source, to: destination }, from),
    partStep(deps, { name: 'volume.connect', needs: ['network.move'], ...arrive, deadlineMs: SHORT_MS }),
    ...(run ? startSteps<MoveOutputs>(deps, arrive, to) : []),
    finishStep<MoveOutputs>(deps, {
      method: 'finishMove',
      needs: run ? ['activate'] : ['volume.connect'],
      run,
    }),
  ];
  return { name: 'move-server', steps: steps.map((step) => injectable(deps, from.name, step)) };
}

/** Says what is about to be done, and refuses what no host can do: a disk that gets smaller. */
function prepare({ migration, from, to }: Going): Step<MoveRef, MoveOutputs, 'prepare'> {
  return {
    name: 'prepare',
    needs: [],
    deadlineMs: 30_000,
    do: async ({ evidence }) => {
      const [old, wanted] = [from, to].map((entry) => JSON.parse(entry.flavor_json) as FlavorSnapshot) as [
        FlavorSnapshot,
        FlavorSnapshot,
      ];
      evidence({
        migration_id: migration.id,
        from: { host: migration.source_compute, flavor: old.name },
        to: { host: migration.dest_compute, flavor: wanted.name },
      });
      const shrinks =
        (!bootsFromVolume(from) && wanted.disk < old.disk) || wanted.ephemeral < ephemeralOf(from);
      if (shrinks)
        throw new HostError('conflict', 'disk-shrinks', 'Resize error: Unable to resize disk down.', {
          retriable: false,
        });
      return { done: true };
    },
    // Nothing to undo: it only reads.
  };
}

const ephemeralOf = (entry: Going['from']): number =>
  entry.devices
    .filter(
      (each) =>
        each.destination_type === 'local' && each.source_type === 'blank' && each.guest_format !== 'swap',
    )
    .reduce((sum, each) => sum + (each.volume_size ?? 0), 0);

/** Swap is not carried: nobody reads what an earlier boot has written there. */
const CARRIED = /^disk(\.eph\.[a-z]+)?$/;

function carryDisks(
  deps: HostDeps,
  { migration, from, to }: Going,
  arrive: { readonly host: string; readonly args: Omit<MovePartArgs, keyof MoveRef> },
): Step<MoveRef, MoveOutputs, 'disk.carry'> {
  return {
    name: 'disk.carry',
    needs: ['disk.keep'],
    deadlineMs: CARRY_DEADLINE_MS,
    do: async ({ signal, evidence, waitingFor }) => {
      const { kept } = movePaths(deps.config, from.id, migration.uuid);
      const files = (await readdir(kept)).filter((name) => CARRIED.test(name));
      let bytes = 0;
      for (const name of files) {
        waitingFor(`${name} to be copied to the destination`);
        bytes += await deps.diskCarrier.carry(
          {
            from: join(kept, name),
            toHost: arrive.host,
            to: join('instances', to.id, name),
            format: name === 'disk' ? 'qcow2' : 'raw',
          },
          signal,
        );
      }
      waitingFor(null);
      evidence({ files, bytes, shared: deps.rootDisks.shared });
      return { done: true };
    },
    undo: async ({ input }) =>
      void (await askPart(deps, { ...arrive, name: 'disk.drop', deadlineMs: SHORT_MS }, input)),
  };
}

export function injectable<O>(
  deps: HostDeps,
  serverName: string,
  step: AnyStep<MoveRef, O>,
): AnyStep<MoveRef, O> {
  const plain = step as Step<MoveRef, O>;
  const wrapped: Step<MoveRef, O> = {
    ...plain,
    do: async (context) => {
      await deps.inject.before(step.name, { host: deps.config.host, serverName, signal: context.signal });
      return plain.do(context);
    },
  };
  return wrapped as AnyStep<MoveRef, O>;
}

/** Moves the server, or goes on with it; in the end it is there, or all is as it was and the conductor knows why. */
export async function moveServer(deps: HostDeps, message: MoveMessage): Promise<void> {
  const { action_id, instance_id, migration_uuid, tried } = message;
  const ref: MoveRef = { action_id, instance_id, migration_uuid };
  const prepared = await deps.conductor.call('prepareMove', { ...ref, attempt: tried.attempt });
  if (prepared.kind === 'stale') return;
  if (prepared.kind === 'cancelled')
    return deps.conductor.call('failMove', { ...ref, message: 'called off', details: '', lost: false });
  await runMove(deps, ref, moveServerSaga(deps, prepared), 'failMove', {
    tried,
    next: { on: deps.config.host, method: 'moveServer', args: { ...ref } },
    destination: message.destination.host,
    apart: message.destination.host !== prepared.migration.source_compute,
  });
}

/** What fails at the destination, or for it. */
const THERE: ReadonlySet<string> = new Set<keyof MoveOutputs>([
  'disk.carry',
  'disk.prepare',
  'network.move',
  'volume.connect',
  'network.plug',
  'spawn',
  'network.bind',
  'activate',
]);

/** One of the tries of a move. */
export interface MoveTry {
  readonly tried: Tried;
  /** What another try begins with. */
  readonly next: DestinationMessage['next'];
  readonly destination: string;
  /** That is not where it comes from. */
  readonly apart: boolean;
}

/** Runs the saga of a move and tells the conductor when it was unwound. @returns whether it is done */
export async function runMove<O>(
  deps: HostDeps,
  ref: MoveRef,
  saga: Saga<MoveRef, O>,
  failed: 'failMove' | 'failRevert',
  one?: MoveTry,
): Promise<boolean> {
  using work = deps.cancellations.begin(ref);
  const attempt = one?.tried.attempt ?? 1;
  const outcome = await runSaga(saga, sagaRun(deps, ref, { attempt, cancel: work.signal }));
  if (outcome.kind === 'done') return true;
  const { cause, failedStep, undoFailures } = outcome;
  for (const failure of undoFailures)
    deps.log.error(
      { server_id: ref.instance_id, step: failure.step, causes: causeChain(failure.cause) },
      'undo of a move failed',
    );
  // What could not be undone at a destination that is away now harms nobody: it is told to drop it when it is back. Its ports
  // are bound back from here.
  const there = undoFailures.filter(({ step }) => one?.apart && THERE.has(step) && step !== 'network.move');
  const lost = undoFailures.length > there.length;
  const told = {
    ...ref,
    message: `Failed at ${failedStep}${triesOf(attempt)}: ${reasonOf(cause)}`,
    details: causeChain(cause).join('\n'),
    lost,
    left_behind: one && there.length > 0 ? one.destination : null,
    ...(one && !lost && THERE.has(failedStep) && isRetriable(cause)
      ? { retry: { tried: one.tried, next: one.next } }
      : {}),
  };
  await deps.conductor.call(failed, told);
  return false;
}

/** The move is over. May be repeated, and come late: only what belongs to this move goes, unless the server is elsewhere. */
export async function dropMoved(
  deps: HostDeps,
  {
    instance_id: id,
    migration_uuid: uuid,
  }: { readonly instance_id: string; readonly migration_uuid: string },
): Promise<void> {
  await removeKept(deps.config, id, uuid);
  const entry = await deps.conductor.call('getEntry', { instance_id: id });
  if (entry && deps.rootDisks.shared && !bootsFromVolume(entry)) await deps.rootDisks.forget(id, uuid);
  if (entry?.host === deps.config.host) return;
  // Another move may be bringing it here meanwhile.
  const open = await deps.conductor.call('listOpenMoves', { host: deps.config.host });
  if (open.some((move) => move.instance_id === id && move.migration_uuid !== uuid)) return;
  await removeFromHost(deps, id);
}
