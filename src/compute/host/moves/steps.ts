// Steps of the sagas that move a server: parts on this host or on the other one, and what is done from here for both. Made
// for move-server.ts and revert-move.ts.
import { rpcClient } from '#platform/bus/bus.ts';
import type { PortTrace } from '#platform/clients/network.ts';
import type { AnyStep, Step, StepContext } from '#platform/saga/saga.ts';
import {
  movePartsQueue,
  type MovePartArgs,
  type MovePartName,
  type MovePartsRpc,
} from '../../move-parts-rpc.ts';
import type { InstanceEntry, MoveRef } from '../../rpc.ts';
import { POWER_STATE, type Vif } from '../../tables.ts';
import type { HostDeps } from '../deps.ts';
import { HostError, PortNotUp } from '../errors.ts';
import { bindPortsTo } from '../port-bindings.ts';
import { waitForPorts } from '../wait-for-ports.ts';
import { runMovePart } from './parts.ts';

/** Longer than any part may take by itself: the step's own deadline ends the wait. */
const ANSWER_MS = 10_000;

export interface PartStep<O, K> {
  readonly name: K & MovePartName;
  readonly needs: ReadonlyArray<keyof O & string>;
  /** Which host does it. */
  readonly host: string;
  readonly args: Omit<MovePartArgs, keyof MoveRef>;
  readonly deadlineMs: number;
  readonly volatile?: boolean;
}

/** What every step of a move leaves for those after it: only that it is done. */
export type Done = { readonly done: true };
const DONE: Done = { done: true };

async function ask(
  deps: HostDeps,
  host: string,
  args: Parameters<MovePartsRpc['runMovePart']>[0],
  deadlineMs: number,
): Promise<Readonly<Record<string, unknown>>> {
  const { evidence } =
    host === deps.config.host
      ? await runMovePart(deps, args)
      : await rpcClient<MovePartsRpc>(deps.bus, movePartsQueue(host)).call('runMovePart', args, {
          deadlineMs: deadlineMs + ANSWER_MS,
        });
  return { ...evidence, host };
}

export function partStep<O extends Record<K, Done>, K extends keyof O & string>(
  deps: HostDeps,
  part: PartStep<O, K>,
): Step<MoveRef, O, K> {
  const { name, host, args, deadlineMs } = part;
  const call = async (ref: MoveRef, back: boolean) =>
    ask(deps, host, { ...args, ...plainRef(ref), part: name, back }, deadlineMs);
  return {
    name,
    needs: part.needs,
    deadlineMs,
    ...(part.volatile ? { volatile: true } : {}),
    do: async ({ input, evidence }) => {
      evidence(await call(input, false));
      return DONE as O[K];
    },
    undo: async ({ input }) => void (await call(input, true)),
  };
}

export const plainRef = ({ action_id, instance_id, migration_uuid }: MoveRef): MoveRef => ({
  action_id,
  instance_id,
  migration_uuid,
});

/** A part of its own, outside of a saga's way forward. @param part `back`: it is undone */
export async function askPart(
  deps: HostDeps,
  part: Pick<PartStep<never, MovePartName>, 'host' | 'args' | 'deadlineMs'> & {
    readonly name: MovePartName;
    readonly back?: true;
  },
  ref: MoveRef,
): Promise<Readonly<Record<string, unknown>>> {
  const { name, host, args, deadlineMs, back = false } = part;
  return ask(deps, host, { ...args, ...plainRef(ref), part: name, back }, deadlineMs);
}

const portIdsOf = (entry: InstanceEntry): string[] =>
  (JSON.parse(entry.vifs_json) as Vif[]).map((vif) => vif.port_id);

/** The ports are bound to another host. Nothing is plugged anywhere meanwhile. */
export function rebindPorts<O extends Record<K, Done>, K extends keyof O & string>(
  deps: HostDeps,
  step: {
    readonly name: K;
    readonly needs: ReadonlyArray<keyof O & string>;
    readonly from: string;
    readonly to: string;
  },
  entry: InstanceEntry,
): Step<MoveRef, O, K> {
  return {
    name: step.name,
    needs: step.needs,
    deadlineMs: 60_000,
    do: async ({ evidence }) => {
      evidence({ from: step.from, to: step.to, ports: await bindPortsTo(deps, entry.id, step.to) });
      return DONE as O[K];
    },
    undo: async () => void (await bindPortsTo(deps, entry.id, step.from)),
  };
}

/** @returns the ports' traces once all are up on `host`. @throws PortNotUp at the step's deadline */
export async function portsUpOn<O>(
  deps: HostDeps,
  host: string,
  entry: InstanceEntry,
  { signal, waitingFor }: Pick<StepContext<MoveRef, O>, 'signal' | 'waitingFor'>,
): Promise<PortTrace[]> {
  return waitForPorts(deps, portIdsOf(entry), {
    signal,
    waitingFor,
    what: `ovn-controller on ${host} to claim`,
    // Where it was it may still be up.
    holds: ({ up, binding }) =>
      up && [binding['host'], binding['chassis']].some((each) => (each ?? host) === host),
    late: ({ port_id, missing }) => new PortNotUp(port_id, missing ?? 'flows', deps.config.portUpDeadlineMs),
  });
}

/** Waits until the ports are up where they were bound to. */
function awaitPorts<O extends Record<K, Done>, K extends keyof O & string>(
  deps: HostDeps,
  step: { readonly name: K; readonly needs: ReadonlyArray<keyof O & string>; readonly host: string },
  entry: InstanceEntry,
): Step<MoveRef, O, K> {
  return {
    name: step.name,
    needs: step.needs,
    deadlineMs: deps.config.portUpDeadlineMs,
    do: async (context) => {
      const started = deps.clock.now();
      const traces = await portsUpOn(deps, step.host, entry, context);
      context.evidence({
        bindings: traces.map(({ port_id, binding }) => ({ port_id, ...binding })),
        up_after_ms: deps.clock.now() - started,
      });
      return DONE as O[K];
    },
    // Unplugging takes them down.
  };
}

/** The conductor writes where and what the server is now. @param step `run`: it runs there */
export function finishStep<O extends { readonly finish: Done }>(
  deps: HostDeps,
  step: {
    readonly method: 'finishMove' | 'finishRevert';
    readonly needs: ReadonlyArray<keyof O & string>;
    readonly run: boolean;
  },
): Step<MoveRef, O, 'finish' & keyof O> {
  const power_state = step.run ? POWER_STATE.running : POWER_STATE.shutdown;
  return {
    name: 'finish',
    needs: step.needs,
    deadlineMs: 30_000,
    do: async ({ input }) => {
      const { cancelled } = await decided(async () =>
        deps.conductor.call(step.method, { ...input, power_state }),
      );
      if (cancelled)
        throw new HostError('gone', 'move-not-wanted', 'The server is being deleted.', { retriable: false });
      return DONE as O['finish'];
    },
    // After it nothing fails any more; what is left where the server was goes by a message of its own.
  };
}

const TRIES = 3;

/** An answer that was lost must not unwind what was decided: the question is asked again. */
async function decided<T>(question: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await question();
    } catch (error) {
      if (attempt === TRIES) throw error;
    }
  }
}

/** What a move and its revert have in common: the guest runs again, on the host that it has come to. */
export interface StartOutputs {
  readonly 'volume.connect': Done;
  readonly 'network.plug': Done;
  readonly spawn: Done;
  readonly 'network.bind': Done;
  readonly activate: Done;
}

/** From the plugged ports to the guest that runs and whose ports are up, after `volume.connect`. */
export function startSteps<O extends StartOutputs>(
  deps: HostDeps,
  arrive: { readonly host: string; readonly args: Omit<MovePartArgs, keyof MoveRef> },
  to: InstanceEntry,
): ReadonlyArray<AnyStep<MoveRef, O>> {
  const { host } = arrive;
  const short = { ...arrive, deadlineMs: 60_000 };
  const start = { ...arrive, deadlineMs: deps.config.spawnDeadlineMs };
  return [
    partStep<O, 'network.plug'>(deps, {
      ...short,
      name: 'network.plug',
      needs: ['volume.connect'],
      volatile: true,
    }),
    partStep<O, 'spawn'>(deps, { ...start, name: 'spawn', needs: ['network.plug'], volatile: true }),
    awaitPorts<O, 'network.bind'>(deps, { name: 'network.bind', needs: ['network.plug'], host }, to),
    partStep<O, 'activate'>(deps, { ...short, name: 'activate', needs: ['spawn', 'network.bind'] }),
  ];
}
