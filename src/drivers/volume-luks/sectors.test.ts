// Sectors against OpenSSL's own XTS, one sector at a time.
import assert from 'node:assert/strict';
import { createCipheriv, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { decryptSectors, encryptSectors, SECTOR } from './sectors.ts';

function byOpenSsl(key: Buffer, first: number, data: Buffer): Buffer {
  const sectors = Array.from({ length: data.length / SECTOR }, (_, index) => {
    const iv = Buffer.alloc(16);
    iv.writeBigUInt64LE(BigInt(first + index));
    const name = key.length === 64 ? 'aes-256-xts' : 'aes-128-xts';
    return createCipheriv(name, key, iv).update(data.subarray(index * SECTOR, (index + 1) * SECTOR));
  });
  return Buffer.concat(sectors);
}

for (const bytes of [32, 64])
  for (const first of [0, 7, 2 ** 32 - 3, 2 ** 40])
    test(`keys of ${bytes} bytes, from sector ${first} on`, () => {
      const key = randomBytes(bytes);
      const data = randomBytes(SECTOR * 9 + 1).subarray(1); // at an odd place of its memory
      const sealed = encryptSectors(key, first, data);
      assert.deepEqual(sealed, byOpenSsl(key, first, data));
      assert.deepEqual(decryptSectors(key, first, sealed), Buffer.from(data));
    });

test('no sectors are none', () => {
  assert.equal(encryptSectors(randomBytes(64), 0, Buffer.alloc(0)).length, 0);
});
