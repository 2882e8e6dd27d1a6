// The outbox: with its transaction or not at all, again after failures and crashes, never twice at once.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, existsSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { sql } from 'kysely';
import { silentLog } from '#platform/log/log.ts';
import { openDatabase, type Database } from '#platform/sql/database.ts';
import { migrate } from '#platform/sql/migrate.ts';
import { hasPostgres, startPostgres, type PrivatePostgres } from '#test/support/postgres.ts';
import { until as untilTrue } from '#test/support/until.ts';
import { newMessage, type Delivery, type Message } from './bus.ts';
import { createInProcessBus } from './in-process.ts';
import { enqueue, outboxMigration, startOutbox, type OutboxTables } from './outbox.ts';

let directory = '';
let postgres: PrivatePostgres | undefined;
let files = 0;
before(async () => {
  directory = mkdtempSync(join(tmpdir(), 'pileus-outbox-'));
  if (hasPostgres) postgres = await startPostgres();
});
after(async () => {
  await postgres?.[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true });
});

const URLS = {
  sqlite: async () => `sqlite:${join(directory, `${++files}.db`)}`,
  postgres: async () => postgres!.newSchema(), // skipped without one
};

const until = async (holds: () => boolean | Promise<boolean>, what: string): Promise<true> =>
  untilTrue(async () => holds(), { deadlineMs: 20_000, everyMs: 5, what });

async function open(url: string): Promise<Database<OutboxTables>> {
  const db = openDatabase<OutboxTables>(url);
  await migrate(db, 'test', [outboxMigration]);
  return db;
}

async function store(db: Database<OutboxTables>, messages: readonly Message[]): Promise<void> {
  await db.transaction(async (trx) => {
    for (const message of messages) await enqueue(trx, message);
  });
}

const isEmpty = async (db: Database<OutboxTables>): Promise<boolean> =>
  (await db.kysely.selectFrom('outbox').select('id').limit(1).execute()).length === 0;

for (const engine of ['sqlite', 'postgres'] as const) {
  describe(engine, { skip: engine === 'postgres' && !hasPostgres && 'PostgreSQL is not installed' }, () => {
    test('a message goes with its transaction: not before, not without', async () => {
      await using db = await open(await URLS[engine]());
      await using bus = createInProcessBus();
      await using _outbox = startOutbox(db, bus, silentLog);
      const seen: unknown[] = [];
      await bus.serve('q', async ({ payload }) => void seen.push(payload));
      const undone = db.transaction(async (trx) => {
        await enqueue(trx, newMessage('q', 'm', 'lost'));
        throw new Error('rolled back');
      });
      await assert.rejects(undone, /rolled back/);
      await store(db, [newMessage('q', 'm', { kept: 'ü' })]);
      await until(async () => isEmpty(db), 'an empty outbox');
      assert.deepEqual(seen, [{ kept: 'ü' }]);
    });

    test('a failed delivery comes again, says so, and keeps id, headers and payload', async () => {
      await using db = await open(await URLS[engine]());
      await using bus = createInProcessBus();
      await using _outbox = startOutbox(db, bus, silentLog);
      const seen: Array<{ message: Message; delivery: Delivery; at: number }> = [];
      await bus.serve('q', async (message, delivery) => {
        seen.push({ message, delivery, at: Date.now() });
        if (seen.length < 3) throw new Error('not yet');
      });
      const message = newMessage('q', 'm', { a: 1 });
      await store(db, [message]);
      await until(async () => seen.length === 3 && (await isEmpty(db)), 'three deliveries');
      assert.deepEqual(
        seen.map((each) => each.delivery.redelivered),
        [false, true, true],
      );
      for (const each of seen) {
        const { redelivered: _flag, ...got } = each.message;
        assert.deepEqual(got, message);
      }
      const pauses = [1, 2].map((i) => (seen[i]?.at ?? 0) - (seen[i - 1]?.at ?? 0));
      assert.ok(pauses[0]! >= 190 && pauses[1]! >= 390, `pauses grow: ${pauses.join(', ')}`);
    });

    test('thousands of messages over many queues each arrive once, in order within their queue', async () => {
      await using db = await open(await URLS[engine]());
      await using bus = createInProcessBus();
      await using _outbox = startOutbox(db, bus, silentLog);
      const queues = ['a', 'b', 'c'];
      const seen = new Map(queues.map((name) => [name, [] as unknown[]]));
      for (const name of queues)
        await bus.serve(name, async ({ payload }) => void seen.get(name)?.push(payload), { concurrency: 1 });
      for (let batch = 0; batch < 10; batch++)
        await store(
          db,
          Array.from({ length: 300 }, (_, i) =>
            newMessage(queues[i % 3] ?? 'a', 'm', batch * 100 + Math.floor(i / 3)),
          ),
        );
      await until(async () => isEmpty(db), 'an empty outbox');
      for (const name of queues)
        assert.deepEqual(
          seen.get(name),
          Array.from({ length: 1000 }, (_, i) => i),
        );
    });

    test('a queue that nobody serves, however full, delays no other', async () => {
      await using db = await open(await URLS[engine]());
      await using bus = createInProcessBus();
      await store(
        db,
        Array.from({ length: 700 }, () => newMessage('dead', 'm', {})),
      );
      await using _outbox = startOutbox(db, bus, silentLog);
      let seen = 0;
      await bus.serve('live', async () => void (seen += 1));
      await store(db, [newMessage('live', 'm', {})]);
      await until(() => seen === 1, 'the live queue');
    });

    test('while a delivery is under way there is no second, however often the outbox looks', async () => {
      await using db = await open(await URLS[engine]());
      await using bus = createInProcessBus();
      await using _outbox = startOutbox(db, bus, silentLog);
      const deliveries = new Map<string, number>();
      const slow = Promise.withResolvers<void>();
      await bus.serve('slow', async ({ id }) => {
        deliveries.set(id, (deliveries.get(id) ?? 0) + 1);
        await slow.promise;
      });
      await bus.serve('fast', async ({ id }) => void deliveries.set(id, (deliveries.get(id) ?? 0) + 1));
      await store(
        db,
        Array.from({ length: 10 }, () => newMessage('slow', 'm', {})),
      );
      for (let i = 0; i < 100; i++) await store(db, [newMessage('fast', 'm', {})]);
      await until(() => deliveries.size === 110, 'all messages');
      slow.resolve();
      await until(async () => isEmpty(db), 'an empty outbox');
      assert.deepEqual([...new Set(deliveries.values())], [1]);
    });
  });
}

test('kill -9 at any moment loses no message, and what may have run before says so', async () => {
  const url = await URLS.sqlite();
  await (await open(url))[Symbol.asyncDispose]();
  const out = join(directory, 'delivered');
  const total = 120;
  let kills = 0;
  const delivered = (): string[] =>
    existsSync(out) ? readFileSync(out, 'utf8').trim().split('\n').filter(Boolean) : [];
  for (; kills < 6; kills++) {
    const child = spawn(
      process.execPath,
      [new URL('./testing/outbox-worker.ts', import.meta.url).pathname, url, out, String(total)],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    const exited = once(child, 'exit');
    await once(child.stdout, 'data'); // it has begun
    const seen = delivered().length;
    await until(
      () => delivered().length >= Math.min(total, seen + 9) || child.exitCode !== null,
      'some deliveries',
    );
    child.kill('SIGKILL');
    await exited;
  }
  await using db = await open(url);
  await using bus = createInProcessBus();
  const late: Array<{ n: string; redelivered: boolean }> = [];
  await bus.serve(
    'q',
    async ({ payload }, { redelivered }) => void late.push({ n: String(payload), redelivered }),
  );
  await using _outbox = startOutbox(db, bus, silentLog);
  await until(async () => isEmpty(db), 'an empty outbox');
  const before = delivered();
  const all = new Set([...before.map((line) => line.split(' ')[0]), ...late.map((each) => each.n)]);
  const { rows } = await sql<{ n: number }>`select n from sent`.execute(db.kysely); // committed with their messages
  assert.ok(rows.length >= 30, 'the children stored something');
  assert.deepEqual([...all].toSorted(), rows.map(({ n }) => String(n)).toSorted());
  for (const { n, redelivered } of late)
    if (before.some((line) => line.startsWith(`${n} `))) assert.ok(redelivered, `${n} came again unmarked`);
});
