// Steps of the sagas that move a server: parts on this host or on the other one, and what is done from here for both. Made
// for move-server.ts and revert-move.ts.
import { rpcClient } from '#platform/bus/bus.ts';
import type { AnyStep, Step } from '#platform/saga/saga.ts';
import {
  movePartsQueue,
  type InstanceEntry,
  type MovePartArgs,
  type MovePartName,
  type MovePartsRpc,
  type MoveRef,
} from '../../rpc.ts';
import type { Vif } from '../../tables.ts';
import type { HostDeps } from '../deps.ts';
import { PortNotUp } from '../errors.ts';
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
  /** Undone by another part's `do`: by default by its own way back. */
  readonly undoneBy?: false;
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

const plainRef = ({ action_id, instance_id, migration_uuid }: MoveRef): MoveRef => ({
  action_id,
  instance_id,
  migration_uuid,
});

/** A part of its own, outside of a saga's way forward. */
export async function askPart(
  deps: HostDeps,
  part: Pick<PartStep<never, MovePartName>, 'host' | 'args' | 'deadlineMs'> & { readonly name: MovePartName },
  ref: MoveRef,
): Promise<void> {
  await ask(
    deps,
    part.host,
    { ...part.args, ...plainRef(ref), part: part.name, back: false },
    part.deadlineMs,
  );
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
  const bindTo = async (host: string): Promise<void> => {
    const token = await deps.serviceToken();
    const ports = await deps.network.listPorts(token, { device_id: entry.id });
    for (const port of ports) await deps.network.updatePort(token, port.id, { 'binding:host_id': host });
  };
  return {
    name: step.name,
    needs: step.needs,
    deadlineMs: 60_000,
    do: async ({ evidence }) => {
      await bindTo(step.to);
      evidence({ from: step.from, to: step.to, ports: portIdsOf(entry) });
      return DONE as O[K];
    },
    undo: async () => bindTo(step.from),
  };
}

/** Waits until the ports are up where they were bound to. */
function awaitPorts<O extends Record<K, Done>, K extends keyof O & string>(
  deps: HostDeps,
  step: { readonly name: K; readonly needs: ReadonlyArray<keyof O & string>; readonly host: string },
  entry: InstanceEntry,
): Step<MoveRef, O, K> {
  const { portUpDeadlineMs } = deps.config;
  return {
    name: step.name,
    needs: step.needs,
    deadlineMs: portUpDeadlineMs,
    do: async ({ signal, waitingFor, evidence }) => {
      const started = deps.clock.now();
      const traces = await waitForPorts(deps, portIdsOf(entry), {
        signal,
        waitingFor,
        what: `ovn-controller on ${step.host} to claim`,
        // Where it was it may still be up.
        holds: ({ up, binding }) =>
          up && [binding['host'], binding['chassis']].some((each) => (each ?? step.host) === step.host),
        late: ({ port_id, missing }) => new PortNotUp(port_id, missing ?? 'flows', portUpDeadlineMs),
      });
      evidence({
        bindings: traces.map(({ port_id, binding }) => ({ port_id, ...binding })),
        up_after_ms: deps.clock.now() - started,
      });
      return DONE as O[K];
    },
    // Unplugging takes them down.
  };
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
