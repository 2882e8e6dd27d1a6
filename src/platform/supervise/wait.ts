/**
 * Bounded waits on state: a predicate is asked again until it holds, its deadline passes or the wait is given up.
 * Used by the supervisor for readiness and by the bring-up steps.
 */
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

export class DeadlinePassed extends Error {
  readonly code = 'deadline_passed';
  readonly what: string;
  constructor(what: string, deadlineMs: number) {
    super(`${what}: not there after ${deadlineMs} ms`);
    this.name = 'DeadlinePassed';
    this.what = what;
  }
}

export type WaitOptions = { what: string; deadlineMs: number; signal?: AbortSignal | undefined };

/** Asks at once and then every 4 ms, slower by and by up to 50 ms. A throwing predicate ends the wait. */
export async function waitUntil(
  predicate: () => boolean | Promise<boolean>,
  { what, deadlineMs, signal }: WaitOptions,
): Promise<void> {
  const until = performance.now() + deadlineMs;
  for (let pause = 4; ; pause = Math.min(pause * 1.3, 50)) {
    signal?.throwIfAborted();
    if (await predicate()) return;
    if (performance.now() > until) throw new DeadlinePassed(what, deadlineMs);
    await delay(pause, undefined, signal ? { signal } : {});
  }
}

/** True when something accepts connections on the Unix socket. Never throws. */
export function socketAccepts(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const answer = (accepted: boolean): void => {
      socket.destroy();
      resolve(accepted);
    };
    socket.once('connect', () => answer(true));
    socket.once('error', () => answer(false));
  });
}
