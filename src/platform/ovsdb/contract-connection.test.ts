// Contract of client and servers: concurrency, waiting, lost connections, deadlines.
import assert from 'node:assert/strict';
import { type OvsdbError, OvsdbTimeoutError } from './errors.ts';
import {
  type Cases,
  deadlineMs,
  insertNet,
  open,
  refusal,
  runOnEveryServer,
  untilDisconnected,
  type Client,
} from './test-support/contract.ts';

const cases: Cases = {
  'compare-and-set commits once and refuses the one that lost': async (db, server) => {
    const uuid = await insertNet(db, 'n');
    await using other = open(server);
    await other.ready;
    const raise = (client: Client, from: number | null, to: number) =>
      client.transaction().wait('Net', uuid, { weight: from }).update('Net', uuid, { weight: to }).commit();
    const outcomes = await Promise.allSettled([raise(db, null, 1), raise(other, null, 2)]);
    assert.deepEqual(outcomes.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
    const lost = outcomes.find((outcome) => outcome.status === 'rejected')?.reason as OvsdbError;
    assert.deepEqual([lost.code, lost.opIndex, lost.table], ['timed out', 0, 'Net']);
    const absent = db.transaction().wait('Net', [['name', '==', 'n']], []);
    assert.equal((await refusal(absent.commit())).code, 'timed out');
    await db
      .transaction()
      .wait('Net', [['name', '==', 'none']], [])
      .commit();
  },

  'a wait with a timeout commits when the other one arrives': async (db, server) => {
    const uuid = await insertNet(db, 'n');
    await using other = open(server);
    await other.ready;
    const waiting = db
      .transaction()
      .wait('Net', uuid, { up: true }, { timeoutMs: deadlineMs })
      .update('Net', uuid, { label: 'seen' })
      .commit();
    await other.transaction().update('Net', uuid, { up: true }).commit();
    await waiting;
    assert.equal(db.table('Net').get(uuid)?.label, 'seen');
  },

  'a commit is in the cache once it has resolved': async (db, server) => {
    await using other = open(server);
    await other.ready;
    const uuid = await insertNet(db, 'n');
    for (let i = 0; i < 200; i++) {
      await Promise.all([
        db
          .transaction()
          .mutate('Net', uuid, ['tags', 'insert', [`mine ${i}`]])
          .commit()
          .then(() => assert.ok(db.table('Net').get(uuid)?.tags.includes(`mine ${i}`))),
        other
          .transaction()
          .mutate('Net', uuid, ['tags', 'insert', [`theirs ${i}`]])
          .commit(),
      ]);
    }
  },

  'changes are told with old and new, after the whole update was applied': async (db) => {
    const told: string[] = [];
    const stop = db.onChange((change) => {
      if (change.table !== 'Net') return;
      told.push(
        `${change.kind} ${change.old?.name ?? '-'} ${change.new?.name ?? '-'} of ${db.table('Net').size}`,
      );
    });
    const tx = db.transaction();
    tx.insert('Net', { name: 'a' });
    tx.insert('Net', { name: 'b' });
    await tx.commit();
    await db
      .transaction()
      .update('Net', [['name', '==', 'a']], { name: 'c' })
      .commit();
    await db
      .transaction()
      .update('Net', [['name', '==', 'c']], { name: 'c' })
      .commit();
    await db
      .transaction()
      .delete('Net', [['name', '==', 'c']])
      .commit();
    stop();
    await insertNet(db, 'silent');
    assert.deepEqual(told.slice(0, 2).sort(), ['insert - a of 2', 'insert - b of 2']);
    assert.deepEqual(told.slice(2), ['modify a c of 2', 'delete c - of 1']);
  },

  'waitUntil resolves with what the predicate returned': async (db, server) => {
    await using other = open(server);
    await other.ready;
    const seen = db.waitUntil((now) => now.table('Net').where('name', 'n')[0], {
      deadlineMs,
      tickMs: deadlineMs,
    });
    const uuid = await insertNet(other, 'n');
    assert.equal((await seen)._uuid, uuid);
  },

  'waitUntil rejects at its deadline with what was waited for': async (db) => {
    const error = await refusal(db.waitUntil(() => false, { deadlineMs: 20, describe: () => 'the net n' }));
    assert.ok(error instanceof OvsdbTimeoutError);
    assert.deepEqual([error.code, error.deadlineMs], ['deadline exceeded', 20]);
    assert.match(error.message, /the net n/);
    const reason = new Error('changed my mind');
    const abort = AbortSignal.abort(reason);
    await assert.rejects(
      db.waitUntil(() => true, { deadlineMs, signal: abort }),
      reason,
    );
  },

  'after a restart of the server the whole state is taken at once, and differences are told': async (
    db,
    server,
  ) => {
    const [kept, gone] = [await insertNet(db, 'kept'), await insertNet(db, 'gone')];
    await db
      .transaction()
      .update('Net', kept, { status: 'ephemeral', label: 'old' })
      .commit({ durable: true });
    const told: string[] = [];
    db.onChange((change) => {
      // Whoever is told of one difference sees all of them.
      const names = db
        .table('Net')
        .list()
        .map((row) => `${row.name} ${row.label} ${row.status}`);
      told.push(`${change.kind} ${change.uuid} ${names.sort().join(', ')}`);
    });
    await server.kill();
    await untilDisconnected(db);
    const unsure = await refusal(db.waitUntil(() => true, { deadlineMs: 20 }));
    assert.equal(unsure.code, 'deadline exceeded', 'nothing is decided on a state that may be old');
    assert.equal(db.table('Net').size, 2, 'the last state stays readable');
    await server.start();
    await db.waitUntil((now) => now.table('Net').get(kept)?.status === null, { deadlineMs });
    assert.deepEqual(told, [`modify ${kept} gone  null, kept old null`]);
    await db.transaction().delete('Net', gone).commit();
    assert.equal(db.table('Net').size, 1);
  },

  'a transaction waits for the reconnect, until its deadline': async (db, server) => {
    await server.kill();
    await untilDisconnected(db);
    const tx = db.transaction();
    tx.insert('Net', { name: 'late' });
    const error = await refusal(tx.commit({ deadlineMs: 30 }));
    assert.deepEqual([error.code, error.outcome], ['deadline exceeded', 'aborted']);
    const committed = tx.commit();
    await server.start();
    await committed;
    assert.equal(db.table('Net').where('name', 'late').length, 1);
  },

  'a connection lost in mid transaction says that the outcome is unknown': async (db, server) => {
    const uuid = await insertNet(db, 'n');
    const hanging = db.transaction().wait('Net', uuid, { up: true }, { timeoutMs: deadlineMs }).commit();
    const hung = refusal(hanging);
    // The server answers in order: once this is answered, it has the one before.
    await db.transaction().update('Net', uuid, { label: 'later' }).commit();
    await server.kill();
    const error = await hung;
    assert.deepEqual([error.code, error.outcome], ['connection lost', 'unknown']);
    await server.start();
    await db.waitUntil((now) => now.table('Net').get(uuid)?.label === 'later', { deadlineMs });
  },

  'a call ends at its deadline or by its signal, and the client goes on': async (db) => {
    const uuid = await insertNet(db, 'n');
    const hang = () => db.transaction().wait('Net', uuid, { up: true }, { timeoutMs: deadlineMs });
    const error = await refusal(hang().commit({ deadlineMs: 30 }));
    assert.deepEqual([error.code, error.outcome], ['deadline exceeded', 'unknown']);
    const abort = new AbortController();
    const aborted = assert.rejects(hang().commit({ signal: abort.signal }), { name: 'AbortError' });
    abort.abort();
    await aborted;
    await db.transaction().update('Net', uuid, { up: true }).commit();
    assert.equal(db.table('Net').get(uuid)?.up, true);
  },

  'a snapshot of 5,000 rows is complete when it is ready': async (db, server) => {
    for (let batch = 0; batch < 5; batch++) {
      const tx = db.transaction();
      for (let i = 0; i < 1000; i++) {
        tx.insert('Net', {
          name: `${batch}.${i}`,
          tags: [`batch ${batch}`],
          options: { key: 'x'.repeat(100) },
        });
      }
      await tx.commit();
    }
    await using other = open(server);
    await other.ready;
    assert.equal(other.table('Net').size, 5000);
    assert.equal(other.table('Net').where('tags', 'batch 3').length, 1000);
    assert.equal(other.table('Net').where('name', '4.999').length, 1);
  },

  'closing ends what is pending': async (db) => {
    const uuid = await insertNet(db, 'n');
    const pending = [
      refusal(db.waitUntil(() => false, { deadlineMs })),
      refusal(db.transaction().wait('Net', uuid, { up: true }, { timeoutMs: deadlineMs }).commit()),
    ];
    await db[Symbol.asyncDispose]();
    for (const error of await Promise.all(pending)) assert.equal(error.code, 'closed');
    assert.equal((await refusal(db.transaction().comment('x').commit())).code, 'closed');
    assert.equal(db.connected, false);
  },
};

runOnEveryServer(cases);
