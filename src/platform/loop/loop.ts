// A reconciler's heart: runs a function on a timer and on a nudge, never twice at once, with growing pauses after errors.
import type { Log } from '#platform/log/log.ts';

export interface LoopOptions {
  readonly name: string;
  /** At the latest this long after the last run; a nudge runs it at once. */
  readonly intervalMs: number;
  readonly run: (signal: AbortSignal) => Promise<void>;
  readonly log: Log;
}

export interface Loop extends AsyncDisposable {
  /** Something changed: run soon. Cheap to call often; calls during a run cause exactly one more. */
  nudge(): void;
  /** Resolves when a run that began after this call has ended. For tests and for callers that need the result. */
  settled(): Promise<void>;
}

const FIRST_RETRY_MS = 200; // doubled with each failure, up to the interval: a nudge in between does not shorten it

export function startLoop({ name, intervalMs, run, log }: LoopOptions): Loop {
  const controller = new AbortController();
  let wanted = true;
  let failures = 0;
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> | undefined;
  let waiters: Array<() => void> = [];

  const runOnce = async (): Promise<void> => {
    wanted = false;
    const served = waiters;
    waiters = [];
    try {
      await run(controller.signal);
      failures = 0;
    } catch (error) {
      failures += 1;
      if (!controller.signal.aborted) log.error({ loop: name, failures, err: error }, 'loop run failed');
    }
    for (const done of served) done();
  };

  const schedule = (ms: number): void => {
    clearTimeout(timer);
    if (!controller.signal.aborted) timer = setTimeout(start, ms);
  };

  const start = (): void => {
    if (running || controller.signal.aborted) return;
    running = runOnce().finally(() => {
      running = undefined;
      if (failures > 0) schedule(Math.min(intervalMs, FIRST_RETRY_MS * 2 ** Math.min(failures - 1, 10)));
      else schedule(wanted ? 0 : intervalMs);
    });
  };

  schedule(0);
  return {
    nudge: () => {
      wanted = true;
      if (!running && failures === 0) schedule(0); // after a failure the retry comes soon of itself
    },
    settled: () =>
      new Promise((resolve) => {
        if (controller.signal.aborted) return resolve();
        waiters.push(resolve);
        wanted = true;
        if (!running) schedule(0);
      }),
    [Symbol.asyncDispose]: async () => {
      controller.abort(new Error(`loop ${name} is closing`));
      clearTimeout(timer);
      await running;
      for (const done of waiters.splice(0)) done();
    },
  };
}
