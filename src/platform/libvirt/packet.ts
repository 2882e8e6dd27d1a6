// Framing: a length word (which counts itself), a header of six words, a payload. Used by rpc.ts only.
import type { WireError } from './errors.ts';
import { XdrError, XdrReader } from './xdr.ts';

export const HEADER_BYTES = 24;
const LENGTH_BYTES = 4;
/** Largest message of the protocol, header included. */
export const MESSAGE_MAX = 33_554_432;

export const PacketType = { call: 0, reply: 1, message: 2, stream: 3, streamHole: 6 } as const;
export const PacketStatus = { ok: 0, error: 1, continue: 2 } as const;

export const Program = { remote: 0x20008086, qemu: 0x20008087, keepalive: 0x6b656570 } as const;
export const PROGRAM_VERSION = 1;

export interface PacketHeader {
  readonly program: number;
  readonly procedure: number;
  readonly type: number;
  readonly serial: number;
  readonly status: number;
}

export interface Packet extends PacketHeader {
  readonly payload: Buffer;
}

/** Bytes of one packet, ready for the socket. */
export function encodePacket(header: PacketHeader, payload: Uint8Array): Buffer {
  const length = LENGTH_BYTES + HEADER_BYTES + payload.length;
  if (length > MESSAGE_MAX) throw new XdrError(`message of ${length} bytes is over the limit`);
  const bytes = Buffer.allocUnsafe(length);
  const words = [
    length,
    header.program,
    PROGRAM_VERSION,
    header.procedure,
    header.type,
    header.serial,
    header.status,
  ];
  words.forEach((word, index) => bytes.writeUInt32BE(word, index * 4));
  bytes.set(payload, LENGTH_BYTES + HEADER_BYTES);
  return bytes;
}

function decodePacket(bytes: Buffer): Packet {
  const reader = new XdrReader(bytes);
  const program = reader.uint();
  const version = reader.uint();
  if (version !== PROGRAM_VERSION) throw new XdrError(`program version ${version} is not supported`);
  const procedure = reader.uint();
  const type = reader.uint();
  const serial = reader.uint();
  const status = reader.uint();
  return { program, procedure, type, serial, status, payload: bytes.subarray(HEADER_BYTES) };
}

/** Cuts a byte stream into packets, however the bytes arrive. */
export class PacketSplitter {
  #chunks: Buffer[] = [];
  #buffered = 0;

  /** Adds bytes and returns the packets that are complete now. Throws XdrError on an impossible length. */
  push(chunk: Buffer): Packet[] {
    this.#chunks.push(chunk);
    this.#buffered += chunk.length;
    const packets: Packet[] = [];
    for (;;) {
      const length = this.#nextLength();
      if (length === undefined || this.#buffered < length) return packets;
      const bytes = this.#joined();
      packets.push(decodePacket(bytes.subarray(LENGTH_BYTES, length)));
      this.#chunks = bytes.length > length ? [bytes.subarray(length)] : [];
      this.#buffered -= length;
    }
  }

  #nextLength(): number | undefined {
    if (this.#buffered < LENGTH_BYTES) return undefined;
    const first = this.#chunks[0];
    const head = first !== undefined && first.length >= LENGTH_BYTES ? first : this.#joined();
    const length = head.readUInt32BE(0);
    if (length < LENGTH_BYTES + HEADER_BYTES || length > MESSAGE_MAX + LENGTH_BYTES) {
      throw new XdrError(`packet length ${length} is impossible`);
    }
    return length;
  }

  /** All buffered bytes as one buffer; joins only when needed, so that large messages cost one copy. */
  #joined(): Buffer {
    const [first] = this.#chunks;
    if (this.#chunks.length === 1 && first !== undefined) return first;
    const joined = Buffer.concat(this.#chunks, this.#buffered);
    this.#chunks = [joined];
    return joined;
  }
}

/** The error struct of a reply or stream packet whose status is `error`. */
export function decodeError(payload: Buffer): WireError {
  const reader = new XdrReader(payload);
  const code = reader.int();
  const domain = reader.int();
  const message = reader.optionalString() ?? 'no message';
  const level = reader.int();
  return { code, domain, level, message };
}
