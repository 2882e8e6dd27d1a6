// The durable outbox: a message is stored in the transaction that makes it necessary and delivered after the commit,
// again and again until a handler has acknowledged it. `kill -9` at any moment loses nothing.
import type { Executor, Database } from '#platform/sql/database.ts';
import type { Migration } from '#platform/sql/migrate.ts';
import type { Log } from '#platform/log/log.ts';
import { causeChain } from '#platform/errors/domain-error.ts';
import type { Bus, Message, MessageHeaders } from './bus.ts';

export interface OutboxRow {
  id: string;
  queue: string;
  method: string;
  payload: string;
  headers: string;
  created_at: string;
  attempts: number;
}

/** What a database must have for an outbox; a service's table type extends it. */
export interface OutboxTables {
  outbox: OutboxRow;
}

export const outboxMigration: Migration = {
  name: '000-outbox',
  up: async (db) => {
    await db.schema
      .createTable('outbox')
      .addColumn('id', 'text', (c) => c.primaryKey())
      .addColumn('queue', 'text', (c) => c.notNull())
      .addColumn('method', 'text', (c) => c.notNull())
      .addColumn('payload', 'text', (c) => c.notNull())
      .addColumn('headers', 'text', (c) => c.notNull())
      .addColumn('created_at', 'text', (c) => c.notNull())
      .addColumn('attempts', 'integer', (c) => c.notNull())
      .execute();
  },
};

/** Stores `message`; call it inside the transaction that commits the intent. */
export async function enqueue<T extends OutboxTables>(trx: Executor<T>, message: Message): Promise<void> {
  const executor = trx as unknown as Executor<OutboxTables>;
  await executor
    .insertInto('outbox')
    .values({
      id: message.id,
      queue: message.queue,
      method: message.method,
      payload: JSON.stringify(message.payload ?? null),
      headers: JSON.stringify(message.headers),
      created_at: nextInstant(),
      attempts: 0,
    })
    .execute();
}

let lastMicros = 0;

/** ISO 8601 with microseconds, each later than the one before: the order of delivery within a queue. */
function nextInstant(): string {
  lastMicros = Math.max(Date.now() * 1000, lastMicros + 1);
  const micros = String(lastMicros % 1000).padStart(3, '0');
  return new Date(Math.floor(lastMicros / 1000)).toISOString().replace('Z', `${micros}Z`);
}

const TICK_MS = 1000; // how late a message can be whose nudge was lost
const RETRY_FLOOR_MS = 200;
const RETRY_CEILING_MS = 10_000; // higher: a healed peer waits longer; lower: a broken one is hammered

/** Under way at once from one queue. Lower than a queue's concurrency starves it; far higher only fills memory. */
const PER_QUEUE = 64;

/**
 * Delivers what is in the outbox. Messages of one queue start in order, and a queue that nobody serves delays no other;
 * each is retried with growing pauses, and never delivered again while one delivery of it is under way.
 */
export function startOutbox<T extends OutboxTables>(db: Database<T>, bus: Bus, log: Log): AsyncDisposable {
  const outbox = new Outbox(db as unknown as Database<OutboxTables>, bus, log);
  db.onCommit(outbox.nudge);
  outbox.nudge();
  return outbox;
}

class Outbox implements AsyncDisposable {
  readonly #db: Database<OutboxTables>;
  readonly #bus: Bus;
  readonly #log: Log;
  readonly #tick: NodeJS.Timeout;
  /** Ids under way, until their rows are gone or their delivery has failed. */
  readonly #busy = new Set<string>();
  /** Ids that wait for their next try. */
  readonly #resting = new Map<string, NodeJS.Timeout>();
  /** Ids whose rows are to be removed. */
  readonly #done = new Set<string>();
  /** Ids removed since the last read began: a read under way may still show them. */
  readonly #removed = new Set<string>();
  #wanted = false;
  #looking: Promise<void> | undefined;
  #removing: Promise<void> | undefined;
  /** Some queue holds more than may be under way. */
  #more = false;
  #closed = false;

  constructor(db: Database<OutboxTables>, bus: Bus, log: Log) {
    this.#db = db;
    this.#bus = bus;
    this.#log = log;
    this.#tick = setInterval(this.nudge, TICK_MS);
  }

  readonly nudge = (): void => {
    this.#wanted = true;
    if (!this.#closed) this.#looking ??= this.#lookWhileWanted();
  };

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    clearInterval(this.#tick);
    for (const timer of this.#resting.values()) clearTimeout(timer);
    await this.#looking;
    await this.#removing;
  }

  async #lookWhileWanted(): Promise<void> {
    while (this.#wanted && !this.#closed) {
      this.#wanted = false;
      await this.#look().catch((error: unknown) => {
        if (!this.#closed) this.#log.error({ err: error }, 'outbox could not be read');
      });
    }
    this.#looking = undefined; // with no await since the last test of #wanted: no nudge is lost
  }

  async #look(): Promise<void> {
    if (this.#done.size > 0) this.#remove();
    this.#removed.clear();
    const rows = await this.#read();
    const fresh = rows.filter(
      ({ id }) => !this.#busy.has(id) && !this.#resting.has(id) && !this.#removed.has(id),
    );
    this.#more = rows.length >= PER_QUEUE;
    if (fresh.length === 0 || this.#closed) return;
    for (const { id } of fresh) this.#busy.add(id);
    try {
      await this.#countAttempts(fresh.map(({ id }) => id));
    } catch (error) {
      for (const { id } of fresh) this.#busy.delete(id);
      throw error;
    }
    for (const row of fresh) void this.#deliver(row);
  }

  /** The oldest of each queue, in one statement. */
  async #read(): Promise<OutboxRow[]> {
    const places = this.#db.kysely
      .selectFrom('outbox')
      .selectAll()
      .select((e) =>
        e.fn
          .agg<number>('row_number')
          .over((o) => o.partitionBy('queue').orderBy('created_at').orderBy('id'))
          .as('place'),
      );
    return this.#db.kysely
      .selectFrom(places.as('places'))
      .select(['id', 'queue', 'method', 'payload', 'headers', 'created_at', 'attempts'])
      .where('place', '<=', PER_QUEUE + this.#resting.size) // those at rest must not hold up the rest
      .orderBy('created_at')
      .orderBy('id')
      .execute();
  }

  /** Before the delivery: after a crash within it, the next one is known to be another. */
  async #countAttempts(ids: readonly string[]): Promise<void> {
    await this.#db.kysely
      .updateTable('outbox')
      .set((e) => ({ attempts: e('attempts', '+', 1) }))
      .where('id', 'in', ids)
      .execute();
  }

  async #deliver(row: OutboxRow): Promise<void> {
    const { id, queue, method, attempts } = row;
    try {
      await this.#bus.cast({
        id,
        queue,
        method,
        payload: JSON.parse(row.payload) as unknown,
        headers: JSON.parse(row.headers) as MessageHeaders,
        redelivered: attempts > 0,
      });
      this.#done.add(id);
      this.#remove();
    } catch (error) {
      this.#busy.delete(id);
      if (this.#closed) return;
      const pause = Math.min(RETRY_CEILING_MS, RETRY_FLOOR_MS * 2 ** Math.min(attempts, 10));
      this.#log.warn(
        { queue, method, message_id: id, attempts: attempts + 1, causes: causeChain(error) },
        'delivery failed, will retry',
      );
      this.#resting.set(
        id,
        setTimeout(() => {
          this.#resting.delete(id);
          this.nudge();
        }, pause),
      );
    }
  }

  #remove(): void {
    this.#removing ??= this.#removeAll();
  }

  /** What ends while a removal is under way goes together with the next. */
  async #removeAll(): Promise<void> {
    while (this.#done.size > 0) {
      const ids = [...this.#done].slice(0, 500);
      try {
        await this.#db.kysely.deleteFrom('outbox').where('id', 'in', ids).execute();
      } catch (error) {
        if (!this.#closed)
          this.#log.error({ err: error }, 'delivered messages could not be removed, will retry');
        break; // the tick tries again; until then they count as under way
      }
      for (const id of ids) {
        this.#done.delete(id);
        this.#busy.delete(id);
        this.#removed.add(id);
      }
    }
    this.#removing = undefined;
    if (this.#more) this.nudge();
  }
}
