// A process for outbox.test.ts to kill: stores numbered messages and delivers them slowly, noting each delivery in a file.
import { appendFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { silentLog } from '#platform/log/log.ts';
import { openDatabase } from '#platform/sql/database.ts';
import { newMessage } from '../bus.ts';
import { createInProcessBus } from '../in-process.ts';
import { enqueue, startOutbox, type OutboxTables } from '../outbox.ts';

const [url = '', out = '', total = '0'] = process.argv.slice(2);
const db = openDatabase<OutboxTables & { sent: { n: number } }>(url);
const bus = createInProcessBus();
await bus.serve('q', async ({ payload }, { redelivered }) => {
  appendFileSync(out, `${String(payload)} ${redelivered ? 'again' : 'first'}\n`);
  await sleep(2); // some part of each delivery is under way at any moment
});
startOutbox(db, bus, silentLog);
process.stdout.write('begun\n');
await db.kysely.schema.createTable('sent').ifNotExists().addColumn('n', 'integer').execute();
for (;;) {
  const stored = await db.transaction(async (trx) => {
    const { count } = await trx
      .selectFrom('sent')
      .select((e) => e.fn.countAll<number>().as('count'))
      .executeTakeFirstOrThrow();
    if (count >= Number(total)) return false;
    for (let n = count; n < Math.min(count + 30, Number(total)); n++) {
      await trx.insertInto('sent').values({ n }).execute();
      await enqueue(trx, newMessage('q', 'm', n));
    }
    return true;
  });
  if (!stored) break;
}
