// The bus inside one process: queues with bounded concurrency, copies instead of shared objects, and the same deadlines
// and errors as RabbitMQ has. Durability is the outbox's: a cast resolves only when its handler is done.
import { DomainError, fromWireError, toWireError } from '#platform/errors/domain-error.ts';
import { silentLog, type Log } from '#platform/log/log.ts';
import type { Bus, Delivery, Message, ServeOptions, Subscription } from './bus.ts';

type QueueHandler = (message: Message, delivery: Delivery) => Promise<unknown>;
type Listener = (payload: unknown, topic: string) => void;

interface Work {
  /** A copy: the sender may change its own. */
  readonly message: Message;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
  /** The caller waits no longer: work that has not begun is not begun. */
  abandoned: boolean;
}

interface Queue {
  readonly waiting: Work[];
  handler: QueueHandler | undefined;
  concurrency: number;
  running: number;
}

const CONCURRENCY = 16;
const MAX_WAITING = 10_000; // past this a sender is told at once instead of memory filling up

/** @param log gets what listeners throw, which concerns no publisher */
export function createInProcessBus({ log = silentLog }: { log?: Log } = {}): Bus {
  return new InProcessBus(log);
}

class InProcessBus implements Bus {
  readonly kind = 'in-process';
  readonly #log: Log;
  readonly #queues = new Map<string, Queue>();
  readonly #topics = new Map<string, Set<Listener>>();
  #closed = false;

  constructor(log: Log) {
    this.#log = log;
  }

  async call(message: Message, deadlineMs: number): Promise<unknown> {
    const { promise, work } = this.#send(message);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        work.abandoned = true;
        reject(timeoutError(message, deadlineMs));
      }, deadlineMs);
    });
    try {
      return await Promise.race([promise, late]);
    } finally {
      clearTimeout(timer);
      promise.catch(() => undefined); // it may still fail after the deadline, with nobody listening
    }
  }

  async cast(message: Message): Promise<void> {
    await this.#send(message).promise;
  }

  async serve(name: string, handler: QueueHandler, options: ServeOptions = {}): Promise<Subscription> {
    const queue = this.#queueOf(name);
    if (queue.handler) throw new Error(`queue ${name} is served already`);
    queue.handler = handler;
    queue.concurrency = options.concurrency ?? CONCURRENCY;
    this.#pump(queue);
    return {
      close: async () => {
        if (queue.handler === handler) queue.handler = undefined;
      },
    };
  }

  async publish(topic: string, payload: unknown): Promise<void> {
    if (this.#closed) return;
    const text = JSON.stringify(payload);
    for (const listener of patternsOf(topic).flatMap((pattern) => [...(this.#topics.get(pattern) ?? [])])) {
      queueMicrotask(() => {
        try {
          listener(text === undefined ? undefined : (JSON.parse(text) as unknown), topic);
        } catch (error) {
          this.#log.error({ topic, err: error }, 'a listener failed');
        }
      });
    }
  }

  async subscribe(topic: string, listener: Listener): Promise<Subscription> {
    const own: Listener = (payload, name) => listener(payload, name); // one function may subscribe twice
    const listeners = this.#topics.get(topic) ?? new Set();
    this.#topics.set(topic, listeners.add(own));
    return {
      close: async () => {
        listeners.delete(own);
        if (listeners.size === 0 && this.#topics.get(topic) === listeners) this.#topics.delete(topic);
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#topics.clear();
    for (const queue of this.#queues.values()) {
      queue.handler = undefined;
      for (const work of queue.waiting.splice(0)) work.reject(closedError());
    }
  }

  #queueOf(name: string): Queue {
    const known = this.#queues.get(name);
    if (known) return known;
    const queue: Queue = { waiting: [], handler: undefined, concurrency: CONCURRENCY, running: 0 };
    this.#queues.set(name, queue);
    return queue;
  }

  #send(message: Message): { promise: Promise<unknown>; work: Work } {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const work = {
      message: { ...message, payload: copy(message.payload) },
      resolve,
      reject,
      abandoned: false,
    };
    const queue = this.#queueOf(message.queue);
    if (this.#closed) reject(closedError());
    else if (queue.waiting.length >= MAX_WAITING) reject(fullError(message.queue));
    else {
      queue.waiting.push(work);
      this.#pump(queue);
    }
    return { promise, work };
  }

  #pump(queue: Queue): void {
    while (queue.handler && queue.running < queue.concurrency) {
      const work = queue.waiting.shift();
      if (!work) return;
      if (!work.abandoned) void this.#handle(queue, queue.handler, work);
    }
  }

  async #handle(queue: Queue, handler: QueueHandler, { message, resolve, reject }: Work): Promise<void> {
    queue.running += 1;
    const delivery = { id: message.id, queue: message.queue, redelivered: message.redelivered ?? false };
    try {
      resolve(copy(await handler(message, delivery)));
    } catch (error) {
      reject(asCrossed(error));
    } finally {
      queue.running -= 1;
      this.#pump(queue);
    }
  }
}

/** `a.b.c` is heard by subscribers of `a.b.c`, `a.b.*`, `a.*` and `*`. */
export function patternsOf(topic: string): string[] {
  const parts = topic.split('.');
  return [topic, ...parts.map((_, i) => [...parts.slice(0, parts.length - 1 - i), '*'].join('.'))];
}

function copy(value: unknown): unknown {
  return value === undefined ? undefined : (JSON.parse(JSON.stringify(value)) as unknown);
}

/** The error as a caller in another process would see it; here its cause, or the bug itself, is kept for logs. */
function asCrossed(error: unknown): Error {
  const revived = fromWireError(toWireError(error));
  const cause = error instanceof DomainError ? error.cause : error;
  if (cause !== undefined) revived.cause = cause;
  return revived;
}

function timeoutError(message: Message, deadlineMs: number): DomainError {
  const what = `${message.queue}.${message.method} gave no answer within ${deadlineMs} ms`;
  return new DomainError('timeout', 'rpc-timeout', what);
}

function fullError(queue: string): DomainError {
  const what = `queue ${queue} holds ${MAX_WAITING} messages: try again later`;
  return new DomainError('unavailable', 'queue-full', what);
}

function closedError(): DomainError {
  return new DomainError('unavailable', 'bus-closed', 'the message bus is closed');
}
