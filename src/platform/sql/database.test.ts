// Databases and migrations, the same tests on SQLite (a file) and on a PostgreSQL of the test's own.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { sql } from 'kysely';
import { hasPostgres, startPostgres, type PrivatePostgres } from '#test/support/postgres.ts';
import { isUniqueViolation, openDatabase, ping, type Database } from './database.ts';
import { migrate, type Migration } from './migrate.ts';

interface Tables {
  things: { id: string; count: number; note: string | null };
}

const first: Migration = {
  name: '001-things',
  up: async (db) => {
    await db.schema
      .createTable('things')
      .addColumn('id', 'text', (c) => c.primaryKey())
      .addColumn('count', 'bigint', (c) => c.notNull())
      .addColumn('note', 'text', (c) => c.unique())
      .execute();
  },
};

let directory = '';
let postgres: PrivatePostgres | undefined;
let files = 0;
before(async () => {
  directory = mkdtempSync(join(tmpdir(), 'pileus-sql-'));
  if (hasPostgres) postgres = await startPostgres();
});
after(async () => {
  await postgres?.[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true });
});

const newUrl = {
  sqlite: async () => `sqlite:${join(directory, `${++files}.db`)}`,
  postgres: async () => postgres!.newSchema(), // skipped without one
};

async function open(url: string): Promise<Database<Tables>> {
  const db = openDatabase<Tables>(url);
  await migrate(db, 'test', [first]);
  return db;
}

async function insert(
  db: Database<Tables>,
  id: string,
  count = 0,
  note: string | null = null,
): Promise<void> {
  await db.kysely.insertInto('things').values({ id, count, note }).execute();
}

const ids = async (db: Database<Tables>): Promise<string[]> =>
  (await db.kysely.selectFrom('things').select('id').orderBy('id').execute()).map((row) => row.id);

for (const engine of ['sqlite', 'postgres'] as const) {
  describe(engine, { skip: engine === 'postgres' && !hasPostgres && 'PostgreSQL is not installed' }, () => {
    test('answers a ping and knows its engine', async () => {
      await using db = await open(await newUrl[engine]());
      await ping(db);
      assert.equal(db.engine, engine);
    });

    test('a transaction that fails leaves nothing, and tells no listener', async () => {
      await using db = await open(await newUrl[engine]());
      let commits = 0;
      db.onCommit(() => (commits += 1));
      const failing = db.transaction(async (trx) => {
        await trx.insertInto('things').values({ id: 'a', count: 1, note: null }).execute();
        throw new Error('no');
      });
      await assert.rejects(failing, /^Error: no$/);
      assert.deepEqual(await ids(db), []);
      assert.equal(commits, 0);
      await db.transaction(async (trx) =>
        trx.insertInto('things').values({ id: 'a', count: 1, note: null }).execute(),
      );
      assert.deepEqual(await ids(db), ['a']);
      assert.equal(commits, 1);
    });

    test('statements of others do not slip into an open transaction', async () => {
      await using db = await open(await newUrl[engine]());
      let outsider: Promise<void> | undefined;
      const failing = db.transaction(async (trx) => {
        await trx.insertInto('things').values({ id: 'inside', count: 1, note: null }).execute();
        outsider = insert(db, 'outside');
        await trx.selectFrom('things').selectAll().execute();
        throw new Error('no');
      });
      await assert.rejects(failing, /no/);
      await outsider;
      assert.deepEqual(await ids(db), ['outside']);
    });

    test('thirty transactions at once that count one row up lose none', async () => {
      await using db = await open(await newUrl[engine]());
      await insert(db, 'a');
      const increment = async (): Promise<void> =>
        db.transaction(async (trx) => {
          const row = await trx
            .selectFrom('things')
            .select('count')
            .where('id', '=', 'a')
            .executeTakeFirstOrThrow();
          await trx
            .updateTable('things')
            .set({ count: row.count + 1 })
            .where('id', '=', 'a')
            .execute();
        });
      await Promise.all(Array.from({ length: 30 }, increment));
      const row = await db.kysely.selectFrom('things').select('count').executeTakeFirstOrThrow();
      assert.equal(row.count, 30);
    });

    test('numbers to 2^53, counts and sums come back as numbers; text as it went in', async () => {
      await using db = await open(await newUrl[engine]());
      const big = Number.MAX_SAFE_INTEGER - 1;
      const text = `O'Brien "x" \\ ü 𝄞\n${'y'.repeat(100_000)}`;
      await insert(db, 'a', big, text);
      await insert(db, 'b', 1);
      const { rows } = await sql<{
        n: number;
        total: number;
      }>`select count(*) as n, sum(count) as total from things`.execute(db.kysely);
      assert.deepEqual({ ...rows[0] }, { n: 2, total: big + 1 });
      const found = await db.kysely
        .selectFrom('things')
        .selectAll()
        .where('note', '=', text)
        .executeTakeFirstOrThrow();
      assert.deepEqual({ ...found }, { id: 'a', count: big, note: text });
    });

    test('changes are counted, and returned rows come back', async () => {
      await using db = await open(await newUrl[engine]());
      await insert(db, 'a');
      await insert(db, 'b');
      const updated = await db.kysely.updateTable('things').set({ count: 5 }).executeTakeFirstOrThrow();
      assert.equal(updated.numUpdatedRows, 2n);
      const deleted = await db.kysely.deleteFrom('things').where('id', '=', 'a').returning('count').execute();
      assert.deepEqual(
        deleted.map((row) => row.count),
        [5],
      );
      const none = await db.kysely.deleteFrom('things').where('id', '=', 'a').executeTakeFirstOrThrow();
      assert.equal(none.numDeletedRows, 0n);
    });

    test('a unique index that refuses is told from other failures', async () => {
      await using db = await open(await newUrl[engine]());
      await insert(db, 'a', 1, 'note');
      const refused = async (work: Promise<unknown>): Promise<boolean> => {
        const error = await work.then(
          () => assert.fail('was not refused'),
          (reason: unknown) => reason,
        );
        return isUniqueViolation(error);
      };
      assert.equal(await refused(insert(db, 'a')), true);
      assert.equal(await refused(insert(db, 'b', 1, 'note')), true);
      assert.equal(
        await refused(
          db.kysely
            .insertInto('things')
            .values({ id: 'c', count: null as unknown as number, note: null })
            .execute(),
        ),
        false,
      );
      assert.equal(await refused(sql`select * from nowhere`.execute(db.kysely)), false);
      for (const other of [null, undefined, 'text', new Error('x')])
        assert.equal(isUniqueViolation(other), false);
    });

    test('bytes come back as they went in', async () => {
      await using db = await open(await newUrl[engine]());
      await sql`create table blobs (data ${sql.raw(engine === 'sqlite' ? 'blob' : 'bytea')})`.execute(
        db.kysely,
      );
      const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
      await sql`insert into blobs (data) values (${bytes})`.execute(db.kysely);
      const { rows } = await sql<{ data: Uint8Array }>`select data from blobs`.execute(db.kysely);
      assert.deepEqual(Buffer.from(rows[0]!.data), bytes); // one row was inserted
    });

    test('hundreds of different statements are prepared and remain right', async () => {
      await using db = await open(await newUrl[engine]());
      await insert(db, 'a', 7);
      const before = db.statements;
      for (let n = 1; n <= 600; n++) {
        const { rows } = await sql<{
          found: number;
        }>`select count as found from things where id in (${sql.join(Array.from({ length: n % 90 }, () => 'z').concat('a'))}) and ${sql.raw(String(n))} = ${n}`.execute(
          db.kysely,
        );
        assert.equal(rows[0]?.found, 7);
      }
      assert.equal(db.statements - before, 600);
    });

    test('migrations run once and in order, also when several start at once', async () => {
      const url = await newUrl[engine]();
      const ran: string[] = [];
      const second: Migration = {
        name: '002-more',
        up: async (db) =>
          void (ran.push('second'), await sql`alter table things add column more text`.execute(db)),
      };
      const counted: Migration = {
        name: first.name,
        up: async (db) => void (ran.push('first'), await first.up(db)),
      };
      // A SQLite file has one opener a process: a second would wait for a lock in the thread that holds it.
      const opened = Array.from({ length: engine === 'sqlite' ? 1 : 4 }, () => openDatabase<Tables>(url));
      try {
        await Promise.all([...opened, ...opened].map(async (db) => migrate(db, 'test', [counted, second])));
        for (const db of opened) await migrate(db, 'test', [counted, second]);
        assert.deepEqual(ran, ['first', 'second']);
      } finally {
        for (const db of opened) await db[Symbol.asyncDispose]();
      }
    });

    test('a migration that fails leaves nothing and is tried again', async () => {
      await using db = openDatabase<Tables>(await newUrl[engine]());
      const broken: Migration = {
        name: first.name,
        up: async (trx) => {
          await first.up(trx);
          throw new Error('half-way');
        },
      };
      await assert.rejects(migrate(db, 'test', [broken]), /half-way/);
      await migrate(db, 'test', [first]);
      assert.deepEqual(await ids(db), []);
    });

    test('two services keep their migrations apart in one database', async () => {
      await using db = await open(await newUrl[engine]());
      let ran = 0;
      await migrate(db, 'other', [{ name: first.name, up: async () => void (ran += 1) }]);
      assert.equal(ran, 1);
    });

    test('a closed database fails at once, each time', async () => {
      const db = await open(await newUrl[engine]());
      await db[Symbol.asyncDispose]();
      for (const _ of [1, 2]) await assert.rejects(ping(db));
      await assert.rejects(db.transaction(async () => undefined));
    });
  });
}

test('a SQLite file keeps what was committed after it was closed', async () => {
  const url = await newUrl.sqlite();
  {
    await using db = await open(url);
    await insert(db, 'kept');
  }
  await using db = await open(url);
  assert.deepEqual(await ids(db), ['kept']);
});

test('values that no column can keep are refused, not stringified', async () => {
  await using db = await open('sqlite::memory:');
  for (const bad of [{ a: 1 }, [1], new Date()])
    await assert.rejects(insert(db, 'x', bad as unknown as number), TypeError);
});

test('a statement on the database within an open transaction of it fails instead of hanging', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  await using db = await open('sqlite::memory:');
  let waits: () => void = () => undefined;
  const waiting = new Promise<void>((resolve) => (waits = resolve));
  const work = db.transaction(async () => {
    const inner = ids(db);
    setImmediate(waits);
    await inner;
  });
  const refused = assert.rejects(work, /does it wait for this statement/);
  await waiting;
  t.mock.timers.tick(20_000);
  await refused;
  assert.deepEqual(await ids(db), []);
});
