// The durable outbox: a message is stored in the transaction that makes it necessary and delivered after the commit,
// again and again until a handler has acknowledged it. `kill -9` at any moment loses nothing.
import type { Executor, Database } from '#platform/sql/database.ts';
import type { Migration } from '#platform/sql/migrate.ts';
import type { Log } from '#platform/log/log.ts';
import { causeChain } from '#platform/errors/domain-error.ts';
import type { Bus, Message } from './bus.ts';

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
      created_at: new Date().toISOString(),
      attempts: 0,
    })
    .execute();
}

const TICK_MS = 1000; // how late a message can be whose nudge was lost
const RETRY_FLOOR_MS = 200;
const RETRY_CEILING_MS = 10_000; // higher: a healed peer waits longer; lower: a broken one is hammered

/** Delivers what is in the outbox. Messages of one queue start in order; each is retried with growing pauses. */
export function startOutbox<T extends OutboxTables>(db: Database<T>, bus: Bus, log: Log): AsyncDisposable {
  const outbox = db as unknown as Database<OutboxTables>;
  const busy = new Map<string, Promise<void>>();
  const notBefore = new Map<string, number>();
  let closed = false;
  let looking: Promise<void> | undefined;
  let again = false;

  const deliver = async (row: OutboxRow): Promise<void> => {
    try {
      await bus.cast({
        id: row.id,
        queue: row.queue,
        method: row.method,
        payload: JSON.parse(row.payload),
        headers: JSON.parse(row.headers),
      });
      await outbox.kysely.deleteFrom('outbox').where('id', '=', row.id).execute();
      notBefore.delete(row.id);
    } catch (error) {
      if (closed) return;
      const pause = Math.min(RETRY_CEILING_MS, RETRY_FLOOR_MS * 2 ** Math.min(row.attempts, 10));
      notBefore.set(row.id, Date.now() + pause);
      log.warn(
        {
          queue: row.queue,
          method: row.method,
          message_id: row.id,
          attempts: row.attempts + 1,
          causes: causeChain(error),
        },
        'delivery failed, will retry',
      );
      await outbox.kysely
        .updateTable('outbox')
        .set({ attempts: row.attempts + 1 })
        .where('id', '=', row.id)
        .execute();
    }
  };

  const look = async (): Promise<void> => {
    do {
      again = false;
      const rows = await outbox.kysely
        .selectFrom('outbox')
        .selectAll()
        .orderBy('created_at')
        .limit(500)
        .execute();
      for (const row of rows) {
        if (closed) return;
        if (busy.has(row.id) || (notBefore.get(row.id) ?? 0) > Date.now()) continue;
        busy.set(
          row.id,
          deliver(row)
            .catch((error: unknown) => log.error({ err: error }, 'outbox delivery broke'))
            .finally(() => busy.delete(row.id)),
        );
      }
    } while (again && !closed);
  };

  const nudge = (): void => {
    again = true;
    if (looking || closed) return;
    looking = look()
      .catch((error: unknown) => void (closed || log.error({ err: error }, 'outbox could not be read')))
      .finally(() => (looking = undefined));
  };

  db.onCommit(nudge);
  const timer = setInterval(nudge, TICK_MS);
  nudge();
  return {
    [Symbol.asyncDispose]: async () => {
      closed = true;
      clearInterval(timer);
      await looking;
    },
  };
}
