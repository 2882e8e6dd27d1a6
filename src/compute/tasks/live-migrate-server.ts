// Live migrations: the server goes on running while its memory, and what lies on its host of its disks, is copied to another
// host, and goes on there. The host that it leaves runs this, in two sagas under one action. Before the guest has switched over
// everything is undone when something fails; from then on everything is only done, and repeated until it is.
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { HypervisorError } from '#drivers/libvirt/errors.ts';
import type { MigrateOptions, MigrationProgress } from '#drivers/libvirt/port.ts';
import { readQcow2Header } from '#drivers/disk-image/qcow2-header.ts';
import { rpcClient, type RpcClient } from '#platform/bus/bus.ts';
import { causeChain } from '#platform/errors/domain-error.ts';
import { runSaga } from '#platform/saga/run-saga.ts';
import type { AnyStep, Saga, Step, StepContext } from '#platform/saga/saga.ts';
import type { HostDeps } from '../host/deps.ts';
import { HostError } from '../host/errors.ts';
import { bootsFromVolume } from '../host/guest-spec.ts';
import { hasOwnRoot, runAgain, unreachable } from '../host/moves/live-parts.ts';
import { volumesOf } from '../host/moves/part.ts';
import { removeFromHost } from '../host/moves/remove-from-host.ts';
import { askPart, partStep, plainRef, portsUpOn, type Done } from '../host/moves/steps.ts';
import { nextAttempt } from '../host/next-attempt.ts';
import { instancePaths } from '../host/paths.ts';
import { activateBindings, prepareBindings, removeBindings } from '../host/port-bindings.ts';
import { sagaRun } from '../host/saga-run.ts';
import { endOtherAttachments } from '../host/volumes/connect.ts';
import { movePartsQueue, type MovePartArgs, type MovePartsRpc } from '../move-parts-rpc.ts';
import type {
  ActionRef,
  ConnectedVolume,
  InstanceEntry,
  LiveMigrateMessage,
  MoveRef,
  PreparedLiveMigration,
} from '../rpc.ts';
import { injectable, runMove } from './move-server.ts';

export type GoingLive = Extract<PreparedLiveMigration, { kind: 'go' }>;
type BlockMigration = LiveMigrateMessage['block_migration'];

export type LiveOutputs = {
  readonly prepare: Done & { readonly root_bytes: number | null };
  readonly 'disk.receive': Done;
  readonly 'volume.join': Done;
  readonly 'network.prepare': Done;
  readonly 'network.plug': Done;
  readonly 'guest.migrate': Done;
};

export type ArriveOutputs = {
  readonly 'network.move': Done;
  readonly 'guest.settle': Done;
  readonly 'network.bind': Done;
  readonly leave: Done;
};

const DONE: Done = { done: true };
const SHORT_MS = 60_000;
const MIGRATE_DEADLINE_MS = 1_800_000;
const ASK_AGAIN_MS = 1000;
/** Clients look at the progress now and then; each report is a write. */
const REPORT_EVERY_MS = 1000;

interface Ends {
  readonly deps: HostDeps;
  readonly move: GoingLive;
  /** The host that the server comes to, as parts of moves are asked of it. */
  readonly there: { readonly host: string; readonly args: Omit<MovePartArgs, keyof MoveRef> };
  readonly parts: RpcClient<MovePartsRpc>;
}

function endsOf(deps: HostDeps, move: GoingLive): Ends {
  const host = move.migration.dest_compute ?? '';
  const args = { entry: move.to, run: true, graceful: false, same_host: false, live: true } as const;
  const parts = rpcClient<MovePartsRpc>(deps.bus, movePartsQueue(host));
  return { deps, move, there: { host, args }, parts };
}

/** To the point of no return. */
export function liveMigrationSaga(
  deps: HostDeps,
  move: GoingLive,
  wanted: BlockMigration,
): Saga<MoveRef, LiveOutputs> {
  const ends = endsOf(deps, move);
  const { there } = ends;
  const short = { ...there, deadlineMs: SHORT_MS };
  const steps: ReadonlyArray<AnyStep<MoveRef, LiveOutputs>> = [
    prepare(ends, wanted),
    receiveDisks(ends),
    partStep(deps, { ...short, name: 'volume.join', needs: ['disk.receive'] }),
    prepareNetwork(ends),
    partStep(deps, { ...short, name: 'network.plug', needs: ['network.prepare'] }),
    migrateGuest(ends),
  ];
  return { name: 'live-migrate-server', steps: steps.map((step) => injectable(deps, move.from.name, step)) };
}

/** What can be known before anything is made. */
function prepare(ends: Ends, wanted: BlockMigration): Step<MoveRef, LiveOutputs, 'prepare'> {
  const { deps, move, there } = ends;
  const { from, migration } = move;
  return {
    name: 'prepare',
    needs: [],
    deadlineMs: 30_000,
    do: async ({ input, evidence }) => {
      const { reachable } = await ends.parts.call('lookForGuest', { instance_id: input.instance_id });
      if (!reachable) throw unreachable(there.host);
      const copies = copiesDisks(deps, from, wanted);
      const { state } = await deps.hypervisor.serverState(from.id);
      if (state !== 'running' && state !== 'paused')
        throw new HostError('conflict', 'not-running', `The guest of server ${from.id} does not run.`, {
          retriable: false,
        });
      evidence({
        migration_id: migration.id,
        from: migration.source_compute,
        to: there.host,
        block_migration: copies,
      });
      return { ...DONE, root_bytes: hasOwnRoot(deps, from) ? await rootBytes(deps, from) : null };
    },
    undo: async () => stayHere(ends),
  };
}

/** @returns whether disks of this host are to be copied. @throws HostError when the request wants what can't be */
function copiesDisks(deps: HostDeps, entry: InstanceEntry, wanted: BlockMigration): boolean {
  const refuse = (code: string, why: string): never => {
    throw new HostError('bad-request', code, why, { retriable: false });
  };
  const local = entry.devices.some(
    (device) => device.destination_type === 'local' && device.source_type === 'blank',
  );
  const own = hasOwnRoot(deps, entry) || local;
  const shared = deps.rootDisks.shared && !bootsFromVolume(entry);
  if (wanted === true && (shared || !own))
    refuse('shared-storage', 'Block migration can not be used with shared storage.');
  if (wanted === false && own)
    refuse(
      'local-storage',
      `${deps.config.host} does not share the disks of server ${entry.id}: it takes a block migration.`,
    );
  return own;
}

async function rootBytes(deps: HostDeps, entry: InstanceEntry): Promise<number> {
  const header = await readQcow2Header(instancePaths(deps.config, entry.id).disk);
  if (header) return header.virtualSize;
  throw new HostError(
    'conflict',
    'disk-unreadable',
    `The disk of server ${entry.id} is not as it was made.`,
    {
      retriable: false,
    },
  );
}

/** Undone, the guest runs where it was. It may have ended meanwhile with its process, or its process may have moved it. */
async function stayHere({ deps, move, parts, there }: Ends): Promise<void> {
  const { id } = move.from;
  const entry = await deps.conductor.call('getEntry', { instance_id: id });
  if (!entry || entry.task_state === 'deleting') return;
  const { state, reason } = await deps.hypervisor.serverState(id);
  if (reason === 'migrating' && entry.vm_state === 'active') await deps.hypervisor.resumeServer(id);
  if (state !== 'absent') return;
  if ((await parts.call('lookForGuest', { instance_id: id })).here)
    throw new HostError('conflict', 'guest-is-there', `Server ${id} runs on ${there.host} by now.`, {
      retriable: false,
    });
  await runAgain(deps, move.from);
}

function receiveDisks({ deps, move, there }: Ends): Step<MoveRef, LiveOutputs, 'disk.receive'> {
  const part = { ...there, name: 'disk.receive', deadlineMs: SHORT_MS } as const;
  const { configDrive } = instancePaths(deps.config, move.from.id);
  return {
    name: 'disk.receive',
    needs: ['prepare'],
    deadlineMs: 2 * SHORT_MS,
    do: async ({ input, outputs, evidence, signal }) => {
      const { root_bytes } = outputs.prepare!; // in `needs`
      const args = { ...part.args, ...(root_bytes === null ? {} : { root_bytes }) };
      evidence(await askPart(deps, { ...part, args }, input));
      // The guest may have it mounted: what it reads stays the same, to the byte.
      const drive = await access(configDrive).then(
        () => true,
        () => false,
      );
      if (drive) {
        const to = join('instances', move.from.id, 'disk.config');
        await deps.diskCarrier.carry({ from: configDrive, toHost: there.host, to, format: 'raw' }, signal);
      }
      return DONE;
    },
    undo: async ({ input }) => void (await askPart(deps, { ...part, back: true }, input)),
  };
}

/** The ports may be plugged there as well: they work where the guest is, before the switch and after it. */
function prepareNetwork({ deps, move, there }: Ends): Step<MoveRef, LiveOutputs, 'network.prepare'> {
  const { id } = move.from;
  return {
    name: 'network.prepare',
    needs: ['volume.join'],
    deadlineMs: SHORT_MS,
    do: async ({ evidence }) => {
      evidence({ host: there.host, ports: await prepareBindings(deps, id, there.host) });
      return DONE;
    },
    undo: async () => removeBindings(deps, id, there.host),
  };
}

function migrateGuest(ends: Ends): Step<MoveRef, LiveOutputs, 'guest.migrate'> {
  const { deps, there, parts } = ends;
  return {
    name: 'guest.migrate',
    needs: ['network.plug'],
    deadlineMs: MIGRATE_DEADLINE_MS,
    do: async ({ input, signal, evidence }) => {
      const { id } = ends.move.from;
      const expected = await parts.call('expectGuest', { ...there.args, ...plainRef(input) });
      const started = deps.clock.now();
      let last: MigrationProgress | undefined;
      const options: MigrateOptions = {
        to: expected.address,
        spec: expected.spec,
        copyDisks: expected.own_disks,
        onProgress: reporter(deps, input, (progress) => (last = progress)),
        signal,
      };
      await deps.transfers.run(id, async () => transfer(deps, id, options));
      evidence({
        to: there.host,
        copied_disks: expected.own_disks,
        hypervisor_ms: deps.clock.now() - started,
        ...(last && last.memoryTotal > 0
          ? { memory_bytes: last.memoryProcessed, disk_bytes: last.diskProcessed }
          : {}),
        simulated: deps.config.simulated,
      });
      await switchOver(ends, input, expected.volumes);
      return DONE;
    },
    // When it fails the guest is here as it was; when it has not, all goes on from there.
  };
}

/** Of a hypervisor that does not answer it is not known what it does: it is asked until it is. */
async function transfer(deps: HostDeps, id: string, options: MigrateOptions): Promise<void> {
  for (;;) {
    try {
      return await deps.hypervisor.migrateServer(id, options);
    } catch (error) {
      const unknown =
        error instanceof HypervisorError && (error.code === 'unreachable' || error.code === 'timeout');
      if (!unknown) throw error;
      deps.log.warn({ server_id: id, causes: causeChain(error) }, 'it is not known how a migration ended');
      await deps.clock.sleep(ASK_AGAIN_MS, deps.signal);
    }
  }
}

/** The guest runs there, which can't be undone: the conductor is told until it has written it. */
async function switchOver(
  { deps, there }: Ends,
  input: MoveRef,
  volumes: readonly ConnectedVolume[],
): Promise<void> {
  for (;;) {
    try {
      const { cancelled } = await deps.conductor.call('switchHost', { ...plainRef(input), volumes });
      if (!cancelled) return;
      await askPart(deps, { ...there, name: 'guest.stop', deadlineMs: SHORT_MS }, input);
      break;
    } catch (error) {
      deps.log.warn(
        { server_id: input.instance_id, causes: causeChain(error) },
        'a server that has moved could not be written to be there',
      );
      await deps.clock.sleep(ASK_AGAIN_MS, deps.signal);
    }
  }
  throw new HostError('gone', 'move-not-wanted', 'The server is being deleted.', { retriable: false });
}

function reporter(
  deps: HostDeps,
  input: MoveRef,
  seen: (progress: MigrationProgress) => void,
): (progress: MigrationProgress) => void {
  let next = 0;
  return (progress) => {
    seen(progress);
    if (deps.clock.now() < next) return;
    next = deps.clock.now() + REPORT_EVERY_MS;
    // Shown only: the next report says more.
    void deps.conductor.call('reportMigration', { ...plainRef(input), progress }).catch(() => undefined);
  };
}

/** Past the point of no return. Nothing here has a way back, nor needs one: it is repeated until it is done. */
export function arriveSaga(deps: HostDeps, move: GoingLive): Saga<MoveRef, ArriveOutputs> {
  const ends = endsOf(deps, move);
  const steps: ReadonlyArray<AnyStep<MoveRef, ArriveOutputs>> = [
    moveNetwork(ends),
    withoutUndo(
      partStep<ArriveOutputs, 'guest.settle'>(deps, {
        ...ends.there,
        name: 'guest.settle',
        needs: ['network.move'],
        deadlineMs: deps.config.spawnDeadlineMs,
        volatile: true,
      }),
    ),
    awaitNetwork(ends),
    leave(ends),
  ];
  return { name: 'arrive-server', steps: steps.map((step) => injectable(deps, move.from.name, step)) };
}

const withoutUndo = <O, K extends keyof O & string>({
  undo: _undo,
  ...step
}: Step<MoveRef, O, K>): Step<MoveRef, O, K> => step;

function moveNetwork({ deps, move, there }: Ends): Step<MoveRef, ArriveOutputs, 'network.move'> {
  return {
    name: 'network.move',
    needs: [],
    deadlineMs: SHORT_MS,
    do: async ({ evidence }) => {
      const ports = await activateBindings(deps, move.to.id, there.host);
      evidence({ from: move.migration.source_compute, to: there.host, ports });
      return DONE;
    },
  };
}

/** After `guest.settle`, which plugs the ports of a guest that had to be started again. */
function awaitNetwork({ deps, move, there }: Ends): Step<MoveRef, ArriveOutputs, 'network.bind'> {
  return {
    name: 'network.bind',
    needs: ['guest.settle'],
    deadlineMs: deps.config.portUpDeadlineMs + SHORT_MS,
    do: async (context) => {
      context.evidence(await waitForPortsUp(deps, move.to, there.host, context));
      return DONE;
    },
  };
}

/** A port that does not come up keeps a guest that runs there from nothing else. */
async function waitForPortsUp(
  deps: HostDeps,
  entry: InstanceEntry,
  host: string,
  { signal, waitingFor }: StepContext<MoveRef, ArriveOutputs>,
): Promise<Record<string, unknown>> {
  const started = deps.clock.now();
  const deadline = AbortSignal.timeout(deps.config.portUpDeadlineMs);
  try {
    await portsUpOn(deps, host, entry, { signal: AbortSignal.any([signal, deadline]), waitingFor });
    return { up_after_ms: deps.clock.now() - started };
  } catch (error) {
    signal.throwIfAborted();
    deps.log.warn({ server_id: entry.id, causes: causeChain(error) }, 'a port of a moved server is not up');
    return { not_up: causeChain(error).join('; ') };
  } finally {
    waitingFor(null);
  }
}

/** Nothing of it stays here. */
function leave({ deps, move }: Ends): Step<MoveRef, ArriveOutputs, 'leave'> {
  return {
    name: 'leave',
    needs: ['network.bind'],
    deadlineMs: SHORT_MS,
    do: async ({ evidence }) => {
      const { id } = move.from;
      const entry = await deps.conductor.call('getEntry', { instance_id: id });
      if (!entry || entry.host === deps.config.host) return DONE;
      const devices = await removeFromHost(deps, id);
      await removeBindings(deps, id, deps.config.host);
      const ended: string[] = [];
      for (const device of volumesOf(entry)) ended.push(...(await endOtherAttachments(deps, device)));
      evidence({ devices, attachments: ended });
      return DONE;
    },
  };
}

/** Moves the server, or goes on with it; in the end it is there and nowhere else, or all is as it was and says why. */
export async function liveMigrateServer(deps: HostDeps, message: LiveMigrateMessage): Promise<void> {
  const ref = plainRef(message);
  const prepared = await deps.conductor.call('prepareLiveMigration', ref);
  if (prepared.kind === 'stale') return;
  const saga = liveMigrationSaga(deps, prepared, message.block_migration);
  if (!prepared.switched && !(await runMove(deps, ref, saga, 'failMove'))) return;
  const attempt = await nextAttempt(deps, ref.action_id);
  const outcome = await runSaga(arriveSaga(deps, prepared), sagaRun(deps, ref, { attempt }));
  if (outcome.kind === 'undone') throw outcome.cause; // it is delivered again
  await deps.conductor.call('finishLiveMigration', ref);
}

/** The guest stands still until the rest of it is copied, which then ends. */
export async function forceCompleteMigration(deps: HostDeps, message: ActionRef): Promise<void> {
  const { action_id, instance_id } = message;
  const forced = await deps.transfers.force(instance_id, async () =>
    deps.hypervisor.pauseServer(instance_id),
  );
  const reason = 'The live migration is over.';
  await deps.conductor.call('endAction', { action_id, instance_id, ...(forced ? {} : { reason }) });
}
