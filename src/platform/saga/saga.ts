// A saga: an operation of several steps that ends done or undone, whatever dies in between. Its log is the record that
// users see (the launch record). Steps form a graph by `needs`; those that don't depend on each other run side by side.
import type { Clock } from '#platform/context/clock.ts';

export type StepState = 'running' | 'done' | 'failed' | 'undoing' | 'undone' | 'undo-failed';

/** One line of a saga's log: the newest state of one step in one attempt. */
export interface StepRecord {
  readonly saga_id: string;
  /** 1 for the first try, 2 for a retry on another host … */
  readonly attempt: number;
  /** The hop's stable name, as in the launch path: `image.load`. */
  readonly step: string;
  readonly state: StepState;
  readonly started_at: string;
  readonly ended_at: string | null;
  /** When the wait in this step ends at the latest. */
  readonly deadline_at: string;
  /** Who runs it: `compute.host-1`. */
  readonly actor: string;
  /** What the step waits for right now, a sentence; null when it does not wait. */
  readonly waiting_for: string | null;
  /** Facts kept for the trace; no secrets. */
  readonly evidence: Readonly<Record<string, unknown>>;
  /** What later steps need of this one; restored after a crash. */
  readonly output: unknown;
  readonly error: string | null;
}

/** Where the log is kept: SQL beside the state it describes, or RPC to the one who has the database. */
export interface SagaLog {
  /** Every record of the saga, all attempts. */
  load(sagaId: string): Promise<StepRecord[]>;
  /**
   * Stores the newest state of (saga, attempt, step).
   * @returns `cancelled` true when somebody wants the operation undone; the runner then unwinds.
   */
  record(record: StepRecord): Promise<{ cancelled: boolean }>;
}

export interface StepContext<I, O> {
  readonly sagaId: string;
  readonly attempt: number;
  readonly input: I;
  /** Outputs of the steps that are done, by step name. */
  readonly outputs: Partial<O>;
  /** Aborts at the step's deadline, on cancellation and when the process closes. */
  readonly signal: AbortSignal;
  /** Facts for the trace, merged into the step's evidence. */
  evidence(facts: Readonly<Record<string, unknown>>): void;
  /** Says what the step waits for; shown by a running trace. */
  waitingFor(what: string | null): void;
}

export interface Step<I, O, K extends keyof O & string = keyof O & string> {
  readonly name: K;
  readonly needs: ReadonlyArray<keyof O & string>;
  readonly deadlineMs: number;
  /**
   * Its effect ends with the process (a device, a guest): a run that goes on after a crash does it again, and what needs it.
   */
  readonly volatile?: boolean;
  /** Idempotent: it may have run before, wholly or in part. Its result must be plain JSON. */
  readonly do: (context: StepContext<I, O>) => Promise<O[K]>;
  /** Idempotent, and works when `do` never began or got half-way. Absent: a comment in the saga says why not. */
  readonly undo?: (context: StepContext<I, O>) => Promise<void>;
}

/** Any step of a saga whose outputs are `O`. */
export type AnyStep<I, O> = { [K in keyof O & string]: Step<I, O, K> }[keyof O & string];

export interface Saga<I, O> {
  readonly name: string;
  readonly steps: ReadonlyArray<AnyStep<I, O>>;
}

export interface RunOptions<I> {
  readonly sagaId: string;
  readonly attempt: number;
  readonly input: I;
  readonly actor: string;
  readonly log: SagaLog;
  readonly clock: Clock;
  /** Aborts when the process closes: nothing is decided then. */
  readonly signal: AbortSignal;
  /** Aborts when the operation is not wanted any more: it unwinds. The log says so too, at its next write. */
  readonly cancel?: AbortSignal;
  /** Of each step's span, beside its own: `{ 'pileus.server_id': … }`. */
  readonly spanAttributes?: Readonly<Record<string, string>>;
}

/** How a run of a saga ended. `failedStep` is the hop that failed first, `cause` its error. */
export type SagaOutcome<O> =
  | { readonly kind: 'done'; readonly outputs: O }
  | {
      readonly kind: 'undone';
      readonly failedStep: string;
      readonly cause: unknown;
      readonly undoFailures: ReadonlyArray<{ step: string; cause: unknown }>;
    };

/** Raised into steps when the log says that the operation is not wanted any more. */
export class SagaCancelled extends Error {
  constructor() {
    super('the operation was cancelled');
    this.name = 'SagaCancelled';
  }
}
