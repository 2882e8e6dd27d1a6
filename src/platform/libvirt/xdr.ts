// XDR (RFC 4506) as libvirt's protocol uses it: big-endian, every item padded to four bytes.
// Hypers are bigint, because counters of a busy host pass 2^53. Every length read from the wire is
// checked against a limit and against what is left, before anything is allocated.

/** Longest string libvirt's protocol allows (bytes). */
export const STRING_MAX = 4_194_304;

/** What arrived cannot be decoded: a peer that speaks another protocol, or a bug here. */
export class XdrError extends Error {
  readonly code = 'XDR_ERROR';
  constructor(message: string) {
    super(message);
    this.name = 'XdrError';
  }
}

const padded = (length: number): number => (length + 3) & ~3;

/** Appends values to a growing buffer. Methods return the writer so that a struct reads as one line. */
export class XdrWriter {
  #buffer = Buffer.allocUnsafe(256);
  #length = 0;

  #reserve(size: number): number {
    const offset = this.#length;
    const wanted = offset + size;
    if (wanted > this.#buffer.length) {
      const grown = Buffer.allocUnsafe(Math.max(wanted, this.#buffer.length * 2));
      this.#buffer.copy(grown, 0, 0, offset);
      this.#buffer = grown;
    }
    this.#length = wanted;
    return offset;
  }

  int(value: number): this {
    const offset = this.#reserve(4);
    this.#buffer.writeInt32BE(value, offset);
    return this;
  }

  uint(value: number): this {
    const offset = this.#reserve(4);
    this.#buffer.writeUInt32BE(value, offset);
    return this;
  }

  hyper(value: bigint): this {
    const offset = this.#reserve(8);
    this.#buffer.writeBigInt64BE(value, offset);
    return this;
  }

  uhyper(value: bigint): this {
    const offset = this.#reserve(8);
    this.#buffer.writeBigUInt64BE(value, offset);
    return this;
  }

  double(value: number): this {
    const offset = this.#reserve(8);
    this.#buffer.writeDoubleBE(value, offset);
    return this;
  }

  bool(value: boolean): this {
    return this.uint(value ? 1 : 0);
  }

  /** Bytes whose length both sides know: no length word. */
  fixed(bytes: Uint8Array): this {
    const offset = this.#reserve(padded(bytes.length));
    this.#buffer.set(bytes, offset);
    this.#buffer.fill(0, offset + bytes.length, this.#length);
    return this;
  }

  opaque(bytes: Uint8Array): this {
    return this.uint(bytes.length).fixed(bytes);
  }

  string(value: string): this {
    const bytes = Buffer.from(value, 'utf8');
    if (bytes.length > STRING_MAX) throw new XdrError(`string of ${bytes.length} bytes is over the limit`);
    if (bytes.includes(0)) throw new XdrError('string holds a zero byte, which C programs would cut at');
    return this.opaque(bytes);
  }

  optional<T>(value: T | undefined, write: (writer: this, value: T) => unknown): this {
    this.bool(value !== undefined);
    if (value !== undefined) write(this, value);
    return this;
  }

  optionalString(value: string | undefined): this {
    return this.optional(value, (writer, text) => writer.string(text));
  }

  array<T>(values: readonly T[], write: (writer: this, value: T) => unknown): this {
    this.uint(values.length);
    for (const value of values) write(this, value);
    return this;
  }

  /** The bytes written so far (a view: write no more after this). */
  bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }
}

/** Reads values in order from one message. */
export class XdrReader {
  readonly #buffer: Buffer;
  #offset = 0;

  constructor(buffer: Buffer) {
    this.#buffer = buffer;
  }

  get remaining(): number {
    return this.#buffer.length - this.#offset;
  }

  #take(size: number): number {
    if (size > this.remaining) throw new XdrError(`message ends ${size - this.remaining} bytes too early`);
    const offset = this.#offset;
    this.#offset += size;
    return offset;
  }

  int(): number {
    return this.#buffer.readInt32BE(this.#take(4));
  }

  uint(): number {
    return this.#buffer.readUInt32BE(this.#take(4));
  }

  hyper(): bigint {
    return this.#buffer.readBigInt64BE(this.#take(8));
  }

  uhyper(): bigint {
    return this.#buffer.readBigUInt64BE(this.#take(8));
  }

  double(): number {
    return this.#buffer.readDoubleBE(this.#take(8));
  }

  bool(): boolean {
    return this.uint() !== 0;
  }

  /** A copy, so that a small value does not keep a message of megabytes alive. */
  fixed(length: number): Buffer {
    const offset = this.#take(padded(length));
    return Buffer.from(this.#buffer.subarray(offset, offset + length));
  }

  opaque(limit: number): Buffer {
    const length = this.uint();
    if (length > limit) throw new XdrError(`${length} bytes are over the limit of ${limit}`);
    return this.fixed(length);
  }

  string(limit = STRING_MAX): string {
    return this.opaque(limit).toString('utf8');
  }

  optional<T>(read: (reader: this) => T): T | undefined {
    return this.bool() ? read(this) : undefined;
  }

  optionalString(): string | undefined {
    return this.optional((reader) => reader.string());
  }

  array<T>(limit: number, read: (reader: this) => T): T[] {
    const count = this.uint();
    // An item takes at least four bytes, so a larger count is a lie: refuse before looping.
    if (count > limit || count * 4 > this.remaining)
      throw new XdrError(`array of ${count} items is over the limit`);
    return Array.from({ length: count }, () => read(this));
  }
}
