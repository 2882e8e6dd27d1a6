// The address rules: every way that is known to write an inside address, and any address drawn at random.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { checkUri } from './check-uri.ts';
import { mayReach, networks } from './address-rules.ts';

const NONE = networks([]);
const RULES = { ports: [80, 443], allowed: NONE };

test('refuses every inside address', () => {
  for (const address of [
    '0.0.0.0',
    '0.1.2.3',
    '10.0.0.1',
    '100.64.0.1',
    '100.127.255.255',
    '127.0.0.1',
    '127.255.255.254',
    '169.254.169.254',
    '172.16.0.1',
    '172.31.255.255',
    '192.0.0.1',
    '192.168.1.1',
    '198.18.0.1',
    '224.0.0.1',
    '239.255.255.255',
    '240.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::ffff:127.0.0.1',
    '::ffff:8.8.8.8',
    '::127.0.0.1',
    '64:ff9b::7f00:1',
    '64:ff9b:1::1',
    '100::1',
    '2001::1',
    '2001:db8::1',
    '2002:7f00:1::',
    '3fff::1',
    'fc00::1',
    'fd12:3456::1',
    'fe80::1',
    'fe80::1%lo',
    'fec0::1',
    'ff02::1',
    'ff0e::1',
    '',
    'localhost',
    '1.2.3',
    '1.2.3.4 ',
  ])
    assert.equal(mayReach(address, NONE), false, address);
});

test('lets the internet be reached, and what the operator names', () => {
  for (const address of [
    '1.1.1.1',
    '8.8.8.8',
    '100.63.255.255',
    '172.32.0.1',
    '2606:4700::1111',
    '2a00:1450::1',
  ])
    assert.equal(mayReach(address, NONE), true, address);
  const allowed = networks(['10.1.0.0/16', '::1', 'fd00::/8']);
  assert.deepEqual(
    ['10.1.2.3', '10.2.0.1', '::1', 'fd01::1', '127.0.0.1'].map((address) => mayReach(address, allowed)),
    [true, false, true, true, false],
  );
  for (const bad of ['10.0.0.0/33', 'x', '10.0.0.0/8/8', '::/129', '10.0.0.0/-1'])
    assert.throws(() => networks([bad]), RangeError, bad);
});

const octet = fc.integer({ min: 0, max: 255 });

test('however an inside IPv4 address is written in a URL, it is refused', () => {
  const inside = fc.constantFrom<readonly [number, number]>(
    [127, 0],
    [10, 0],
    [169, 254],
    [192, 168],
    [0, 0],
    [100, 64],
  );
  fc.assert(
    fc.property(inside, octet, octet, ([a, b], c, d) => {
      const value = ((a * 256 + b) * 256 + c) * 256 + d;
      const forms = [
        `${a}.${b}.${c}.${d}`,
        String(value),
        `0x${value.toString(16)}`,
        `0${value.toString(8)}`,
        `0x${a.toString(16)}.${b}.${c * 256 + d}`,
        `${a}.${b}.${c}.${d}.`,
        `[::ffff:${a}.${b}.${c}.${d}]`,
        `[::${a}.${b}.${c}.${d}]`,
        `[64:ff9b::${a}.${b}.${c}.${d}]`,
      ];
      for (const form of forms)
        assert.throws(() => checkUri(`http://${form}/disk`, RULES), { kind: 'bad-request' }, form);
    }),
  );
});

test('an address is inside or outside whatever its spelling', () => {
  fc.assert(
    fc.property(fc.ipV6(), (address) => {
      const canonical = new URL(`http://[${address}]/`).hostname.slice(1, -1);
      assert.equal(mayReach(address, NONE), mayReach(canonical, NONE), `${address} ${canonical}`);
    }),
  );
});

test('refuses URLs of other kinds, ports and with credentials', () => {
  for (const uri of [
    'ftp://example.org/x',
    'file:///etc/passwd',
    'gopher://example.org/',
    'http://example.org:22/x',
    'http://example.org:8080/x',
    'https://user:secret@example.org/x',
    'http://user@example.org/',
    'http://',
    'example.org/disk',
    '//example.org/disk',
    'http://localhost/x',
    'http://LOCALHOST./x',
    'http://a.localhost/x',
    'http://example.org/\0',
    `http://example.org/${'x'.repeat(5000)}`,
  ])
    assert.throws(() => checkUri(uri, RULES), { kind: 'bad-request' }, uri);
  for (const uri of ['http://example.org/x', 'https://example.org:443/x?y#z', 'http://example.org:443/'])
    assert.ok(checkUri(uri, RULES));
  assert.ok(checkUri('http://127.0.0.1:8000/', { ports: [8000], allowed: networks(['127.0.0.0/8']) }));
});
