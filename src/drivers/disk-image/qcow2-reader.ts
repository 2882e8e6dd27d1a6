// Reads the content of a qcow2 image: where its data are, and the data. For images that tenants upload: every number in the
// file is checked, nothing outside the file is opened, and memory is bounded. Source: QEMU's qcow2 specification.
import type { FileHandle } from 'node:fs/promises';
import { inflateRawSync, zstdDecompressSync } from 'node:zlib';
import { DomainError } from '#platform/errors/domain-error.ts';

/** The image is damaged, or of a kind that is not read. The message is for its owner. */
export class UnreadableQcow2 extends DomainError {
  constructor(why: string) {
    super('bad-request', 'unreadable-qcow2', `The qcow2 image can't be read: ${why}.`);
  }
}

export interface Qcow2Piece {
  readonly offset: number;
  readonly data: Buffer;
}

export interface Qcow2Image {
  /** Bytes that a guest would see. */
  readonly virtualSize: number;
  /** What is not zeros, in order, a cluster at a time. */
  pieces(signal?: AbortSignal): AsyncGenerator<Qcow2Piece>;
}

const MAGIC = 0x51_46_49_fb;
const OFFSET_MASK = 0x00ff_ffff_ffff_fe00n;
const COMPRESSED = 1n << 62n;
const ZERO = 1n;
const DIRTY_CORRUPT = 0b11n;
const COMPRESSION_BIT = 1n << 3n;
const MAX_L1_BYTES = 32 * 2 ** 20; // QEMU's own bound

interface Header {
  readonly virtualSize: number;
  readonly clusterBits: number;
  readonly l1Size: number;
  readonly l1Offset: number;
  readonly zstd: boolean;
}

/** The handle stays the caller's. @throws UnreadableQcow2 */
export async function openQcow2(file: FileHandle): Promise<Qcow2Image> {
  const bytes = (await file.stat()).size;
  const header = readHeader(await readAt(file, 0, 112, bytes));
  const l1 = await readAt(file, header.l1Offset, header.l1Size * 8, bytes);
  return {
    virtualSize: header.virtualSize,
    pieces: (signal) => readPieces(file, bytes, header, l1, signal),
  };
}

function readHeader(head: Buffer): Header {
  if (head.length < 72 || head.readUInt32BE(0) !== MAGIC) throw new UnreadableQcow2('it is none');
  const version = head.readUInt32BE(4);
  if (version !== 2 && version !== 3) throw new UnreadableQcow2(`its version is ${version}`);
  if (head.readBigUInt64BE(8) !== 0n) throw new UnreadableQcow2('it refers to a backing file');
  const clusterBits = head.readUInt32BE(20);
  if (clusterBits < 9 || clusterBits > 21) throw new UnreadableQcow2('its clusters have no proper size');
  if (head.readUInt32BE(32) !== 0) throw new UnreadableQcow2('it is encrypted');
  const features = version === 3 && head.length >= 104 ? head.readBigUInt64BE(72) : 0n;
  if ((features & ~(DIRTY_CORRUPT | COMPRESSION_BIT)) !== 0n || (features & 0b10n) !== 0n)
    throw new UnreadableQcow2('it is marked corrupt, or uses external data or extended entries');
  const compression = (features & COMPRESSION_BIT) !== 0n && head.length >= 105 ? head[104] : 0;
  const virtualSize = Number(head.readBigUInt64BE(24));
  const l1Size = head.readUInt32BE(36);
  const perL1 = 2 ** clusterBits * (2 ** clusterBits / 8);
  if (
    !Number.isSafeInteger(virtualSize) ||
    l1Size * 8 > MAX_L1_BYTES ||
    l1Size < Math.ceil(virtualSize / perL1)
  )
    throw new UnreadableQcow2('its tables do not cover its size');
  return {
    virtualSize,
    clusterBits,
    l1Size,
    l1Offset: Number(head.readBigUInt64BE(40)),
    zstd: compression === 1,
  };
}

async function* readPieces(
  file: FileHandle,
  bytes: number,
  header: Header,
  l1: Buffer,
  signal: AbortSignal | undefined,
): AsyncGenerator<Qcow2Piece> {
  const cluster = 2 ** header.clusterBits;
  const perTable = cluster / 8;
  for (let i = 0; i < header.l1Size; i++) {
    const l2Offset = Number(l1.readBigUInt64BE(i * 8) & OFFSET_MASK);
    if (l2Offset === 0) continue;
    const l2 = await readAt(file, l2Offset, cluster, bytes);
    for (let j = 0; j < perTable; j++) {
      signal?.throwIfAborted();
      const offset = (i * perTable + j) * cluster;
      if (offset >= header.virtualSize) return;
      const entry = l2.readBigUInt64BE(j * 8);
      const data = await readCluster(file, bytes, header, entry);
      if (data) yield { offset, data: data.subarray(0, Math.min(cluster, header.virtualSize - offset)) };
    }
  }
}

async function readCluster(
  file: FileHandle,
  bytes: number,
  header: Header,
  entry: bigint,
): Promise<Buffer | undefined> {
  const cluster = 2 ** header.clusterBits;
  if ((entry & COMPRESSED) !== 0n) return readCompressed(file, bytes, header, entry);
  if ((entry & ZERO) !== 0n) return undefined;
  const at = Number(entry & OFFSET_MASK);
  if (at === 0) return undefined;
  const found = await readUpTo(file, at, cluster, bytes);
  // The last cluster of a file may be cut where the rest is zeros.
  return found.length === cluster ? found : Buffer.concat([found], cluster);
}

async function readCompressed(
  file: FileHandle,
  bytes: number,
  { clusterBits, zstd }: Header,
  entry: bigint,
): Promise<Buffer> {
  const cluster = 2 ** clusterBits;
  const sizeBits = BigInt(clusterBits - 8);
  const offsetBits = 62n - sizeBits;
  const at = Number(entry & ((1n << offsetBits) - 1n));
  const sectors = Number((entry >> offsetBits) & ((1n << sizeBits) - 1n)) + 1;
  const packed = await readUpTo(file, at, sectors * 512 - (at % 512), bytes);
  try {
    const data = zstd
      ? zstdDecompressSync(packed.subarray(0, zstdFrameLength(packed)), { maxOutputLength: cluster })
      : inflateRawSync(packed, { maxOutputLength: cluster });
    if (data.length === cluster) return data;
  } catch (cause) {
    throw new UnreadableQcow2(
      `a compressed cluster is damaged (${cause instanceof Error ? cause.message : 'unknown'})`,
    );
  }
  throw new UnreadableQcow2('a compressed cluster is too short');
}

/** Bytes of the first frame (RFC 8878): behind it lies the next cluster, which the decoder must not see. */
function zstdFrameLength(packed: Buffer): number {
  const descriptor = packed[4] ?? 0;
  const single = (descriptor & 0x20) !== 0;
  const dictionary = [0, 1, 2, 4][descriptor & 3]!; // of four values
  const contentSize = [single ? 1 : 0, 2, 4, 8][descriptor >> 6]!; // likewise
  let at = 5 + (single ? 0 : 1) + dictionary + contentSize;
  for (;;) {
    if (at + 3 > packed.length) throw new Error('a frame has no end');
    const block = packed.readUIntLE(at, 3);
    const isRepeated = ((block >> 1) & 3) === 1;
    at += 3 + (isRepeated ? 1 : block >> 3);
    if ((block & 1) === 1) return at + ((descriptor & 4) === 0 ? 0 : 4);
  }
}

/** @throws UnreadableQcow2 when the file ends before */
async function readAt(file: FileHandle, at: number, length: number, bytes: number): Promise<Buffer> {
  if (at === 0) return readUpTo(file, at, length, bytes);
  const found = await readUpTo(file, at, length, bytes);
  if (found.length < length) throw new UnreadableQcow2('it ends before its tables do');
  return found;
}

async function readUpTo(file: FileHandle, at: number, length: number, bytes: number): Promise<Buffer> {
  if (!Number.isSafeInteger(at) || at >= bytes) throw new UnreadableQcow2('it points beyond its end');
  const buffer = Buffer.alloc(Math.min(length, bytes - at));
  const { bytesRead } = await file.read(buffer, 0, buffer.length, at);
  return buffer.subarray(0, bytesRead);
}
