import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canonicalIpv6 } from './access-address.ts';

test('one address has one form', () => {
  for (const text of ['::babe:dc0c:1602', '0000:0000:0000:0000:0000:babe:220.12.22.2', '::BABE:DC0C:1602'])
    assert.equal(canonicalIpv6(text), '::babe:dc0c:1602');
  assert.equal(canonicalIpv6(''), null);
});
