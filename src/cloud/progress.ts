/**
 * How a bring-up shows itself: live lines with times for a person at a terminal, plain lines for a log.
 * The plan runner tells it; `up` chooses which.
 */
import { explain } from './errors.ts';

export interface Progress {
  begin(step: string, title: string): void;
  /** Something to read, which stays. */
  say(step: string, text: string): void;
  /** What the step is at; replaced by the next. */
  at(step: string, detail: string): void;
  done(step: string): void;
  failed(step: string, error: unknown): void;
  gaveUp(step: string): void;
  undoing(): void;
  /** Ends the display; what was shown stays. */
  close(): void;
}

export const silentProgress: Progress = {
  begin: () => undefined,
  say: () => undefined,
  at: () => undefined,
  done: () => undefined,
  failed: () => undefined,
  gaveUp: () => undefined,
  undoing: () => undefined,
  close: () => undefined,
};

type Out = { write(text: string): unknown; columns?: number };
type Clock = () => number;
type Running = { title: string; since: number; detail: string };

/** How often a log is told what a long step is at. */
const LOG_EVERY_MS = 10_000;

const seconds = (ms: number): string => `${(ms / 1000).toFixed(ms < 9950 ? 2 : 1)} s`;

/** One line when a step is done or says something, and now and then in a long one; nothing moves. */
export function lineProgress(out: Out, clock: Clock = () => performance.now()): Progress {
  const running = new Map<string, Running & { told: number }>();
  const end = (step: string, how: (title: string, took: string) => string): void => {
    const one = running.get(step);
    running.delete(step);
    if (one) out.write(`${how(one.title, seconds(clock() - one.since))}\n`);
  };
  return {
    begin: (step, title) =>
      void running.set(step, { title, since: clock(), detail: '', told: Number.NEGATIVE_INFINITY }),
    say: (step, text) => void out.write(`${running.get(step)?.title ?? step}: ${clean(text)}\n`),
    at: (step, detail) => {
      const one = running.get(step);
      if (!one || clock() - one.told < LOG_EVERY_MS) return;
      one.told = clock();
      out.write(`${one.title}: ${clean(detail)}\n`);
    },
    done: (step) => end(step, (title, took) => `done ${title} (${took})`),
    failed: (step, error) => end(step, (title, took) => `FAILED ${title} (${took}): ${explain(error)}`),
    gaveUp: (step) => end(step, (title, took) => `given up ${title} (${took})`),
    undoing: () => void out.write('ending what was started\n'),
    close: () => undefined,
  };
}

const SPINNER = '⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏';
const FRAME_MS = 80;

/** Done steps scroll up with their times; running ones stay below, redrawn in place. */
export function liveProgress(out: Out, clock: Clock = () => performance.now()): Progress {
  const running = new Map<string, Running>();
  let drawn = 0;
  let frame = 0;
  const erase = (): string => (drawn > 0 ? `\x1b[${drawn}A\x1b[J` : '');
  const draw = (lasting = ''): void => {
    const width = Math.max((out.columns || 80) - 1, 20);
    const mark = SPINNER[frame % SPINNER.length];
    const lines = [...running.values()].map((one) => {
      const text = `${mark} ${one.title}  ${seconds(clock() - one.since)}${one.detail ? `  ${one.detail}` : ''}`;
      return text.slice(0, width);
    });
    out.write(`${erase()}${lasting}${lines.map((line) => `${line}\n`).join('')}`);
    drawn = lines.length;
  };
  const timer = setInterval(() => {
    frame += 1;
    if (running.size > 0) draw();
  }, FRAME_MS);
  timer.unref();
  const end = (step: string, mark: string, more = ''): void => {
    const one = running.get(step);
    running.delete(step);
    if (one) draw(`${mark} ${one.title}  \x1b[2m${seconds(clock() - one.since)}\x1b[22m${more}\n`);
  };
  return {
    begin: (step, title) => {
      running.set(step, { title, since: clock(), detail: '' });
      draw();
    },
    say: (step, text) => draw(`${running.get(step)?.title ?? step}: ${clean(text)}\n`),
    at: (step, detail) => {
      const one = running.get(step);
      if (one) one.detail = clean(detail);
    },
    done: (step) => end(step, '\x1b[32m✓\x1b[39m'),
    failed: (step, error) => end(step, '\x1b[31m✗\x1b[39m', `\n  ${explain(error).replaceAll('\n', '\n  ')}`),
    gaveUp: (step) => end(step, '\x1b[33m-\x1b[39m'),
    undoing: () => draw('ending what was started\n'),
    close: () => {
      clearInterval(timer);
      running.clear();
      draw();
    },
  };
}

/** Programs' output may hold control characters that would break the redrawing. */
function clean(text: string): string {
  // oxlint-disable-next-line no-control-regex -- control characters are what is removed
  return text.replace(/[\x00-\x1f\x7f]+/g, ' ').trim();
}
