// The client: one connection to one export, several requests in flight, each with a deadline.
import net from 'node:net';
import { ByteSource } from './byte-source.ts';
import { NbdConnectionError, NbdError } from './errors.ts';
import { negotiate, type ExportInfo } from './handshake.ts';
import { Command, CommandFlag, encodeRequest, ExportFlag, MAX_STRING } from './protocol.ts';
import { readReplies, type Pending } from './replies.ts';

export type NbdAddress = { readonly path: string } | { readonly host: string; readonly port: number };

export interface NbdClientOptions {
  readonly address: NbdAddress;
  readonly exportName: string;
  /** Milliseconds for connecting and the handshake together. */
  readonly connectTimeoutMs?: number;
  /** Milliseconds for each request, waiting for its turn included. */
  readonly requestTimeoutMs?: number;
  /** Requests under way at once. */
  readonly maxInFlight?: number;
}

/** A range of the export, as the server describes it. */
export interface AllocatedRange {
  readonly length: number;
  /** Takes no space. */
  readonly hole: boolean;
  /** Reads as zeros. */
  readonly zero: boolean;
}

const CONNECT_TIMEOUT_MS = 10_000;
/** A disk that is busy may take seconds; one that takes longer is gone. */
const REQUEST_TIMEOUT_MS = 60_000;
const MAX_IN_FLIGHT = 16;
/** Zeroing and trimming carry no data, so that requests may be larger; servers must take up to 32 bits. */
const MAX_UNDATA = 2 ** 30;

export class NbdClient implements AsyncDisposable {
  readonly #socket: net.Socket;
  readonly #info: ExportInfo;
  readonly #pending = new Map<bigint, Pending>();
  readonly #queue: (() => void)[] = [];
  readonly #options: NbdClientOptions;
  readonly #closed = Promise.withResolvers<NbdConnectionError>();
  #failure: NbdConnectionError | undefined;
  #cookie = 0n;

  private constructor(socket: net.Socket, source: ByteSource, info: ExportInfo, options: NbdClientOptions) {
    this.#socket = socket;
    this.#info = info;
    this.#options = options;
    const fail = (error: NbdConnectionError): void => {
      source.fail(error);
      this.#fail(error);
    };
    socket.on('error', (cause) => fail(new NbdConnectionError('closed', 'the connection failed', { cause })));
    socket.on('close', () => fail(new NbdConnectionError('closed', 'the server closed the connection')));
    readReplies(source, info, this.#pending, () => this.#next()).catch((cause: unknown) =>
      fail(
        cause instanceof NbdConnectionError
          ? cause
          : new NbdConnectionError('protocol', 'the server sent what cannot be read', { cause }),
      ),
    );
  }

  /** @throws NbdConnectionError, NbdError (`no-export`, `refused`) */
  static async connect(options: NbdClientOptions): Promise<NbdClient> {
    const { address, exportName, connectTimeoutMs = CONNECT_TIMEOUT_MS } = options;
    if (Buffer.byteLength(exportName) > MAX_STRING) throw new NbdError('no-export', 'the name is too long');
    const socket = 'path' in address ? net.connect(address.path) : net.connect(address.port, address.host);
    socket.setNoDelay(true);
    const source = new ByteSource(socket);
    const refuse = (cause?: unknown): void =>
      source.fail(
        new NbdConnectionError('refused', `no NBD server at ${JSON.stringify(address)}`, { cause }),
      );
    socket.on('error', refuse);
    socket.on('close', () => refuse());
    const timer = setTimeout(
      () => source.fail(new NbdConnectionError('timeout', `no export within ${connectTimeoutMs} ms`)),
      connectTimeoutMs,
    );
    try {
      const info = await negotiate(socket, source, exportName);
      socket.removeAllListeners('error').removeAllListeners('close');
      return new NbdClient(socket, source, info, options);
    } catch (error) {
      socket.destroy();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Bytes, when the connection was made: it does not learn of later growth. */
  get size(): number {
    return this.#info.size;
  }

  get readOnly(): boolean {
    return this.#can(ExportFlag.readOnly);
  }

  /** Offsets and lengths must be multiples of it. */
  get minBlock(): number {
    return this.#info.minBlock;
  }

  /** Resolves with the reason when the connection has ended. Never rejects. */
  get closed(): Promise<NbdConnectionError> {
    return this.#closed.promise;
  }

  /** Any length: more than the server takes at once becomes several requests. */
  async read(offset: number, length: number): Promise<Buffer> {
    const parts = split(offset, length, this.#info.maxPayload);
    const [only, ...rest] = await Promise.all(
      parts.map((part) => this.#request(Command.read, part.offset, part.length)),
    );
    if (!only) return Buffer.alloc(0);
    return rest.length === 0 ? only.data : Buffer.concat([only, ...rest].map(({ data }) => data));
  }

  /** `durable`: safe from a loss of power when it resolves, without a flush. */
  async write(offset: number, data: Buffer, { durable = false } = {}): Promise<void> {
    const parts = split(offset, data.length, this.#info.maxPayload);
    const flags = durable ? this.#fua() : 0;
    await Promise.all(
      parts.map(({ offset: at, length }) => {
        const payload = data.subarray(at - offset, at - offset + length);
        return this.#request(Command.write, at, length, { flags, payload });
      }),
    );
    if (durable && flags === 0) await this.flush();
  }

  /** Reads as zeros after; `keep`: the space stays taken. Writes zeros where the server has no command for it. */
  async writeZeroes(offset: number, length: number, { keep = false } = {}): Promise<void> {
    if (!this.#can(ExportFlag.writeZeroes)) {
      for (const part of split(offset, length, 2 ** 20))
        await this.write(part.offset, Buffer.alloc(part.length));
      return;
    }
    const flags = keep ? CommandFlag.noHole : 0;
    for (const part of split(offset, length, MAX_UNDATA))
      await this.#request(Command.writeZeroes, part.offset, part.length, { flags });
  }

  /** What it reads as is unknown after. Nothing where the server cannot. */
  async trim(offset: number, length: number): Promise<void> {
    if (!this.#can(ExportFlag.trim)) return;
    for (const part of split(offset, length, MAX_UNDATA))
      await this.#request(Command.trim, part.offset, part.length);
  }

  /** What was answered before is safe from a loss of power when this resolves. */
  async flush(): Promise<void> {
    if (this.#can(ExportFlag.flush)) await this.#request(Command.flush, 0, 0);
  }

  /** Ranges from `offset` on, at least one; they may end before or after `length`. */
  async allocation(offset: number, length: number): Promise<readonly AllocatedRange[]> {
    if (this.#info.allocationContext === undefined) return [{ length, hole: false, zero: false }];
    return (await this.#request(Command.blockStatus, offset, Math.min(length, MAX_UNDATA))).ranges;
  }

  /** Says goodbye and ends the connection; requests under way fail. Never throws. */
  async close(): Promise<void> {
    if (!this.#failure) {
      const bye = { command: Command.disconnect, flags: 0, cookie: 0n, offset: 0, length: 0 };
      this.#socket.end(encodeRequest(bye));
    }
    this.#fail(new NbdConnectionError('closed', 'the connection was closed here'));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #can(flag: number): boolean {
    return (this.#info.flags & flag) !== 0;
  }

  #fua(): number {
    return this.#can(ExportFlag.fua) ? CommandFlag.fua : 0;
  }

  async #request(
    command: number,
    offset: number,
    length: number,
    { flags = 0, payload }: { flags?: number; payload?: Buffer } = {},
  ): Promise<Pending> {
    if (offset < 0 || offset + length > this.#info.size)
      throw new NbdError('EINVAL', `${length} bytes at ${offset} are not within ${this.#info.size} bytes`);
    const cookie = ++this.#cookie;
    const done = Promise.withResolvers<void>();
    const pending: Pending = {
      command,
      offset,
      length,
      data: Buffer.alloc(0),
      ranges: [],
      error: undefined,
      finish: (error) => (error ? done.reject(error) : done.resolve()),
    };
    // Its answer may still come and must be read in order: a connection with a lost request is of no use.
    const timeoutMs = this.#options.requestTimeoutMs ?? REQUEST_TIMEOUT_MS;
    const timer = setTimeout(
      () => this.#fail(new NbdConnectionError('timeout', `no answer within ${timeoutMs} ms`)),
      timeoutMs,
    );
    const send = (): void => {
      if (this.#failure) return done.reject(this.#failure);
      this.#pending.set(cookie, pending);
      this.#socket.cork();
      this.#socket.write(encodeRequest({ command, flags, cookie, offset, length }));
      if (payload) this.#socket.write(payload);
      this.#socket.uncork();
    };
    if (this.#pending.size < (this.#options.maxInFlight ?? MAX_IN_FLIGHT)) send();
    else this.#queue.push(send);
    try {
      await done.promise;
      return pending;
    } finally {
      clearTimeout(timer);
    }
  }

  #next(): void {
    this.#queue.shift()?.();
  }

  #fail(error: NbdConnectionError): void {
    if (this.#failure) return;
    this.#failure = error;
    if (error.code !== 'closed' || !this.#socket.writableEnded) this.#socket.destroy();
    else this.#socket.destroySoon();
    for (const { finish } of this.#pending.values()) finish(error);
    this.#pending.clear();
    for (const send of this.#queue.splice(0)) send();
    this.#closed.resolve(error);
  }
}

function split(offset: number, length: number, most: number): { offset: number; length: number }[] {
  const parts: { offset: number; length: number }[] = [];
  for (let at = 0; at < length; at += most)
    parts.push({ offset: offset + at, length: Math.min(most, length - at) });
  return parts;
}
