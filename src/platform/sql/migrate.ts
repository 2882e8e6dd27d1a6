// Forward-only migrations, one list a service, run at start. Each runs in a transaction of its own and is recorded.
import { sql, type Kysely } from 'kysely';
import type { Database } from './database.ts';

export interface Migration {
  /** Stable and ordered: `001-users`. */
  readonly name: string;
  readonly up: (db: Kysely<unknown>) => Promise<void>;
}

/** Applies the migrations that `scope` (a service's name) has not recorded yet, in the order given. */
export async function migrate<T>(
  db: Database<T>,
  scope: string,
  migrations: readonly Migration[],
): Promise<void> {
  const kysely = db.kysely as unknown as Kysely<unknown>;
  await sql`create table if not exists schema_migrations (scope text not null, name text not null, primary key (scope, name))`.execute(
    kysely,
  );
  const { rows } = await sql<{
    name: string;
  }>`select name from schema_migrations where scope = ${scope}`.execute(kysely);
  const done = new Set(rows.map((row) => row.name));
  for (const migration of migrations.filter((each) => !done.has(each.name))) {
    await kysely.transaction().execute(async (trx) => {
      await migration.up(trx as unknown as Kysely<unknown>);
      await sql`insert into schema_migrations (scope, name) values (${scope}, ${migration.name})`.execute(
        trx,
      );
    });
  }
}
