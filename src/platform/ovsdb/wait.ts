// Waiting on state: a condition is evaluated again on every nudge and on a tick, until a deadline. Used by client.ts.
import { OvsdbError, OvsdbTimeoutError } from './errors.ts';

export interface WaitOptions {
  deadlineMs: number;
  /** Default 1000: the longest that a change not told of can stay unseen. */
  tickMs?: number;
  signal?: AbortSignal;
  /** What is waited for; asked only when the deadline has passed. */
  describe?: string | (() => string);
}

export interface Waitable<T> {
  /** A value that is not false, null or undefined ends the wait. */
  evaluate(): T;
  subscribe(nudge: () => void): () => void;
  closed: AbortSignal;
  /** For the message of a timeout. */
  state(): string;
}

type Truth<T> = Exclude<T, undefined | null | false>;

export async function untilTrue<T>(source: Waitable<T>, options: WaitOptions): Promise<Truth<T>> {
  const { deadlineMs, tickMs = 1000, signal } = options;
  const { promise, resolve, reject } = Promise.withResolvers<Truth<T>>();
  const check = (): void => {
    try {
      const value = source.evaluate();
      if (value !== undefined && value !== null && value !== false) resolve(value as Truth<T>);
    } catch (error) {
      reject(error);
    }
  };
  const onAbort = (): void => reject(signal?.reason);
  const onClosed = (): void => reject(new OvsdbError('closed'));
  if (signal?.aborted) onAbort();
  else if (source.closed.aborted) onClosed();
  else check();
  const unsubscribe = source.subscribe(check);
  const tick = setInterval(check, tickMs);
  const deadline = setTimeout(() => reject(timeout(source, options)), deadlineMs);
  signal?.addEventListener('abort', onAbort);
  source.closed.addEventListener('abort', onClosed);
  try {
    return await promise;
  } finally {
    unsubscribe();
    clearInterval(tick);
    clearTimeout(deadline);
    signal?.removeEventListener('abort', onAbort);
    source.closed.removeEventListener('abort', onClosed);
  }
}

function timeout<T>(
  source: Waitable<T>,
  { deadlineMs, describe = 'condition' }: WaitOptions,
): OvsdbTimeoutError {
  const what = typeof describe === 'string' ? describe : describe();
  return new OvsdbTimeoutError(deadlineMs, { details: `${what} (${source.state()})` });
}
