// Numbers of the NBD protocol, by its public specification (doc/proto.md of the NBD project). No code but encoding.

export const HANDSHAKE_MAGIC = 0x4e42444d41474943n;
export const OPTION_MAGIC = 0x49484156454f5054n;
export const OPTION_REPLY_MAGIC = 0x3e889045565a9n;
export const REQUEST_MAGIC = 0x25609513;
export const SIMPLE_REPLY_MAGIC = 0x67446698;
export const STRUCTURED_REPLY_MAGIC = 0x668e33ef;

/** Of the server's handshake, and of the client's answer. */
export const HandshakeFlag = { fixedNewstyle: 1, noZeroes: 2 } as const;
export const Option = { abort: 2, go: 7, structuredReply: 8, setMetaContext: 10 } as const;
export const OptionReply = { ack: 1, info: 3, metaContext: 4 } as const;
export const Info = { export: 0, blockSize: 3 } as const;

/** Error replies of the handshake: the highest bit is set. */
export const OptionError = {
  unsupported: 0x80000001,
  policy: 0x80000002,
  invalid: 0x80000003,
  tlsRequired: 0x80000005,
  unknownExport: 0x80000006,
  shutdown: 0x80000007,
} as const;
export const isOptionError = (reply: number): boolean => reply >= 0x80000000;

/** What an export can do. */
export const ExportFlag = {
  readOnly: 1 << 1,
  flush: 1 << 2,
  fua: 1 << 3,
  trim: 1 << 5,
  writeZeroes: 1 << 6,
  multiConnection: 1 << 8,
} as const;

export const Command = {
  read: 0,
  write: 1,
  disconnect: 2,
  flush: 3,
  trim: 4,
  writeZeroes: 6,
  blockStatus: 7,
} as const;
export const CommandFlag = { fua: 1, noHole: 2 } as const;

export const Chunk = {
  none: 0,
  data: 1,
  hole: 2,
  blockStatus: 5,
  error: 0x8001,
  errorOffset: 0x8002,
} as const;
export const CHUNK_DONE = 1;

/** Flags of the context `base:allocation`. */
export const Allocation = { hole: 1, zero: 2 } as const;
export const ALLOCATION_CONTEXT = 'base:allocation';

/** Servers end the connection of who asks for more in one request, unless they said otherwise. */
export const MAX_PAYLOAD = 32 * 2 ** 20;
/** Of export names and contexts. */
export const MAX_STRING = 4096;

export function encodeOption(option: number, data: Uint8Array): Buffer {
  const header = Buffer.alloc(16);
  header.writeBigUInt64BE(OPTION_MAGIC, 0);
  header.writeUInt32BE(option, 8);
  header.writeUInt32BE(data.length, 12);
  return Buffer.concat([header, data]);
}

export interface Request {
  readonly command: number;
  readonly flags: number;
  readonly cookie: bigint;
  readonly offset: number;
  readonly length: number;
}

export function encodeRequest({ command, flags, cookie, offset, length }: Request): Buffer {
  const header = Buffer.alloc(28);
  header.writeUInt32BE(REQUEST_MAGIC, 0);
  header.writeUInt16BE(flags, 4);
  header.writeUInt16BE(command, 6);
  header.writeBigUInt64BE(cookie, 8);
  header.writeBigUInt64BE(BigInt(offset), 16);
  header.writeUInt32BE(length, 24);
  return header;
}

/** Length and bytes. */
export function encodeString(text: string): Buffer {
  const bytes = Buffer.from(text, 'utf8');
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

export function encodeU16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

export function encodeU32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
