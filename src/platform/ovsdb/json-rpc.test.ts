// The JSON-RPC peer against a hand-written other side.
import assert from 'node:assert/strict';
import { duplexPair } from 'node:stream';
import { test } from 'node:test';
import { JsonFramer } from './framing.ts';
import { JsonRpcPeer } from './json-rpc.ts';

type Message = Record<string, unknown>;

test('an echo of the server is answered with its parameters', async () => {
  const [near, far] = duplexPair();
  const peer = new JsonRpcPeer(near, {});
  const answer = new Promise<unknown>((resolve) => {
    far.on('data', (chunk: Buffer) => resolve(new JsonFramer().push(chunk)[0]));
  });
  far.write(JSON.stringify({ id: 'probe', method: 'echo', params: ['a', 1] }));
  assert.deepEqual(await answer, { id: 'probe', result: ['a', 1], error: null });
  peer.close();
});

test('what follows a reply in the same chunk is handled after the reply was accepted', async () => {
  const [near, far] = duplexPair();
  const order: string[] = [];
  const peer = new JsonRpcPeer(near, { onNotification: (method) => order.push(method) });
  far.on('data', () => {
    const reply = JSON.stringify({ id: 0, result: 'snapshot', error: null });
    far.write(reply + JSON.stringify({ id: null, method: 'update', params: [] }));
  });
  await peer.request('monitor', [], { deadlineMs: 30_000, accept: (result) => order.push(String(result)) });
  assert.deepEqual(order, ['snapshot', 'update']);
  peer.close();
});

test('a peer that answers no probe is given up', async () => {
  const [near, far] = duplexPair();
  far.resume();
  const peer = new JsonRpcPeer(near, { probeIntervalMs: 20 });
  const pending = assert.rejects(peer.request('transact', [], { deadlineMs: 30_000 }), {
    code: 'connection lost',
  });
  // The probe's own timer does not keep a process alive; the request's does.
  assert.match((await peer.closed).message, /probe/);
  await pending;
});

test('a peer that is silent but answers probes is kept', async () => {
  const [near, far] = duplexPair();
  const framer = new JsonFramer();
  let probes = 0;
  const answered = Promise.withResolvers<void>();
  far.on('data', (chunk: Buffer) => {
    for (const { id, params } of framer.push(chunk) as Message[]) {
      far.write(JSON.stringify({ id, result: params, error: null }));
      if (++probes === 5) answered.resolve();
    }
  });
  // Long enough for an answer on a machine with much other work.
  const peer = new JsonRpcPeer(near, { probeIntervalMs: 200 });
  const keepAlive = setTimeout(() => answered.reject(new Error('no five probes')), 10_000);
  await answered.promise;
  clearTimeout(keepAlive);
  assert.equal(peer.isOpen, true);
  peer.close();
});
