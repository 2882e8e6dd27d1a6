// Takes a move back that waits to be confirmed: what runs at the destination ends, and the server runs again where it came
// from, on the disks that were kept there. The host that the server is on runs this.
import type { AnyStep, Saga, Step } from '#platform/saga/saga.ts';
import type { HostDeps } from '../host/deps.ts';
import { finishStep, partStep, rebindPorts, startSteps, type Done } from '../host/moves/steps.ts';
import type { MovePartArgs } from '../move-parts-rpc.ts';
import type { MoveRef } from '../rpc.ts';
import { POWER_STATE } from '../tables.ts';
import { injectable, runMove, type Going } from './move-server.ts';

export type RevertOutputs = {
  readonly prepare: Done;
  readonly 'guest.stop': Done;
  readonly 'volume.release': Done;
  readonly 'network.move': Done;
  readonly 'disk.restore': Done;
  readonly 'volume.connect': Done;
  readonly 'network.plug': Done;
  readonly spawn: Done;
  readonly 'network.bind': Done;
  readonly activate: Done;
  readonly finish: Done;
};

const SHORT_MS = 60_000;

/** `from` is the server as it was moved, `to` the server as it was before. */
export function revertMoveSaga(deps: HostDeps, move: Going): Saga<MoveRef, RevertOutputs> {
  const { migration, from, to } = move;
  const [source, destination] = [migration.source_compute, migration.dest_compute ?? ''];
  const run = migration.old_vm_state === 'active';
  const same_host = source === destination;
  const there: Omit<MovePartArgs, keyof MoveRef> = { entry: to, run, graceful: false, same_host };
  const here = { ...there, entry: from, run: from.power_state === POWER_STATE.running };
  const startMs = deps.config.spawnDeadlineMs;
  const leave = { host: destination, args: here };
  const arrive = { host: source, args: there };
  const steps: ReadonlyArray<AnyStep<MoveRef, RevertOutputs>> = [
    prepare(move),
    partStep(deps, { name: 'guest.stop', needs: ['prepare'], ...leave, deadlineMs: startMs }),
    partStep(deps, { name: 'volume.release', needs: ['guest.stop'], ...leave, deadlineMs: SHORT_MS }),
    rebindPorts(
      deps,
      { name: 'network.move', needs: ['volume.release'], from: destination, to: source },
      from,
    ),
    partStep(deps, { name: 'disk.restore', needs: ['network.move'], ...arrive, deadlineMs: SHORT_MS }),
    partStep(deps, { name: 'volume.connect', needs: ['disk.restore'], ...arrive, deadlineMs: SHORT_MS }),
    ...(run ? startSteps<RevertOutputs>(deps, arrive, to) : []),
    finishStep<RevertOutputs>(deps, {
      method: 'finishRevert',
      needs: run ? ['activate'] : ['volume.connect'],
      run,
    }),
  ];
  return { name: 'revert-move', steps: steps.map((step) => injectable(deps, from.name, step)) };
}

function prepare({ migration }: Going): Step<MoveRef, RevertOutputs, 'prepare'> {
  return {
    name: 'prepare',
    needs: [],
    deadlineMs: 30_000,
    do: async ({ evidence }) => {
      evidence({ migration_id: migration.id, from: migration.dest_compute, to: migration.source_compute });
      return { done: true };
    },
    // Nothing to undo: it only says what will be done.
  };
}

export async function revertMove(deps: HostDeps, message: MoveRef): Promise<void> {
  const { action_id, instance_id, migration_uuid } = message;
  const ref: MoveRef = { action_id, instance_id, migration_uuid };
  const prepared = await deps.conductor.call('prepareRevert', ref);
  if (prepared.kind === 'stale') return;
  if (prepared.kind === 'cancelled')
    return deps.conductor.call('failRevert', { ...ref, message: 'called off', details: '', lost: false });
  await runMove(deps, ref, revertMoveSaga(deps, prepared), 'failRevert');
}
