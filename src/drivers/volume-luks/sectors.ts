// Sectors of a LUKS volume: AES in XTS mode, numbered from where their area begins (`xts-plain64`). The AES is OpenSSL's, for all
// sectors at once: its own XTS takes a cipher for each sector, which is eight times as slow and would keep the process from its
// other work. Called by header.ts for key material and by volume.ts for the payload.
import { createCipheriv, createDecipheriv } from 'node:crypto';

export const SECTOR = 512;
const BLOCK = 16;
const WORDS = SECTOR / 4;
/** What a carry out of 128 bits comes back as: x¹²⁸ = x⁷ + x² + x + 1. */
const CARRY = 0x87;

/** Whole sectors; `first` is the number of the first one. Two AES keys of equal length make one of XTS. */
export function encryptSectors(key: Buffer, first: number, data: Buffer): Buffer {
  return inXts(key, first, data, true);
}

export function decryptSectors(key: Buffer, first: number, data: Buffer): Buffer {
  return inXts(key, first, data, false);
}

/** Each block is masked before and after by what its sector's number and its place in the sector make. */
function inXts(key: Buffer, first: number, data: Buffer, encrypting: boolean): Buffer {
  const half = key.length / 2;
  const masks = masksOf(key.subarray(half), first, data.length / SECTOR);
  const words = masked(data, masks);
  const blocks = inBlocks(key.subarray(0, half), Buffer.from(words.buffer), encrypting);
  return Buffer.from(masked(blocks, masks).buffer);
}

function masksOf(key: Buffer, first: number, sectors: number): Uint32Array {
  const numbers = Buffer.alloc(sectors * BLOCK);
  for (let at = 0; at < sectors; at++) {
    const number = first + at;
    numbers.writeUInt32LE(number % 2 ** 32, at * BLOCK);
    numbers.writeUInt32LE(Math.floor(number / 2 ** 32), at * BLOCK + 4);
  }
  const starts = wordsOf(inBlocks(key, numbers, true));
  const masks = new Uint32Array(sectors * WORDS);
  for (let sector = 0; sector < sectors; sector++) {
    const end = (sector + 1) * WORDS;
    masks.set(starts.subarray(sector * 4, sector * 4 + 4), end - WORDS);
    // Each is the one before, doubled: words are little-endian, as the processors of all hosts are. All within the array.
    for (let at = end - WORDS + 4; at < end; at += 4) {
      const [a, b, c, d] = [masks[at - 4]!, masks[at - 3]!, masks[at - 2]!, masks[at - 1]!];
      masks[at] = (a << 1) ^ (CARRY * (d >>> 31));
      masks[at + 1] = (b << 1) | (a >>> 31);
      masks[at + 2] = (c << 1) | (b >>> 31);
      masks[at + 3] = (d << 1) | (c >>> 31);
    }
  }
  return masks;
}

function masked(bytes: Buffer, masks: Uint32Array): Uint32Array<ArrayBuffer> {
  const words = wordsOf(bytes);
  for (let at = 0; at < words.length; at++) words[at] = words[at]! ^ masks[at]!; // of one length
  return words;
}

/** A copy: buffers may begin at any byte of their memory. */
function wordsOf(bytes: Buffer): Uint32Array<ArrayBuffer> {
  const words = new Uint32Array(bytes.length / 4);
  Buffer.from(words.buffer).set(bytes);
  return words;
}

/** Each block by itself: what makes that safe is the mask. */
function inBlocks(key: Buffer, blocks: Buffer, encrypting: boolean): Buffer {
  const name = `aes-${key.length * 8}-ecb`;
  const cipher = encrypting ? createCipheriv(name, key, null) : createDecipheriv(name, key, null);
  return cipher.setAutoPadding(false).update(blocks);
}
