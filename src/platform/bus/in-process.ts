// The bus inside one process: queues with bounded concurrency, copies instead of shared objects, and the same deadlines
// and errors as RabbitMQ has. Durability is the outbox's: a cast resolves only when its handler is done.
import { DomainError, fromWireError, toWireError } from '#platform/errors/domain-error.ts';
import type { Bus, Delivery, Message, ServeOptions, Subscription } from './bus.ts';

interface Work {
  readonly message: Message;
  readonly redelivered: boolean;
  settle(outcome: { value: unknown } | { error: unknown }): void;
}

interface Queue {
  readonly waiting: Work[];
  handler: ((message: Message, delivery: Delivery) => Promise<unknown>) | undefined;
  concurrency: number;
  running: number;
}

const MAX_WAITING = 10_000; // past this a sender is told at once instead of memory filling up

export function createInProcessBus(): Bus {
  const queues = new Map<string, Queue>();
  const topics = new Map<string, Set<(payload: unknown, topic: string) => void>>();
  const delivered = new Set<string>();
  let closed = false;

  const queueOf = (name: string): Queue => {
    const known = queues.get(name);
    if (known) return known;
    const queue: Queue = { waiting: [], handler: undefined, concurrency: 16, running: 0 };
    queues.set(name, queue);
    return queue;
  };

  const pump = (queue: Queue): void => {
    while (queue.handler && queue.running < queue.concurrency) {
      const work = queue.waiting.shift();
      if (!work) return;
      queue.running += 1;
      const { message, redelivered } = work;
      queue
        .handler(
          { ...message, payload: copy(message.payload) },
          { id: message.id, queue: message.queue, redelivered },
        )
        .then(
          (value) => work.settle({ value: copy(value) }),
          (error: unknown) => work.settle({ error: fromWireErrorOf(error) }),
        )
        .finally(() => {
          queue.running -= 1;
          pump(queue);
        });
    }
  };

  const send = (message: Message): Promise<unknown> =>
    new Promise((resolve, reject) => {
      if (closed) return reject(new DomainError('unavailable', 'bus-closed', 'the message bus is closed'));
      const queue = queueOf(message.queue);
      if (queue.waiting.length >= MAX_WAITING) {
        return reject(
          new DomainError(
            'unavailable',
            'queue-full',
            `queue ${message.queue} holds ${MAX_WAITING} messages: try again later`,
          ),
        );
      }
      const redelivered = delivered.has(message.id);
      const settle: Work['settle'] = (outcome) => {
        if ('error' in outcome) {
          delivered.add(message.id);
          reject(outcome.error);
        } else {
          delivered.delete(message.id);
          resolve(outcome.value);
        }
      };
      queue.waiting.push({ message, redelivered, settle });
      pump(queue);
    });

  return {
    kind: 'in-process',
    call: async (message, deadlineMs) => withDeadline(send(message), deadlineMs, message),
    cast: async (message) => void (await send(message)),
    serve: async (name, handler, options: ServeOptions = {}): Promise<Subscription> => {
      const queue = queueOf(name);
      if (queue.handler) throw new Error(`queue ${name} is served already`);
      queue.handler = handler;
      queue.concurrency = options.concurrency ?? 16;
      pump(queue);
      return {
        close: async () => {
          queue.handler = undefined;
        },
      };
    },
    publish: async (topic, payload) => {
      for (const pattern of patternsOf(topic)) {
        for (const listener of topics.get(pattern) ?? [])
          queueMicrotask(() => listener(copy(payload), topic));
      }
    },
    subscribe: async (topic, listener) => {
      const listeners = topics.get(topic) ?? new Set();
      topics.set(topic, listeners.add(listener));
      return { close: async () => void listeners.delete(listener) };
    },
    [Symbol.asyncDispose]: async () => {
      closed = true;
      for (const queue of queues.values()) {
        queue.handler = undefined;
        for (const work of queue.waiting.splice(0)) {
          work.settle({ error: new DomainError('unavailable', 'bus-closed', 'the message bus is closed') });
        }
      }
    },
  };
}

/** `a.b.c` is heard by subscribers of `a.b.c`, `a.b.*`, `a.*` and `*`. */
export function patternsOf(topic: string): string[] {
  const parts = topic.split('.');
  return [topic, ...parts.map((_, i) => [...parts.slice(0, parts.length - 1 - i), '*'].join('.'))];
}

function copy(value: unknown): unknown {
  return value === undefined ? undefined : (JSON.parse(JSON.stringify(value)) as unknown);
}

function fromWireErrorOf(error: unknown): Error {
  const revived = fromWireError(toWireError(error));
  revived.cause = error;
  return revived;
}

async function withDeadline(
  answer: Promise<unknown>,
  deadlineMs: number,
  message: Message,
): Promise<unknown> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(
        new DomainError(
          'timeout',
          'rpc-timeout',
          `${message.queue}.${message.method} gave no answer within ${deadlineMs} ms`,
        ),
      );
    }, deadlineMs);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
    answer.catch(() => undefined); // it may still fail after the deadline, with nobody listening
  }
}
