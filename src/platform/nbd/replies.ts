// Reads replies, simple and structured, and gives each to the request it belongs to. Called by client.ts.
import type { ByteSource } from './byte-source.ts';
import type { AllocatedRange } from './client.ts';
import { NbdConnectionError, NbdError } from './errors.ts';
import type { ExportInfo } from './handshake.ts';
import {
  Allocation,
  Chunk,
  CHUNK_DONE,
  Command,
  SIMPLE_REPLY_MAGIC,
  STRUCTURED_REPLY_MAGIC,
} from './protocol.ts';

export interface Pending {
  readonly command: number;
  readonly offset: number;
  readonly length: number;
  /** Of a read; as long as was asked for when it is done. */
  data: Buffer;
  ranges: AllocatedRange[];
  error: NbdError | undefined;
  readonly finish: (error?: Error) => void;
}

/** Beside data: errors and block status of one request. */
const MAX_SMALL_CHUNK = 1 << 20;

const COMMAND_NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(Command).map(([name, number]) => [number, name]),
);

/** Never resolves. Rejects when the connection ends or the peer does not keep to the protocol. */
export async function readReplies(
  source: ByteSource,
  info: ExportInfo,
  pending: Map<bigint, Pending>,
  onFinished: () => void,
): Promise<never> {
  const find = (cookie: bigint): Pending => {
    const request = pending.get(cookie);
    if (!request) throw broken('a reply belongs to no request');
    return request;
  };
  const finish = (cookie: bigint, request: Pending): void => {
    pending.delete(cookie);
    request.finish(request.error);
    onFinished();
  };
  for (;;) {
    const start = await source.take(16);
    const magic = start.readUInt32BE(0);
    const cookie = start.readBigUInt64BE(8);
    if (magic === SIMPLE_REPLY_MAGIC) {
      const request = find(cookie);
      await readSimple(source, request, start.readUInt32BE(4));
      finish(cookie, request);
    } else if (magic === STRUCTURED_REPLY_MAGIC && info.structured) {
      const request = find(cookie);
      const length = (await source.take(4)).readUInt32BE(0);
      await readChunk(source, request, { type: start.readUInt16BE(6), length, info });
      if ((start.readUInt16BE(4) & CHUNK_DONE) !== 0) finish(cookie, request);
    } else throw broken('a reply has no magic number');
  }
}

async function readSimple(source: ByteSource, request: Pending, error: number): Promise<void> {
  if (error !== 0) request.error = NbdError.of(error, nameOf(request), '');
  else if (request.command === Command.read) request.data = await source.take(request.length);
}

interface ChunkHeader {
  readonly type: number;
  readonly length: number;
  readonly info: ExportInfo;
}

async function readChunk(
  source: ByteSource,
  request: Pending,
  { type, length, info }: ChunkHeader,
): Promise<void> {
  const limit = type === Chunk.data ? request.length + 8 : MAX_SMALL_CHUNK;
  if (length > limit) throw broken(`a chunk of ${length} bytes was not asked for`);
  const payload = await source.take(length);
  switch (type) {
    case Chunk.none:
      return;
    case Chunk.data:
    case Chunk.hole:
      return putData(request, type, payload);
    case Chunk.blockStatus:
      if (payload.length < 4 || payload.readUInt32BE(0) !== info.allocationContext) return;
      request.ranges = readRanges(payload.subarray(4));
      return;
    default:
      // The specification keeps this bit for errors, also such as are not invented yet.
      if ((type & 0x8000) === 0 || payload.length < 6) throw broken(`a chunk has the unknown type ${type}`);
      request.error = NbdError.of(
        payload.readUInt32BE(0),
        nameOf(request),
        payload.toString('utf8', 6, 6 + payload.readUInt16BE(4)),
      );
  }
}

function putData(request: Pending, type: number, payload: Buffer): void {
  const header = type === Chunk.data ? 8 : 12;
  if (request.command !== Command.read || payload.length < header) throw broken('data was not asked for');
  const at = Number(payload.readBigUInt64BE(0)) - request.offset;
  const length = type === Chunk.data ? payload.length - 8 : payload.readUInt32BE(8);
  if (at < 0 || at + length > request.length) throw broken('data lies outside of what was asked for');
  if (type === Chunk.data && length === request.length) {
    request.data = payload.subarray(8);
    return;
  }
  // What no chunk mentions would be a fault of the server; zeros are safer to show than old memory.
  if (request.data.length === 0) request.data = Buffer.alloc(request.length);
  if (type === Chunk.data) payload.copy(request.data, at, 8);
}

function readRanges(payload: Buffer): AllocatedRange[] {
  const ranges: AllocatedRange[] = [];
  for (let at = 0; at + 8 <= payload.length; at += 8) {
    const flags = payload.readUInt32BE(at + 4);
    ranges.push({
      length: payload.readUInt32BE(at),
      hole: (flags & Allocation.hole) !== 0,
      zero: (flags & Allocation.zero) !== 0,
    });
  }
  if (!ranges.some(({ length }) => length > 0)) throw broken('a block status describes nothing');
  return ranges;
}

const nameOf = ({ command }: Pending): string => COMMAND_NAMES.get(command) ?? `command ${command}`;
const broken = (what: string): NbdConnectionError => new NbdConnectionError('protocol', what);
