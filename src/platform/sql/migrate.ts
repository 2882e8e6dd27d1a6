// Forward-only migrations, one list a service, run at start. Each runs in a transaction of its own and is recorded.
import { sql, type Kysely } from 'kysely';
import type { Database } from './database.ts';

export interface Migration {
  /** Stable and ordered: `001-users`. */
  readonly name: string;
  readonly up: (db: Kysely<unknown>) => Promise<void>;
}

/**
 * Applies the migrations that `scope` (a service's name) has not recorded yet, in the order given. Several processes may
 * start at once: each migration is looked up again under a lock, in the transaction that applies it.
 */
export async function migrate<T>(
  db: Database<T>,
  scope: string,
  migrations: readonly Migration[],
): Promise<void> {
  const kysely = db.kysely as unknown as Kysely<unknown>;
  await locked(db, async (trx) => {
    await sql`create table if not exists schema_migrations (scope text not null, name text not null, primary key (scope, name))`.execute(
      trx,
    );
  });
  const done = await recorded(kysely, scope);
  for (const migration of migrations.filter((each) => !done.has(each.name))) {
    await locked(db, async (trx) => {
      if ((await recorded(trx, scope)).has(migration.name)) return;
      await migration.up(trx);
      await sql`insert into schema_migrations (scope, name) values (${scope}, ${migration.name})`.execute(
        trx,
      );
    });
  }
}

const MIGRATION_LOCK = 7_345_872; // any number that nothing else in the database locks

/** SQLite's transactions exclude each other as they are; PostgreSQL's need a lock that ends with them. */
async function locked<T>(db: Database<T>, fn: (trx: Kysely<unknown>) => Promise<void>): Promise<void> {
  await (db.kysely as unknown as Kysely<unknown>).transaction().execute(async (trx) => {
    if (db.engine === 'postgres') await sql`select pg_advisory_xact_lock(${MIGRATION_LOCK})`.execute(trx);
    await fn(trx);
  });
}

async function recorded(db: Kysely<unknown>, scope: string): Promise<Set<string>> {
  const { rows } = await sql<{
    name: string;
  }>`select name from schema_migrations where scope = ${scope}`.execute(db);
  return new Set(rows.map((row) => row.name));
}
