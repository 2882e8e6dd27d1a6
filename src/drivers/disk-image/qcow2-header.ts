// Reads what a qcow2 file says of itself, without QEMU. Format: QEMU's docs/interop/qcow2.txt. Called by the file backend.
import { open } from 'node:fs/promises';

export interface Qcow2Header {
  /** Bytes the guest sees. */
  readonly virtualSize: number;
  /** As it is written: may be relative to the file. */
  readonly backingFile?: string;
  /** It is nothing but data in this file and its backing file: no encryption, no external data file, no unknown feature. */
  readonly plain: boolean;
}

const MAGIC = 0x514649fb;
const MAX_BACKING_NAME = 1023;
/** Refcounts to be mended when it is opened; zstd is left to QEMU. The others change where the data is. */
const HARMLESS_FEATURES = 0b0_1001n;

/** Undefined when it is no qcow2 file. */
export async function readQcow2Header(path: string): Promise<Qcow2Header | undefined> {
  await using file = await open(path, 'r');
  const header = Buffer.alloc(104);
  const { bytesRead } = await file.read(header, 0, header.length, 0);
  if (bytesRead < 72 || header.readUInt32BE(0) !== MAGIC) return undefined;
  const version = header.readUInt32BE(4);
  const size = header.readBigUInt64BE(24);
  if ((version !== 2 && version !== 3) || size > BigInt(Number.MAX_SAFE_INTEGER)) return undefined;
  const features = version === 3 ? header.readBigUInt64BE(72) : 0n;
  const plain = header.readUInt32BE(32) === 0 && (features & ~HARMLESS_FEATURES) === 0n;
  const at = Number(header.readBigUInt64BE(8));
  const length = header.readUInt32BE(16);
  if (at === 0 || length === 0) return { virtualSize: Number(size), plain };
  if (length > MAX_BACKING_NAME) return undefined;
  const name = Buffer.alloc(length);
  await file.read(name, 0, length, at);
  return { virtualSize: Number(size), backingFile: name.toString('utf8'), plain };
}
