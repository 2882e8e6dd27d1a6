// Sectors of a LUKS volume: AES in XTS mode, numbered from where their area begins (`xts-plain64`). OpenSSL's cipher, by
// node:crypto. Called by header.ts for key material and by access.ts for the payload.
import { createCipheriv, createDecipheriv } from 'node:crypto';

export const SECTOR = 512;

/** Two AES keys make one of XTS: 32 bytes are AES-128, 64 are AES-256. */
const cipherOf = (key: Buffer): 'aes-128-xts' | 'aes-256-xts' =>
  key.length === 64 ? 'aes-256-xts' : 'aes-128-xts';

/** Whole sectors; `first` is the number of the first one. */
export function encryptSectors(key: Buffer, first: number, data: Buffer): Buffer {
  return eachSector(first, data, (iv) => createCipheriv(cipherOf(key), key, iv));
}

export function decryptSectors(key: Buffer, first: number, data: Buffer): Buffer {
  return eachSector(first, data, (iv) => createDecipheriv(cipherOf(key), key, iv));
}

function eachSector(
  first: number,
  data: Buffer,
  begin: (iv: Buffer) => { update(data: Buffer): Buffer },
): Buffer {
  const result = Buffer.allocUnsafe(data.length);
  for (let at = 0; at < data.length; at += SECTOR) {
    const iv = Buffer.alloc(16);
    iv.writeBigUInt64LE(BigInt(first + at / SECTOR));
    begin(iv)
      .update(data.subarray(at, at + SECTOR))
      .copy(result, at);
  }
  return result;
}
