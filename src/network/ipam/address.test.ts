import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  cidrOf,
  eui64,
  formatCidr,
  formatIp,
  ipKey,
  ipOfKey,
  isHostAddress,
  parseCidr,
  parseIp,
  subtractRanges,
} from './address.ts';

test('reads and writes addresses in canonical form', () => {
  for (const text of ['10.0.0.1', '255.255.255.255', '2001:db8::1', '::', 'fd00::ffff:ffff:ffff:ffff']) {
    const ip = parseIp(text);
    assert.ok(ip, text);
    assert.equal(formatIp(ip), text);
    assert.equal(ipOfKey(ipKey(ip), ip.version), ip.value);
  }
});

test('refuses what is no address', () => {
  for (const text of [
    '',
    '10.0.0',
    '10.0.0.256',
    '010.0.0.1',
    '1.2.3.4.5',
    'fe80::1%eth0',
    '0x7f.1',
    ':::',
    'x',
  ]) {
    assert.equal(parseIp(text), undefined, text);
  }
  for (const text of ['10.0.0.0', '10.0.0.0/33', '2001:db8::/129', '10.0.0.0/-1', '10.0.0.0/8/8'])
    assert.equal(parseCidr(text), undefined, text);
});

test('keeps address order in the text of keys', () => {
  const keys = ['10.0.0.2', '10.0.0.10', '10.0.1.0'].map((text) => ipKey(parseIp(text) ?? assert.fail()));
  assert.deepEqual([...keys].sort(), keys);
});

test('clears the host bits of a prefix', () => {
  assert.equal(formatCidr(parseCidr('10.1.2.3/20') ?? assert.fail()), '10.1.0.0/20');
  assert.equal(formatCidr(parseCidr('2001:db8:0:1::5/64') ?? assert.fail()), '2001:db8:0:1::/64');
});

test('gives the address that SLAAC gives', () => {
  const cidr = parseCidr('2001:db8::/64') ?? assert.fail();
  assert.equal(
    formatIp({ version: 6, value: eui64(cidr, 'fa:16:3e:11:22:33') }),
    '2001:db8::f816:3eff:fe11:2233',
  );
});

test('knows network and broadcast addresses', () => {
  const net = parseCidr('10.0.0.0/30') ?? assert.fail();
  assert.deepEqual(
    [0n, 1n, 2n, 3n].map((n) => isHostAddress(net, net.first + n)),
    [false, true, true, false],
  );
  const pair = cidrOf(parseIp('10.0.0.0') ?? assert.fail(), 31);
  assert.ok(isHostAddress(pair, pair.first));
});

test('cuts holes out of ranges', () => {
  assert.deepEqual(
    subtractRanges(
      [{ first: 1n, last: 10n }],
      [
        { first: 3n, last: 4n },
        { first: 10n, last: 12n },
      ],
    ),
    [
      { first: 1n, last: 2n },
      { first: 5n, last: 9n },
    ],
  );
});
