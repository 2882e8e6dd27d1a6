// Endpoints as text, and the same protocol over a real TCP socket.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { test } from 'node:test';
import { connectOvsdb } from './client.ts';
import { remotesOf } from './endpoint.ts';
import { createMemoryOvsdb } from './memory-server.ts';
import { sample } from './test-support/sample-model.ts';

test('endpoints are read as OVN writes them', () => {
  const text = 'unix:/run/ovn/nb.sock, tcp:10.0.0.1:6641,tcp:[fd00::1]:6641,tcp:db.example:1';
  assert.deepEqual(
    remotesOf(text).map(({ name }) => name),
    ['unix:/run/ovn/nb.sock', 'tcp:10.0.0.1:6641', 'tcp:[fd00::1]:6641', 'tcp:db.example:1'],
  );
});

for (const text of ['', 'unix:relative', 'tcp:host', 'tcp:host:99999', 'tcp:a:b:1', 'ssl:host:1', '/path']) {
  test(`refuses the endpoint "${text}"`, () =>
    assert.throws(() => remotesOf(text), { code: 'invalid value' }));
}

test('over TCP the next remote is tried when one is dead', async () => {
  await using ovsdb = createMemoryOvsdb({ name: 'Sample', tables: sample });
  const listener = createServer((socket) => ovsdb.serve(socket)).listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const dead = createServer().listen(0, '127.0.0.1');
  await once(dead, 'listening');
  const ports = [dead, listener].map((server) => (server.address() as AddressInfo).port);
  dead.close();
  const endpoint = ports.map((port) => `tcp:127.0.0.1:${port}`).join(',');
  {
    await using db = connectOvsdb({ endpoint, database: 'Sample', tables: sample, readyDeadlineMs: 5000 });
    await db.ready;
    const tx = db.transaction();
    tx.insert('Net', { name: 'over tcp' });
    await tx.commit();
    assert.equal(db.table('Net').where('name', 'over tcp').length, 1);
  }
  listener.close();
});
