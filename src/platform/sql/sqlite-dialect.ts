// Kysely over Node's built-in SQLite. One connection: DatabaseSync is synchronous, so a second one would buy nothing
// in one thread, and the mutex keeps statements of others out of an open transaction.
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import {
  CompiledQuery,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type Kysely,
  type QueryResult,
} from 'kysely';
import { keepToOwner } from './owner-only.ts';

const STATEMENT_CACHE = 500; // fewer: hot lists with changing filters are prepared again; more: only memory

export function sqliteDialect(path: string): Dialect {
  return {
    createAdapter: () => new SqliteAdapter(),
    createDriver: () => new SqliteDriver(path),
    createQueryCompiler: () => new SqliteQueryCompiler(),
    createIntrospector: (db: Kysely<unknown>) => new SqliteIntrospector(db),
  };
}

class SqliteDriver implements Driver {
  readonly #path: string;
  readonly #turns = new Turns();
  #connection: SqliteConnection | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  async init(): Promise<void> {
    keepToOwner(this.#path);
    const db = new DatabaseSync(this.#path);
    db.exec(
      'PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON; PRAGMA cache_size = -16000;',
    );
    this.#connection = new SqliteConnection(db);
  }

  async acquireConnection(): Promise<DatabaseConnection> {
    await this.#turns.take();
    if (this.#connection) return this.#connection;
    this.#turns.pass();
    throw new Error('the database is closed');
  }

  async releaseConnection(): Promise<void> {
    this.#turns.pass();
  }

  async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('begin immediate'));
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('commit'));
  }

  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('rollback'));
  }

  async destroy(): Promise<void> {
    this.#connection?.close();
    this.#connection = undefined;
  }
}

const TURN_DEADLINE_MS = 20_000; // statements take microseconds: who waits this long waits for itself

/** The one connection goes from hand to hand, first come first served. */
class Turns {
  #taken = false;
  readonly #waiting: Array<() => void> = [];

  /** @throws Error when nobody passes the turn on: mostly a statement on the database within an open transaction of it. */
  async take(): Promise<void> {
    if (!this.#taken) {
      this.#taken = true;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const mine = (): void => {
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(() => {
        this.#waiting.splice(this.#waiting.indexOf(mine), 1);
        reject(
          new Error(
            `a transaction has been open for ${TURN_DEADLINE_MS / 1000} s: does it wait for this statement?`,
          ),
        );
      }, TURN_DEADLINE_MS);
      this.#waiting.push(mine);
    });
  }

  pass(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#taken = false;
  }
}

interface Prepared {
  readonly statement: StatementSync;
  /** Of its columns; none when it answers no rows. */
  readonly names: readonly string[];
}

class SqliteConnection implements DatabaseConnection {
  readonly #db: DatabaseSync;
  readonly #statements = new Map<string, Prepared>();

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    const { statement, names } = this.#prepare(query.sql);
    const parameters = query.parameters.map(toSqlValue);
    if (names.length > 0) {
      // Arrays are read faster than SQLite's own objects, and plain objects are copied faster by whoever shows them.
      const rows = statement.all(...parameters) as unknown as unknown[][];
      return { rows: rows.map((row) => toObject(names, row) as R) };
    }
    const { changes, lastInsertRowid } = statement.run(...parameters);
    if (CHANGES_TABLES.test(query.sql)) this.#statements.clear(); // `select *` has other columns now
    return { rows: [], numAffectedRows: BigInt(changes), insertId: BigInt(lastInsertRowid) };
  }

  // eslint-disable-next-line require-yield
  async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new Error('streaming queries are not offered on SQLite: page instead');
  }

  close(): void {
    this.#statements.clear();
    this.#db.close();
  }

  #prepare(sql: string): Prepared {
    const known = this.#statements.get(sql);
    if (known) {
      this.#statements.delete(sql);
      this.#statements.set(sql, known); // the one not used for longest is first
      return known;
    }
    const statement = this.#db.prepare(sql);
    statement.setReturnArrays(true);
    const prepared = { statement, names: statement.columns().map(({ name }) => name) };
    if (this.#statements.size >= STATEMENT_CACHE) {
      const oldest = this.#statements.keys().next().value;
      if (oldest !== undefined) this.#statements.delete(oldest);
    }
    this.#statements.set(sql, prepared);
    return prepared;
  }
}

const CHANGES_TABLES = /^\s*(create|alter|drop)\b/i;

function toObject(names: readonly string[], row: readonly unknown[]): Record<string, unknown> {
  const object: Record<string, unknown> = {};
  for (let i = 0; i < names.length; i++) object[names[i]!] = row[i]; // as many as columns
  return object;
}

function toSqlValue(value: unknown): SQLInputValue {
  if (value === undefined || value === null) return null;
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (
    typeof value === 'string' ||
    typeof value === 'number' ||
    typeof value === 'bigint' ||
    value instanceof Uint8Array
  )
    return value;
  throw new TypeError(`a ${typeof value} is no SQL value: write JSON columns as text`);
}
