// Time as a dependency, so that a seed can replay a failure. Everything that reads a clock takes one of these.
import { setTimeout as sleepFor } from 'node:timers/promises';

export interface Clock {
  /** Wall time in milliseconds since the epoch. */
  now(): number;
  /** Resolves after `ms`; rejects with the signal's reason when it aborts first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: async (ms, signal) => {
    await sleepFor(ms, undefined, signal ? { signal } : {});
  },
};

/** ISO 8601 in UTC with milliseconds: how times are kept in every table. */
export function isoTime(clock: Clock): string {
  return new Date(clock.now()).toISOString();
}
