import assert from 'node:assert/strict';
import { test } from 'node:test';
import { settlePort } from './listen-address.ts';

test('gives a free port for port 0, for IPv4 and IPv6', async () => {
  assert.match(await settlePort('127.0.0.1:0'), /^127\.0\.0\.1:[1-9]\d{3,4}$/);
  assert.match(await settlePort('[::1]:0'), /^\[::1\]:[1-9]\d{3,4}$/);
});

test('leaves a port that was chosen', async () => {
  assert.equal(await settlePort('0.0.0.0:8790'), '0.0.0.0:8790');
});
