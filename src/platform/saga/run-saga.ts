// Runs a saga, or goes on with one that a crash interrupted: steps recorded as done are not run again, unless their effect
// did not outlive the process; others are.
import { isoTime } from '#platform/context/clock.ts';
import { causeChain, DomainError } from '#platform/errors/domain-error.ts';
import { timedSpan, type TimedSpan } from '#platform/trace/trace.ts';
import {
  SagaCancelled,
  type AnyStep,
  type RunOptions,
  type Saga,
  type SagaOutcome,
  type Step,
  type StepContext,
  type StepRecord,
  type StepState,
} from './saga.ts';

const UNDO_ATTEMPTS = 5; // a peer that is restarting answers within these; more and a broken undo blocks the retry elsewhere
const UNDO_PAUSE_MS = 200;

/**
 * Runs the steps that are not done yet; on the first failure lets those under way end, then undoes in reverse order all
 * that began. Resolves in either case. Rejects only when the process closes or the log cannot be written: then nothing is
 * decided, and a later run with the same id and attempt goes on.
 */
export async function runSaga<I, O>(saga: Saga<I, O>, options: RunOptions<I>): Promise<SagaOutcome<O>> {
  const run = new Run(saga, options);
  await run.restore();
  const failure = run.interruptedUndo ?? (await run.forward());
  if (!failure) return { kind: 'done', outputs: run.outputs as O };
  const undoFailures = await run.unwind();
  return { kind: 'undone', failedStep: failure.step, cause: failure.cause, undoFailures };
}

interface Failure {
  readonly step: string;
  readonly cause: unknown;
}

class Run<I, O> {
  readonly #saga: Saga<I, O>;
  readonly #options: RunOptions<I>;
  readonly #records = new Map<string, StepRecord>();
  /** Names in the order in which they began, for the way back. */
  readonly #began: string[] = [];
  readonly #cancel = new AbortController();
  outputs: Partial<O> = {};
  interruptedUndo: Failure | undefined;

  constructor(saga: Saga<I, O>, options: RunOptions<I>) {
    this.#saga = saga;
    this.#options = options;
  }

  async restore(): Promise<void> {
    const all = await this.#options.log.load(this.#options.sagaId);
    const own = all.filter(
      (record) =>
        record.attempt === this.#options.attempt &&
        this.#saga.steps.some((step) => step.name === record.step),
    );
    for (const record of own.sort((a, b) => a.started_at.localeCompare(b.started_at))) {
      this.#records.set(record.step, record);
      this.#began.push(record.step);
      if (record.state === 'done' && !this.#isLost(record.step))
        this.outputs = { ...this.outputs, [record.step]: record.output };
      if (
        record.state === 'failed' ||
        record.state === 'undoing' ||
        record.state === 'undone' ||
        record.state === 'undo-failed'
      ) {
        const cause = new DomainError(
          'conflict',
          'interrupted',
          record.error ?? 'interrupted while unwinding',
        );
        if (!this.interruptedUndo || record.state === 'failed')
          this.interruptedUndo = { step: record.step, cause };
      }
    }
  }

  /** Done by a process that died, and its effect with it; or resting on such a step. */
  #isLost(name: string): boolean {
    const step = this.#saga.steps.find((each) => each.name === name);
    return step?.volatile === true || (step?.needs.some((need) => this.#isLost(need)) ?? false);
  }

  async forward(): Promise<Failure | undefined> {
    const { cancel } = this.#options;
    const onCancel = (): void => this.#cancel.abort(new SagaCancelled());
    cancel?.addEventListener('abort', onCancel, { once: true });
    try {
      if (cancel?.aborted) onCancel();
      return await this.#advance();
    } finally {
      cancel?.removeEventListener('abort', onCancel);
    }
  }

  async #advance(): Promise<Failure | undefined> {
    const running = new Map<string, Promise<void>>();
    let failure: Failure | undefined;
    for (;;) {
      if (!failure) {
        for (const step of this.#ready(running)) {
          const task = this.#do(step)
            .catch((cause: unknown) => {
              failure ??= { step: step.name, cause };
              this.#cancel.abort(cause);
            })
            .finally(() => running.delete(step.name));
          running.set(step.name, task);
        }
      }
      if (running.size === 0) break;
      await Promise.race(running.values());
    }
    this.#options.signal.throwIfAborted();
    return failure;
  }

  #ready(running: ReadonlyMap<string, unknown>): Array<AnyStep<I, O>> {
    return this.#saga.steps.filter(
      (step) =>
        !(step.name in this.outputs) &&
        !running.has(step.name) &&
        step.needs.every((need) => need in this.outputs),
    );
  }

  async #do(step: AnyStep<I, O>): Promise<void> {
    const writer = await this.#begin(step, 'running');
    const span = this.#span(step.name, writer.record.started_at);
    try {
      const signal = AbortSignal.any([writer.deadline, this.#cancel.signal, this.#options.signal]);
      const work = span.run(async () => (step as Step<I, O>).do(this.#context(writer, signal)));
      const output = await withSignal(work, signal);
      await writer.end('done', { output });
      this.outputs = { ...this.outputs, [step.name]: output ?? null };
    } catch (error) {
      const cause =
        writer.deadline.aborted && !(error instanceof DomainError)
          ? deadlineError(step.name, step.deadlineMs, writer.waiting, error)
          : error;
      if (!this.#options.signal.aborted) await writer.end('failed', { error: causeChain(cause).join('; ') });
      throw cause;
    } finally {
      writer.close();
      this.#endSpan(span, writer.record);
    }
  }

  /** One for each run of a step and one for its undo: here and nowhere else, so that each is exported once. */
  #span(name: string, startedAt: string): TimedSpan {
    const { sagaId, attempt, actor, spanAttributes } = this.#options;
    return timedSpan(name, Date.parse(startedAt), {
      ...spanAttributes,
      'pileus.saga': this.#saga.name,
      'pileus.saga_id': sagaId,
      'pileus.attempt': attempt,
      'pileus.actor': actor,
    });
  }

  /** A step that the closing process leaves open has no end in its record: its span ends now, and another run's goes on. */
  #endSpan(span: TimedSpan, { ended_at, state, error }: StepRecord): void {
    const at = ended_at === null ? this.#options.clock.now() : Date.parse(ended_at);
    const failed = state === 'failed' || state === 'undo-failed';
    span.end(at, { 'pileus.state': state }, failed ? (error ?? state) : undefined);
  }

  async unwind(): Promise<Array<{ step: string; cause: unknown }>> {
    const failures: Array<{ step: string; cause: unknown }> = [];
    for (const name of this.#began.toReversed()) {
      const step = this.#saga.steps.find((each) => each.name === name) as Step<I, O> | undefined;
      if (!step || this.#records.get(name)?.state === 'undone') continue;
      const cause = step.undo ? await this.#undo(step) : await this.#markUndone(step);
      if (cause !== undefined) failures.push({ step: name, cause });
    }
    return failures;
  }

  async #markUndone(step: Step<I, O>): Promise<undefined> {
    const before = this.#records.get(step.name);
    if (before && before.state !== 'failed')
      await this.#write({ ...before, state: 'undone', ended_at: isoTime(this.#options.clock) });
  }

  async #undo(step: Step<I, O>): Promise<unknown> {
    const before = this.#records.get(step.name);
    const writer = await this.#begin(step, 'undoing', before);
    const span = this.#span(`undo ${step.name}`, isoTime(this.#options.clock)); // the record keeps the start of the step
    try {
      for (let attempt = 1; ; attempt++) {
        try {
          const signal = AbortSignal.any([writer.deadline, this.#options.signal]);
          await span.run(async () => step.undo?.(this.#context(writer, signal)));
          break;
        } catch (error) {
          this.#options.signal.throwIfAborted();
          if (attempt >= UNDO_ATTEMPTS || writer.deadline.aborted) {
            await writer.end('undo-failed', {
              error: [before?.error, ...causeChain(error)].filter(Boolean).join('; '),
            });
            return error;
          }
          await this.#options.clock.sleep(UNDO_PAUSE_MS * attempt, this.#options.signal);
        }
      }
      await writer.end('undone', { error: before?.error ?? null });
      return undefined;
    } finally {
      writer.close();
      this.#endSpan(span, writer.record);
    }
  }

  #context(writer: StepWriter, signal: AbortSignal): StepContext<I, O> {
    const { sagaId, attempt, input } = this.#options;
    return {
      sagaId,
      attempt,
      input,
      outputs: this.outputs,
      signal,
      evidence: writer.evidence,
      waitingFor: writer.waitingFor,
    };
  }

  async #begin(step: AnyStep<I, O>, state: StepState, before?: StepRecord): Promise<StepWriter> {
    const { clock, sagaId, attempt, actor } = this.#options;
    const now = clock.now();
    const record: StepRecord = {
      saga_id: sagaId,
      attempt,
      step: step.name,
      state,
      started_at: before?.started_at ?? new Date(now).toISOString(),
      ended_at: null,
      deadline_at: new Date(now + step.deadlineMs).toISOString(),
      actor,
      waiting_for: null,
      evidence: before?.evidence ?? {},
      output: before?.output ?? null,
      error: before?.error ?? null,
    };
    if (!this.#records.has(step.name)) this.#began.push(step.name);
    await this.#write(record);
    return new StepWriter(
      record,
      step.deadlineMs,
      async (next) => this.#write(next),
      () => isoTime(clock),
    );
  }

  async #write(record: StepRecord): Promise<void> {
    this.#records.set(record.step, record);
    const { cancelled } = await this.#options.log.record(record);
    if (cancelled && record.state === 'running') {
      this.#cancel.abort(new SagaCancelled());
      throw new SagaCancelled();
    }
  }
}

/** Keeps one step's record while it runs. `waitingFor` writes at once, evidence is written with the end. */
class StepWriter {
  #record: StepRecord;
  readonly #save: (record: StepRecord) => Promise<void>;
  readonly #now: () => string;
  readonly #timer: NodeJS.Timeout;
  readonly deadline: AbortSignal;
  #saving: Promise<void> = Promise.resolve();

  constructor(
    record: StepRecord,
    deadlineMs: number,
    save: (record: StepRecord) => Promise<void>,
    now: () => string,
  ) {
    this.#record = record;
    this.#save = save;
    this.#now = now;
    const controller = new AbortController();
    this.deadline = controller.signal;
    this.#timer = setTimeout(() => controller.abort(new Error('deadline')), deadlineMs);
  }

  get record(): StepRecord {
    return this.#record;
  }

  get waiting(): string | null {
    return this.#record.waiting_for;
  }

  evidence = (facts: Readonly<Record<string, unknown>>): void => {
    this.#record = { ...this.#record, evidence: { ...this.#record.evidence, ...facts } };
  };

  waitingFor = (what: string | null): void => {
    if (this.#record.waiting_for === what) return;
    this.#record = { ...this.#record, waiting_for: what };
    const snapshot = this.#record;
    this.#saving = this.#saving.then(async () => this.#save(snapshot)).catch(() => undefined); // shown only; the end is what counts
  };

  async end(state: StepState, result: { output?: unknown; error?: string | null }): Promise<void> {
    await this.#saving;
    const waiting = state === 'failed' ? this.#record.waiting_for : null;
    this.#record = {
      ...this.#record,
      state,
      ended_at: this.#now(),
      waiting_for: waiting,
      ...(result.output === undefined ? {} : { output: result.output }),
      ...(result.error === undefined ? {} : { error: result.error }),
    };
    await this.#save(this.#record);
  }

  close(): void {
    clearTimeout(this.#timer);
  }
}

function deadlineError(
  step: string,
  deadlineMs: number,
  waiting: string | null,
  cause: unknown,
): DomainError {
  const what = waiting ? `: still waiting for ${waiting}` : '';
  return new DomainError(
    'timeout',
    'step-deadline',
    `${step} did not end within ${deadlineMs / 1000} s${what}`,
    { fields: { step }, cause },
  );
}

const SETTLE_MS = 10_000; // a step that ignores its signal for longer may still act while it is being undone

/**
 * Rejects with the signal's reason after it aborts, but lets the work settle first: what it still does must be over
 * before its undo looks for it.
 */
async function withSignal<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  let onAbort: (() => void) | undefined;
  const abandoned = new Promise<never>((_, reject) => {
    onAbort = () => (timer = setTimeout(() => reject(signal.reason as Error), SETTLE_MS));
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([work, abandoned]);
  } catch (error) {
    if (signal.aborted && !(error instanceof DomainError)) throw signal.reason;
    throw error;
  } finally {
    clearTimeout(timer);
    if (onAbort) signal.removeEventListener('abort', onAbort);
    work.catch(() => undefined);
  }
}
