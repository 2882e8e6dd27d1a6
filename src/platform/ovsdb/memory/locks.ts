// The locks of the memory server: each has one owner and a queue behind it. Used by memory-server.ts.

export class Locks {
  readonly #notify: (session: string, method: 'locked' | 'stolen', lock: string) => void;
  readonly #queues = new Map<string, string[]>();

  constructor(notify: (session: string, method: 'locked' | 'stolen', lock: string) => void) {
    this.#notify = notify;
  }

  owns(session: string, lock: string): boolean {
    return this.#queues.get(lock)?.[0] === session;
  }

  /** Whether it is had at once; otherwise a notification tells. */
  lock(session: string, lock: string): boolean {
    const queue = this.#queues.get(lock) ?? [];
    this.#queues.set(lock, queue);
    queue.push(session);
    return queue.length === 1;
  }

  steal(session: string, lock: string): true {
    const queue = this.#queues.get(lock) ?? [];
    const [owner] = queue;
    if (owner !== undefined && owner !== session) this.#notify(owner, 'stolen', lock);
    // Who is stolen from stays first in the queue behind the thief.
    this.#queues.set(lock, [session, ...queue.filter((other) => other !== session)]);
    return true;
  }

  unlock(session: string, lock: string): void {
    const owned = this.owns(session, lock);
    const queue = (this.#queues.get(lock) ?? []).filter((other) => other !== session);
    if (queue.length === 0) this.#queues.delete(lock);
    else this.#queues.set(lock, queue);
    const [next] = queue;
    if (owned && next !== undefined) this.#notify(next, 'locked', lock);
  }

  releaseAll(session: string): void {
    for (const lock of this.#queues.keys()) this.unlock(session, lock);
  }
}
