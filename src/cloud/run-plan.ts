/**
 * Runs a plan: steps whose needs are met run at the same time, each under a deadline. When one fails, the others
 * are given up and all that was begun is undone. Also undoes a plan that stood: what needs a step goes before it.
 */
import { StepFailed } from './errors.ts';
import type { Progress } from './progress.ts';

export type StepControl = {
  /** Tells the user something that is to stay on the screen. */
  say: (text: string) => void;
  /** Tells what the step is at now; soon replaced. */
  at: (detail: string) => void;
  /** Aborted when another step failed, the deadline passed or the user gave up. */
  signal: AbortSignal;
};

export type Step<Context> = {
  /** Kebab-case, unique in the plan. */
  name: string;
  /** For people: "Open vSwitch on h1". */
  title: string;
  /** Names of steps that must be done before; absent ones are ignored, so that plans can leave steps out. */
  needs: readonly string[];
  /** Default 30 000. */
  deadlineMs?: number;
  do: (context: Context, control: StepControl) => Promise<void>;
  /** Resolves when what `do` started is there to be used. */
  ready?: (context: Context, control: StepControl) => Promise<void>;
  /** Must also work when `do` failed half-way, and twice. A step without it leaves nothing behind that runs. */
  undo?: (context: Context) => Promise<void>;
};

export type Plan<Context> = readonly Step<Context>[];

/** Brings all steps up; returns what undoes them. Throws StepFailed after undoing what was begun. */
export async function runPlan<Context>(
  plan: Plan<Context>,
  context: Context,
  { progress, signal }: { progress: Progress; signal?: AbortSignal | undefined },
): Promise<() => Promise<void>> {
  checkPlan(plan);
  const failure = new AbortController();
  const anySignal = signal ? AbortSignal.any([signal, failure.signal]) : failure.signal;
  const begun = new Set<Step<Context>>();
  const results = new Map<string, Promise<void>>();
  const run = async (step: Step<Context>): Promise<void> => {
    await Promise.all(step.needs.map((name) => results.get(name)));
    anySignal.throwIfAborted();
    begun.add(step);
    await runStep(step, context, progress, anySignal);
  };
  // Later steps may need earlier ones only (checkPlan), so that every need is in `results` already.
  for (const step of plan) {
    const result = run(step);
    result.catch((error: unknown) => failure.abort(error));
    results.set(step.name, result);
  }
  await Promise.allSettled(results.values());
  const undo = (): Promise<void> => undoPlan([...begun], context, progress);
  if (anySignal.aborted) {
    await undo();
    throw anySignal.reason;
  }
  return undo;
}

/** Needs name earlier steps, which also rules out cycles. */
function checkPlan<Context>(plan: Plan<Context>): void {
  const all = new Set(plan.map(({ name }) => name));
  const earlier = new Set<string>();
  for (const step of plan) {
    if (earlier.has(step.name)) throw new Error(`the plan has two steps ${step.name}`);
    const late = step.needs.find((need) => all.has(need) && !earlier.has(need));
    if (late !== undefined) throw new Error(`step ${step.name} needs ${late}, which comes later in the plan`);
    earlier.add(step.name);
  }
}

async function runStep<Context>(
  step: Step<Context>,
  context: Context,
  progress: Progress,
  planSignal: AbortSignal,
): Promise<void> {
  const deadlineMs = step.deadlineMs ?? 30_000;
  const deadline = new AbortController();
  const timer = setTimeout(
    () => deadline.abort(new Error(`it was not done after ${deadlineMs / 1000} s`)),
    deadlineMs,
  );
  const control: StepControl = {
    say: (text) => progress.say(step.name, text),
    at: (detail) => progress.at(step.name, detail),
    signal: AbortSignal.any([planSignal, deadline.signal]),
  };
  progress.begin(step.name, step.title);
  try {
    await step.do(context, control);
    await step.ready?.(context, control);
    progress.done(step.name);
  } catch (error) {
    // When the plan is given up, the reason is what made it so, not what this step says about being interrupted.
    if (planSignal.aborted) {
      progress.gaveUp(step.name);
      throw planSignal.reason;
    }
    const cause = deadline.signal.aborted ? deadline.signal.reason : error;
    progress.failed(step.name, cause);
    throw new StepFailed(step.name, step.title, cause);
  } finally {
    clearTimeout(timer);
  }
}

/** Every step is undone after all begun steps that need it; one that fails does not keep the others. */
export async function undoPlan<Context>(
  plan: Plan<Context>,
  context: Context,
  progress: Progress,
): Promise<void> {
  const results = new Map<string, Promise<void>>();
  const failures: unknown[] = [];
  const undo = (step: Step<Context>): Promise<void> => {
    const existing = results.get(step.name);
    if (existing) return existing;
    const after = plan.filter((other) => other.needs.includes(step.name)).map(undo);
    const result = Promise.all(after)
      .then(() => step.undo?.(context))
      .catch((error: unknown) => {
        failures.push(new StepFailed(step.name, `Undoing ${step.title}`, error));
      });
    results.set(step.name, result);
    return result;
  };
  progress.undoing();
  await Promise.all(plan.map(undo));
  if (failures.length > 0) throw new AggregateError(failures, 'some steps could not be undone');
}
