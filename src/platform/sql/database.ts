// Opens a service's database: SQLite (a file, or memory) or PostgreSQL, by URL.
// Portable tables: text, integer (0/1 for booleans), ISO 8601 text for times, JSON as text.
import { Kysely, PostgresDialect, sql, type CompiledQuery, type Transaction } from 'kysely';
import pg from 'pg';
import { setTimeout as pause } from 'node:timers/promises';
import { sqliteDialect } from './sqlite-dialect.ts';
import { WalSync } from './wal-sync.ts';

// Counts, sizes and sums: all below 2^53 here.
pg.types.setTypeParser(pg.types.builtins.INT8, Number);
pg.types.setTypeParser(pg.types.builtins.NUMERIC, Number);

export type Engine = 'sqlite' | 'postgres';

/** A service's database. `T` maps table names to row types. */
export interface Database<T> extends AsyncDisposable {
  readonly engine: Engine;
  readonly kysely: Kysely<T>;
  /** Runs `fn` in one transaction; on PostgreSQL serializable, retried on serialization failures. No other await than the database's inside. */
  transaction<R>(fn: (trx: Transaction<T>) => Promise<R>, options?: TransactionOptions): Promise<R>;
  /** Statements executed since the start, for tests that hold lists to a constant number. */
  readonly statements: number;
  /** Called with each statement, for tests that look at the plans of hot lists. @returns an end to it */
  onStatement(listener: (statement: CompiledQuery) => void): Disposable;
  /** Called after each successful `transaction`, so that an outbox looks at once. */
  onCommit(listener: () => void): void;
}

export interface TransactionOptions {
  /**
   * False: the promise does not wait for the disk. For what can be found out again, such as a saga's record: a power failure
   * may lose it, a crash of the process does not. Default true. PostgreSQL decides by its own settings.
   */
  readonly durable?: boolean;
}

/** A store's function takes either the database or a transaction of it. */
export type Executor<T> = Kysely<T> | Transaction<T>;

/**
 * `url`: `sqlite:/path/file.db`, `sqlite::memory:` or `postgres://…` (with `?schema=name` to live in a schema of one's own).
 */
export function openDatabase<T>(url: string): Database<T> {
  const engine: Engine = url.startsWith('sqlite:') ? 'sqlite' : 'postgres';
  let statements = 0;
  const listeners: Array<() => void> = [];
  const watchers = new Set<(statement: CompiledQuery) => void>();
  const file = engine === 'sqlite' ? url.slice('sqlite:'.length) : ':memory:';
  const wal = file === ':memory:' ? undefined : new WalSync(file);
  const kysely = new Kysely<T>({
    dialect: engine === 'sqlite' ? sqliteDialect(url.slice('sqlite:'.length)) : postgresDialect(url),
    log: ({ query }) => {
      statements += 1;
      for (const listener of watchers) listener(query);
    },
  });
  return {
    engine,
    kysely,
    get statements() {
      return statements;
    },
    onStatement: (listener) => {
      watchers.add(listener);
      return { [Symbol.dispose]: () => void watchers.delete(listener) };
    },
    onCommit: (listener) => void listeners.push(listener),
    transaction: async (fn, { durable = true } = {}) => {
      const result =
        engine === 'sqlite' ? await kysely.transaction().execute(fn) : await serializable(kysely, fn);
      for (const listener of listeners) listener();
      if (durable) await wal?.flush();
      return result;
    },
    [Symbol.asyncDispose]: async () => {
      await kysely.destroy();
      await wal?.[Symbol.asyncDispose]();
    },
  };
}

function postgresDialect(url: string): PostgresDialect {
  const parsed = new URL(url);
  const schema = parsed.searchParams.get('schema');
  parsed.searchParams.delete('schema');
  const pool = new pg.Pool({
    connectionString: parsed.toString(),
    max: 10,
    ...(schema ? { options: `-c search_path=${schema}` } : {}),
  });
  // An idle connection broke (the server restarts): the pool drops it, and the next query tells if there is no server.
  // Without a listener the event would end the process.
  pool.on('error', () => undefined);
  return new PostgresDialect({ pool });
}

const SERIALIZATION_FAILURES = new Set(['40001', '40P01']);
const ATTEMPTS = 25; // thirty connections that all write one row settle in about fifteen; more means something is wrong
const PAUSE_CEILING_MS = 120; // higher: a hot row stands idle; lower: the losers of one round meet again in the next

async function serializable<T, R>(kysely: Kysely<T>, fn: (trx: Transaction<T>) => Promise<R>): Promise<R> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await kysely.transaction().setIsolationLevel('serializable').execute(fn);
    } catch (error) {
      const code = (error as { code?: string }).code;
      if (attempt >= ATTEMPTS || code === undefined || !SERIALIZATION_FAILURES.has(code)) throw error;
      // By chance, so that those who collided once don't do so again; it decides when, never what.
      await pause(Math.random() * Math.min(PAUSE_CEILING_MS, 2 ** attempt));
    }
  }
}

/** True when `error` says that a unique index refused a row, on either engine. */
export function isUniqueViolation(error: unknown): boolean {
  const { code, errcode } = (error ?? {}) as { code?: string; errcode?: number };
  return code === '23505' || errcode === 2067 || errcode === 1555 || errcode === 2579;
}

/** A readiness check: throws when the database cannot be reached. */
export async function ping<T>(db: Database<T>): Promise<void> {
  await sql`select 1`.execute(db.kysely);
}
