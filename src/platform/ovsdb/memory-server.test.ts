// What the memory server has that the client does not use, or that only it can do.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connectOvsdb } from './client.ts';
import { JsonRpcPeer } from './json-rpc.ts';
import { createMemoryOvsdb, type MemoryOvsdb } from './memory-server.ts';
import { sample } from './test-support/sample-model.ts';

const schema = { name: 'Sample', tables: sample };
const deadlineMs = 30_000;

async function attach(server: MemoryOvsdb, onNotification?: (method: string) => void): Promise<JsonRpcPeer> {
  const stream = await server.endpoint.connect();
  return new JsonRpcPeer(stream, onNotification ? { onNotification } : {});
}

const transact = (peer: JsonRpcPeer, ...operations: object[]) =>
  peer.request<Record<string, unknown>[]>('transact', ['Sample', ...operations], { deadlineMs });

test('select answers the rows with the columns asked for', async () => {
  await using server = createMemoryOvsdb(schema);
  const peer = await attach(server);
  const rows = ['a', 'b'].map((name) => ({
    op: 'insert',
    table: 'Net',
    row: { name, tags: ['set', ['x', name]] },
  }));
  await transact(peer, ...rows);
  const where = [['name', '==', 'b']];
  const [found] = await transact(peer, {
    op: 'select',
    table: 'Net',
    where,
    columns: ['name', 'tags', 'kind'],
  });
  assert.deepEqual(found, { rows: [{ name: 'b', tags: ['set', ['x', 'b']], kind: ['set', []] }] });
});

test('a lock has one owner, and assert refuses everybody else', async () => {
  await using server = createMemoryOvsdb(schema);
  const told = Promise.withResolvers<string>();
  const [first, second] = [await attach(server), await attach(server, told.resolve)];
  const lock = (peer: JsonRpcPeer, method: string) => peer.request(method, ['l'], { deadlineMs });
  assert.deepEqual(await lock(first, 'lock'), { locked: true });
  assert.deepEqual(await lock(second, 'lock'), { locked: false });
  assert.deepEqual(await transact(first, { op: 'assert', lock: 'l' }), [{}]);
  assert.equal((await transact(second, { op: 'assert', lock: 'l' }))[0]?.['error'], 'not owner');
  first.close();
  assert.equal(await told.promise, 'locked');
  assert.equal((await transact(second, { op: 'assert', lock: 'l' }))[0]?.['error'], undefined);
});

test('a failed operation leaves nothing of its transaction, and those behind it are not tried', async () => {
  await using server = createMemoryOvsdb(schema);
  const peer = await attach(server);
  const insert = (name: string) => ({ op: 'insert', table: 'Net', row: { name } });
  const results = await transact(peer, insert('a'), { op: 'abort' }, insert('b'));
  assert.equal(results[1]?.['error'], 'aborted');
  assert.equal(results[2], null);
  assert.deepEqual(await transact(peer, { op: 'select', table: 'Net', where: [] }), [{ rows: [] }]);
});

test('what is no valid request is refused, and the connection goes on', async () => {
  await using server = createMemoryOvsdb(schema);
  const peer = await attach(server);
  const code = async (...operations: object[]) =>
    (await transact(peer, ...operations)).find((r) => r?.['error'])?.['error'];
  assert.equal(await code({ op: 'insert', table: 'constructor', row: {} }), 'unknown table');
  assert.equal(await code({ op: 'insert', table: 'Net', row: { toString: 1 } }), 'unknown column');
  assert.equal(await code({ op: 'insert', table: 'Net', row: { name: 1 } }), 'syntax error');
  assert.equal(await code({ op: 'insert', table: 'Net', row: [] }), 'syntax error');
  assert.equal(await code({ op: 'update', table: 'Net', where: {}, row: {} }), 'syntax error');
  assert.equal(await code({ op: 'explode' }), 'syntax error');
  await assert.rejects(peer.request('transact', ['Other'], { deadlineMs }), { code: 'unknown database' });
  await assert.rejects(peer.request('nothing', [], { deadlineMs }), { code: 'unknown method' });
});

test('beforeTransact delays and fails transactions in order', async () => {
  const gate = Promise.withResolvers<void>();
  const seen: number[] = [];
  await using server = createMemoryOvsdb({
    ...schema,
    beforeTransact: async (operations) => {
      seen.push(operations.length);
      if (operations.length === 2) await gate.promise;
      if (operations.length === 3) throw new Error('injected');
    },
  });
  await using db = connectOvsdb({ endpoint: server.endpoint, database: 'Sample', tables: sample });
  const done: string[] = [];
  const commit = (name: string, comments: number) => {
    const tx = db.transaction();
    tx.insert('Net', { name });
    for (let i = 0; i < comments; i++) tx.comment('x');
    return tx.commit().then(() => done.push(name));
  };
  await db.ready;
  const work = [commit('slow', 1), commit('behind', 0)];
  await assert.rejects(
    db.waitUntil((now) => now.table('Net').size > 0, { deadlineMs: 30 }),
    { code: 'deadline exceeded' },
  );
  gate.resolve();
  await Promise.all(work);
  assert.deepEqual(done, ['slow', 'behind']);
  await assert.rejects(commit('broken', 2), { code: 'internal error' });
  assert.deepEqual(seen, [2, 1, 3]);
});

test('columns and tables that an older server lacks hold their defaults', async () => {
  const { label: _, ...columns } = sample.Net.columns;
  const { Global: __, ...others } = sample;
  await using server = createMemoryOvsdb({
    name: 'Sample',
    tables: { ...others, Net: { ...sample.Net, columns } },
  });
  const warned: object[] = [];
  const log = {
    debug: () => undefined,
    info: () => undefined,
    warn: (fields: object) => void warned.push(fields),
  };
  await using db = connectOvsdb({ endpoint: server.endpoint, database: 'Sample', tables: sample, log });
  await db.ready;
  const tx = db.transaction();
  tx.insert('Net', { name: 'n' });
  await tx.commit();
  assert.equal(db.table('Net').where('name', 'n')[0]?.label, '');
  assert.equal(db.table('Global').size, 0);
  assert.deepEqual(warned, [{ database: 'Sample', names: ['Net.label', 'Global'] }]);
});

test('a column of another type on the server is refused, not misread', async () => {
  const columns = { ...sample.Net.columns, tags: sample.Net.columns.kind };
  await using server = createMemoryOvsdb({
    name: 'Sample',
    tables: { ...sample, Net: { ...sample.Net, columns } },
  });
  await using db = connectOvsdb({
    endpoint: server.endpoint,
    database: 'Sample',
    tables: sample,
    readyDeadlineMs: 100,
  });
  await assert.rejects(db.ready, /Net\.tags/);
});
