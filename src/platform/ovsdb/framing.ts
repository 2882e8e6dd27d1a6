// Cuts a byte stream into JSON objects. OVSDB sends them back to back without separators, so the end of one is
// found by counting braces outside of strings. Used by json-rpc.ts.
import { OvsdbError } from './errors.ts';

const OPEN = 0x7b;
const CLOSE = 0x7d;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** A whole database arrives as one message; a peer that sends more than this is broken or hostile. */
export const MAX_MESSAGE_BYTES = 512 * 1024 * 1024;

export class JsonFramer {
  readonly #maxBytes: number;
  #parts: Buffer[] = [];
  #size = 0;
  #depth = 0;
  #inString = false;
  #escaped = false;

  constructor(maxBytes: number = MAX_MESSAGE_BYTES) {
    this.#maxBytes = maxBytes;
  }

  /** Takes the next bytes and returns the messages they complete. All structural bytes are ASCII, so UTF-8 may be split anywhere. */
  push(chunk: Buffer): unknown[] {
    const messages: unknown[] = [];
    let start = 0;
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i];
      if (this.#inString) {
        if (this.#escaped) this.#escaped = false;
        else if (byte === BACKSLASH) this.#escaped = true;
        else if (byte === QUOTE) this.#inString = false;
      } else if (byte === QUOTE && this.#depth > 0) this.#inString = true;
      else if (byte === OPEN) {
        if (this.#depth++ === 0) start = i;
      } else if (byte === CLOSE && this.#depth > 0) {
        if (--this.#depth === 0) messages.push(this.#finish(chunk.subarray(start, i + 1)));
      } else if (this.#depth === 0 && !isSpace(byte)) {
        throw new OvsdbError('protocol error', { details: 'bytes outside of a JSON object' });
      }
    }
    if (this.#depth > 0) this.#keep(chunk.subarray(start));
    return messages;
  }

  #keep(part: Buffer): void {
    this.#size += part.length;
    if (this.#size > this.#maxBytes) {
      throw new OvsdbError('protocol error', { details: `message longer than ${this.#maxBytes} bytes` });
    }
    this.#parts.push(part);
  }

  #finish(last: Buffer): unknown {
    this.#keep(last);
    const text = (this.#parts.length === 1 ? last : Buffer.concat(this.#parts)).toString('utf8');
    this.#parts = [];
    this.#size = 0;
    try {
      return JSON.parse(text) as unknown;
    } catch (cause) {
      throw new OvsdbError('protocol error', { details: 'message is not JSON', cause });
    }
  }
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}
