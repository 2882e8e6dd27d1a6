import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { ListenImpossible } from './errors.ts';
import { settlePort } from './listen-address.ts';

test('gives a free port for port 0, for IPv4 and IPv6', async () => {
  assert.match(await settlePort('127.0.0.1:0'), /^127\.0\.0\.1:[1-9]\d{3,4}$/);
  assert.match(await settlePort('[::1]:0'), /^\[::1\]:[1-9]\d{3,4}$/);
});

test('leaves a port that was chosen, and refuses it when another program has it', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const listen = `127.0.0.1:${(other.address() as AddressInfo).port}`;
  await assert.rejects(settlePort(listen), (error) => {
    assert.ok(error instanceof ListenImpossible);
    assert.match(error.message, /another program listens there.*--listen/);
    return true;
  });
  other.close();
  await once(other, 'close');
  assert.equal(await settlePort(listen), listen);
});

test('says that the machine lacks an address', async () => {
  await assert.rejects(settlePort('192.0.2.1:8790'), /this machine does not have the address/);
});
