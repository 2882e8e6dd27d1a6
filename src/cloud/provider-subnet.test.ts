import assert from 'node:assert/strict';
import { test } from 'node:test';
import { overlaps, takenPrefixes } from './provider-subnet.ts';

test('a subnet is taken by any prefix that shares addresses with it, wider or narrower', () => {
  assert.equal(overlaps(4, ['172.24.4.0/24']), true);
  assert.equal(overlaps(4, ['172.24.4.7/32']), true);
  assert.equal(overlaps(4, ['172.24.0.0/16']), true);
  assert.equal(overlaps(4, ['172.24.5.0/24', '10.0.0.0/8']), false);
});

test('the loopback is among what is taken, the default route is not', async () => {
  const taken = await takenPrefixes();
  assert.ok(taken.some((prefix) => prefix.startsWith('127.')));
  assert.ok(!taken.includes('0.0.0.0/0'));
});
