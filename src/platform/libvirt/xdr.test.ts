import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readDomain, writeDomain } from './codec.ts';
import { XdrError, XdrReader, XdrWriter } from './xdr.ts';

test('writes what RFC 4506 says', () => {
  const bytes = new XdrWriter().int(-2).string('abcde').hyper(-1n).bool(true).bytes();
  assert.equal(
    bytes.toString('hex'),
    'fffffffe' + '00000005' + '6162636465000000' + 'ffffffffffffffff' + '00000001',
  );
});

test('reads back every value it writes, whatever the sizes', () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 400 }).filter((value) => !value.includes('\0'));
  fc.assert(
    fc.property(
      fc.array(text),
      fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
      fc.uint8Array(),
      (texts, big, raw) => {
        const writer = new XdrWriter().array(texts, (w, value) => w.string(value));
        const bytes = writer.uhyper(big).opaque(raw).optionalString(undefined).double(0.5).bytes();
        const reader = new XdrReader(bytes);
        assert.deepEqual(
          reader.array(1000, (r) => r.string()),
          texts,
        );
        assert.equal(reader.uhyper(), big);
        assert.deepEqual(new Uint8Array(reader.opaque(1000)), raw);
        assert.equal(reader.optionalString(), undefined);
        assert.equal(reader.double(), 0.5);
        assert.equal(reader.remaining, 0);
      },
    ),
  );
});

test('refuses lengths that lie, before allocating', () => {
  const lie = Buffer.from('ffffffff00000000', 'hex');
  assert.throws(() => new XdrReader(lie).string(), XdrError);
  assert.throws(() => new XdrReader(lie).array(0xffffffff, (r) => r.int()), XdrError);
  assert.throws(() => new XdrReader(Buffer.from('0000000861626364', 'hex')).string(), XdrError);
  assert.throws(() => new XdrReader(Buffer.alloc(3)).int(), XdrError);
});

test('never reads past random bytes without an XdrError', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      try {
        readDomain(new XdrReader(Buffer.from(bytes)));
      } catch (error) {
        assert.ok(error instanceof XdrError);
      }
    }),
  );
});

test('refuses what would be another thing on the other side', () => {
  assert.throws(() => new XdrWriter().string('a\0b'), XdrError);
  assert.throws(() => writeDomain(new XdrWriter(), { name: 'a', uuid: '../etc', id: -1 }), XdrError);
});
