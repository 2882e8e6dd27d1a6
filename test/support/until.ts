// Waits for a condition, with a deadline; never for a time.
import { setTimeout as sleep } from 'node:timers/promises';

/** Deadlines are written for a machine at rest; beside other tests, and on slower ones, the same work takes a multiple. */
const PATIENCE = 3;

/** `what` is a function where it tells what came until then. @returns the first value that is not undefined and not false. @throws Error naming `what` at the deadline */
export async function until<T>(
  look: () => Promise<T | undefined | false>,
  {
    deadlineMs,
    what,
    everyMs = 100,
  }: { deadlineMs: number; what: string | (() => string); everyMs?: number },
): Promise<T> {
  const mostMs = deadlineMs * PATIENCE;
  const end = Date.now() + mostMs;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > end)
      throw new Error(`waited ${mostMs} ms in vain for ${typeof what === 'string' ? what : what()}`);
    await sleep(everyMs);
  }
}
