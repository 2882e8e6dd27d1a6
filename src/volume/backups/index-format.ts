// The index of a backup: one record a block, in order, saying where its bytes lie and their SHA-256. Fixed-size records, so
// that writing and reading hold a few thousand of them at a time, whatever the volume's size. Pure.
import { createHash } from 'node:crypto';

/** Lower: more records; higher: an incremental backup stores more for one changed byte. */
export const BLOCK_BYTES = 2 ** 20;
/** Blocks in one object. Lower: more files; higher: nothing gained. */
export const BLOCKS_PER_OBJECT = 64;

export const RECORD_BYTES = 40;
const SHA_BYTES = 32;

/** `zero`: all zeros, nothing stored. `parent`: the same as in the backup that this one builds on. */
export type BlockRecord =
  | { readonly kind: 'zero' }
  | { readonly kind: 'parent'; readonly sha256: Buffer }
  | { readonly kind: 'stored'; readonly sha256: Buffer; readonly object: number; readonly slot: number };

const KINDS = ['zero', 'parent', 'stored'] as const;
const NO_SHA = Buffer.alloc(SHA_BYTES);

export function encodeRecord(record: BlockRecord): Buffer {
  const bytes = Buffer.alloc(RECORD_BYTES);
  (record.kind === 'zero' ? NO_SHA : record.sha256).copy(bytes);
  bytes.writeUInt8(KINDS.indexOf(record.kind), SHA_BYTES);
  if (record.kind !== 'stored') return bytes;
  bytes.writeUInt8(record.slot, SHA_BYTES + 1);
  bytes.writeUInt32BE(record.object, SHA_BYTES + 4);
  return bytes;
}

/** @throws RangeError for what no writer of ours wrote */
export function decodeRecord(bytes: Buffer): BlockRecord {
  const kind = KINDS[bytes.readUInt8(SHA_BYTES)];
  const sha256 = Buffer.from(bytes.subarray(0, SHA_BYTES));
  if (kind === undefined) throw new RangeError('the index of the backup holds an unknown kind of block');
  if (kind === 'zero') return { kind };
  if (kind === 'parent') return { kind, sha256 };
  return { kind, sha256, object: bytes.readUInt32BE(SHA_BYTES + 4), slot: bytes.readUInt8(SHA_BYTES + 1) };
}

export const sha256Of = (data: Buffer): Buffer => createHash('sha256').update(data).digest();

const ZEROS = Buffer.alloc(BLOCK_BYTES);

export const isZero = (data: Buffer): boolean => ZEROS.subarray(0, data.length).equals(data);

export const objectName = (number: number): string => `object-${String(number).padStart(8, '0')}`;
