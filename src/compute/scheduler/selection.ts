// One run of the scheduler's choice for one message: filters, weighers, then claim, record and the agent's message in one
// transaction. What is chosen for differs by its purpose: a launch (`select-host.ts`), a move (`select-destination.ts`).
import { NoCapacity } from '#placement/claim.ts';
import type { Delivery, Message } from '#platform/bus/bus.ts';
import { enqueue } from '#platform/bus/outbox.ts';
import { isoTime } from '#platform/context/clock.ts';
import { currentContext } from '#platform/context/request-context.ts';
import { listSteps, saveStep } from '#platform/saga/sql-log.ts';
import type { StepRecord } from '#platform/saga/saga.ts';
import type { Transaction } from 'kysely';
import type { ComputeDeps } from '../deps.ts';
import { SCHEDULER_QUEUE, type ActionRef } from '../rpc.ts';
import { exportStep, senderSpan } from '../servers/launch-trace/spans.ts';
import type { ComputeTables, Fault } from '../tables.ts';
import { runFilters, type FilterRound } from './filters.ts';
import type { HostState, SelectionRequest } from './host-state.ts';
import { loadHosts } from './load-hosts.ts';
import { describeHosts, summarise, withEarlier, type EarlierFailure } from './refusal.ts';
import { countGroupMembers, findEntry, storedAt, type Entry } from './store.ts';
import { DEFAULT_MULTIPLIERS, weighHosts, type Multipliers, type WeighedHost } from './weighers.ts';

export type SchedulerDeps = Pick<ComputeDeps, 'db' | 'bus' | 'clock' | 'log'> & {
  readonly config: Pick<ComputeDeps['config'], 'defaultAvailabilityZone'>;
};

export interface SchedulerOptions {
  readonly multipliers: Multipliers;
  /** A compute service that was silent for longer is down. */
  readonly heartbeatTimeoutMs: number;
}

export const DEFAULT_SCHEDULER_OPTIONS: SchedulerOptions = {
  multipliers: DEFAULT_MULTIPLIERS,
  heartbeatTimeoutMs: 60_000, // lower: a pause of the agent empties the cloud; higher: launches go to dead hosts
};

/** The action that the choice is for, and which try it is. */
export type Attempt = ActionRef & { readonly attempt: number };

/** What a choice is made for: how hosts are judged, and what is written when there is one and when there is none. */
export interface Purpose {
  /** As its user calls it: `launch`. */
  readonly what: string;
  readonly request: (entry: Entry) => Promise<SelectionRequest>;
  /** Claims and writes the choice. @throws NoCapacity */
  readonly place: (
    trx: Transaction<ComputeTables>,
    host: HostState,
    request: SelectionRequest,
    now: string,
  ) => Promise<void>;
  /** Makes somebody act on the choice; stored in the same transaction. */
  readonly message: (host: HostState) => Message;
  /** No host fits. */
  readonly giveUp: (trx: Transaction<ComputeTables>, fault: Fault) => Promise<void>;
}

const ACTOR = 'scheduler';
const DEADLINE_MS = 30_000;
const ROUNDS = 5; // each is lost only when every host that fitted was taken by others in between

/** What one candidate met in the claim. */
interface ClaimTry {
  readonly host: string;
  readonly outcome: 'claimed' | 'no-capacity' | 'group';
  readonly reason?: string;
}

/** The choice was overtaken: the instance is being deleted, or another delivery has decided. */
class Overtaken extends Error {}
/** Another member of the group was placed in between, and the policy forbids this host now. */
class GroupChanged extends Error {}

/** Does nothing when the action is not wanted any more, or when the choice was made by an earlier delivery. */
export async function runSelection(
  deps: SchedulerDeps,
  args: Attempt,
  delivery: Delivery,
  options: SchedulerOptions,
  purpose: Purpose,
): Promise<void> {
  const entry = await findEntry(deps.db.kysely, args);
  if (!entry || !isWanted(entry, args)) return;
  const steps = await listSteps(deps.db.kysely, [args.action_id]);
  // Written in the transaction that stored the message for the agent: if it is there, so was the message.
  if (steps.some((step) => step.attempt === args.attempt && step.step === 'dispatch')) return;
  const scheduled = steps.find((step) => step.attempt === args.attempt && step.step === 'schedule');
  const started = isoTime(deps.clock);
  const schedule: StepRecord = {
    ...stepOf(
      deps,
      args,
      'schedule',
      scheduled?.started_at ?? (await storedAt(deps.db, delivery.id)) ?? started,
    ),
    state: 'done',
    ended_at: started,
    evidence: {
      ...scheduled?.evidence,
      queue: SCHEDULER_QUEUE,
      message_id: delivery.id,
      redelivered: delivery.redelivered,
    },
  };
  await saveStep(deps.db.kysely, schedule);
  if (!scheduled) exportStep(schedule, args.instance_id, senderSpan()); // it began before this handler's own span
  await saveStep(deps.db.kysely, { ...stepOf(deps, args, 'select', started), state: 'running' });
  const earlier = earlierFailure(steps, args.attempt);
  try {
    await new Selection(deps, args, options, purpose, { started, earlier }).run(entry);
  } catch (error) {
    if (!(error instanceof Overtaken)) throw error;
    deps.log.info({ server_id: args.instance_id, attempt: args.attempt }, 'selection overtaken, dropped');
  }
}

function isWanted({ instance, action }: Entry, args: Attempt): boolean {
  return (
    instance.deleted === 0 &&
    action.cancelled === 0 &&
    action.state === 'running' &&
    action.attempt <= args.attempt
  );
}

/** The first step that failed in the attempt before this one, with the host where it was. */
export function earlierFailure(steps: readonly StepRecord[], attempt: number): EarlierFailure | undefined {
  const before = steps.filter((step) => step.attempt === attempt - 1);
  const failed = before
    .filter((step) => step.error !== null)
    .toSorted((a, b) => (a.ended_at ?? '').localeCompare(b.ended_at ?? ''))[0];
  if (!failed) return undefined;
  const host = before.find((step) => step.step === 'dispatch')?.evidence['host'];
  return { host: typeof host === 'string' ? host : null, step: failed.step, error: failed.error ?? '' };
}

function stepOf(deps: SchedulerDeps, args: Attempt, step: string, started: string): StepRecord {
  return {
    saga_id: args.action_id,
    attempt: args.attempt,
    step,
    state: 'running',
    started_at: started,
    ended_at: null,
    deadline_at: new Date(deps.clock.now() + DEADLINE_MS).toISOString(),
    actor: ACTOR,
    waiting_for: null,
    evidence: {},
    output: null,
    error: null,
  };
}

/** One run of the choice for one message. */
class Selection {
  readonly #deps: SchedulerDeps;
  readonly #args: Attempt;
  readonly #options: SchedulerOptions;
  readonly #purpose: Purpose;
  readonly #started: string;
  readonly #earlier: EarlierFailure | undefined;
  readonly #tries: ClaimTry[] = [];

  constructor(
    deps: SchedulerDeps,
    args: Attempt,
    options: SchedulerOptions,
    purpose: Purpose,
    so: { readonly started: string; readonly earlier: EarlierFailure | undefined },
  ) {
    this.#deps = deps;
    this.#args = args;
    this.#options = options;
    this.#purpose = purpose;
    this.#started = so.started;
    this.#earlier = so.earlier;
  }

  async run(entry: Entry): Promise<void> {
    for (let round = 1; ; round++) {
      const request = await this.#purpose.request(entry);
      const hosts = await loadHosts(this.#deps.db.kysely, request, {
        defaultZone: this.#deps.config.defaultAvailabilityZone,
      });
      const { survivors, rounds } = runFilters(hosts, request);
      const weighed = weighHosts(survivors, request, this.#options.multipliers);
      for (const candidate of weighed) {
        if (await this.#take(candidate, request, rounds, weighed)) return;
      }
      if (weighed.length > 0 && round < ROUNDS) continue; // all taken by others meanwhile: look again
      return this.#giveUp(hosts.length, rounds);
    }
  }

  /** Claims, writes the choice and stores the agent's message, all or nothing. False when others were faster. */
  async #take(
    candidate: WeighedHost,
    request: SelectionRequest,
    rounds: readonly FilterRound[],
    weighed: readonly WeighedHost[],
  ): Promise<boolean> {
    const { host } = candidate;
    try {
      const steps = await this.#deps.db.transaction(async (trx) => {
        await this.#assertWanted(trx);
        await this.#assertGroup(trx, host, request);
        const now = isoTime(this.#deps.clock);
        await this.#purpose.place(trx, host, request, now);
        const tries: ClaimTry[] = [...this.#tries, { host: host.host, outcome: 'claimed' }];
        const selected = this.#selected(now, candidate, { request, rounds, weighed, tries });
        await saveStep(trx, selected);
        return [selected, await this.#dispatch(trx, host, now)];
      });
      for (const step of steps) exportStep(step, this.#args.instance_id, currentContext());
      return true;
    } catch (error) {
      if (error instanceof NoCapacity)
        this.#tries.push({ host: host.host, outcome: 'no-capacity', reason: error.message });
      else if (error instanceof GroupChanged)
        this.#tries.push({ host: host.host, outcome: 'group', reason: error.message });
      else throw error;
      return false;
    }
  }

  async #assertWanted(trx: Transaction<ComputeTables>): Promise<void> {
    const entry = await findEntry(trx, this.#args);
    if (!entry || !isWanted(entry, this.#args)) throw new Overtaken();
    const steps = await listSteps(trx, [this.#args.action_id]);
    if (steps.some((step) => step.attempt === this.#args.attempt && step.step === 'dispatch'))
      throw new Overtaken();
  }

  async #assertGroup(
    trx: Transaction<ComputeTables>,
    host: HostState,
    request: SelectionRequest,
  ): Promise<void> {
    const { group } = request;
    if (group?.policy !== 'affinity' && group?.policy !== 'anti-affinity') return;
    const members = await countGroupMembers(trx, group.id, request.instanceId);
    if (group.policy === 'affinity') {
      if (members.size > 0 && !members.has(host.host))
        throw new GroupChanged(`members of the server group are on ${[...members.keys()].join(', ')} now`);
    } else if ((members.get(host.host) ?? 0) >= group.maxServersPerHost) {
      throw new GroupChanged('a member of the server group is on it now');
    }
  }

  #selected(
    now: string,
    { host }: WeighedHost,
    facts: {
      readonly request: SelectionRequest;
      readonly rounds: readonly FilterRound[];
      readonly weighed: readonly WeighedHost[];
      readonly tries: readonly ClaimTry[];
    },
  ): StepRecord {
    return {
      ...stepOf(this.#deps, this.#args, 'select', this.#started),
      state: 'done',
      ended_at: now,
      evidence: {
        ...this.#wanted(facts.request),
        filters: facts.rounds,
        weights: facts.weighed.map((each) => ({
          host: each.host.host,
          weight: each.weight,
          parts: each.parts,
        })),
        tries: facts.tries,
        host: host.host,
        zone: host.zone,
        claim: {
          resource_provider: host.providerId,
          consumer: this.#args.instance_id,
          resources: facts.request.resources,
          ...(host.candidate.size > 1 ? { providers: Object.fromEntries(host.candidate) } : {}),
        },
      },
      output: { host: host.host },
    };
  }

  #wanted(request: SelectionRequest): Record<string, unknown> {
    return {
      request: {
        resources: request.resources,
        required_traits: request.requiredTraits,
        forbidden_traits: request.forbiddenTraits,
        zone: request.zone,
        requested_host: request.requestedHost,
        exclude: request.exclude,
        server_group: request.group,
      },
    };
  }

  async #dispatch(trx: Transaction<ComputeTables>, host: HostState, now: string): Promise<StepRecord> {
    const message = this.#purpose.message(host);
    await enqueue(trx, message);
    const step: StepRecord = {
      ...stepOf(this.#deps, this.#args, 'dispatch', now),
      state: 'done',
      ended_at: now,
      evidence: { queue: message.queue, message_id: message.id, method: message.method, host: host.host },
      output: { host: host.host },
    };
    await saveStep(trx, step);
    return step;
  }

  async #giveUp(hosts: number, rounds: readonly FilterRound[]): Promise<void> {
    const summary =
      this.#tries.length > 0 && rounds.every((round) => round.hosts_out.length < round.hosts_in)
        ? `${hosts} hosts fitted, but each was taken by another launch first`
        : summarise(hosts, rounds);
    const message = withEarlier(summary, this.#earlier, this.#purpose.what);
    const failed = await this.#deps.db.transaction(async (trx) => {
      await this.#assertWanted(trx);
      const now = isoTime(this.#deps.clock);
      const fault: Fault = { code: 500, message, details: describeHosts(rounds), created: now };
      await this.#purpose.giveUp(trx, fault);
      const step: StepRecord = {
        ...stepOf(this.#deps, this.#args, 'select', this.#started),
        state: 'failed',
        ended_at: now,
        evidence: {
          filters: rounds,
          tries: this.#tries,
          ...(this.#earlier ? { earlier_failure: this.#earlier } : {}),
        },
        error: message,
      };
      await saveStep(trx, step);
      return step;
    });
    exportStep(failed, this.#args.instance_id, currentContext());
    this.#deps.log.info(
      { server_id: this.#args.instance_id, hosts, attempt: this.#args.attempt },
      'no host fits',
    );
  }
}
