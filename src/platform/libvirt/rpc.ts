// One connection: calls matched to replies by serial, messages to listeners, stream packets to streams.
// Knows packets and procedures, but no meaning of any (that is client.ts).
import type net from 'node:net';
import { LibvirtConnectionError, LibvirtError } from './errors.ts';
import { Keepalive, KeepaliveProcedure } from './keepalive.ts';
import type { KeepaliveOptions } from './keepalive.ts';
import { decodeError, encodePacket, PacketSplitter, PacketStatus, PacketType, Program } from './packet.ts';
import type { Packet, PacketHeader } from './packet.ts';
import type { Procedure } from './procedure.ts';
import { LibvirtStream } from './stream.ts';
import { XdrReader, XdrWriter } from './xdr.ts';

export interface RpcOptions {
  readonly keepalive: KeepaliveOptions;
  /**
   * Calls under way at once; more wait here. libvirtd stops reading a client above its own limit
   * (max_client_requests, 5 unless configured), and then keepalive would take it for dead.
   */
  readonly maxInFlight: number;
}

export interface CallOptions {
  /** Milliseconds until the call is given up (libvirt still carries it out). */
  readonly timeoutMs?: number;
}

type AnyProcedure = Procedure<never, unknown>;

interface PendingCall {
  readonly procedure: AnyProcedure;
  readonly stream?: LibvirtStream;
  settled: boolean;
  resolve(value: unknown): void;
  reject(error: Error): void;
}

export type MessageListener = (procedure: number, reader: XdrReader) => void;

const DEFAULT_TIMEOUT_MS = 30_000;

export class RpcConnection {
  readonly #socket: net.Socket;
  readonly #options: RpcOptions;
  readonly #splitter = new PacketSplitter();
  readonly #keepalive: Keepalive;
  readonly #pending = new Map<number, PendingCall>();
  readonly #streams = new Map<number, LibvirtStream>();
  readonly #waiting: (() => void)[] = [];
  #serial = 0;
  #failure: LibvirtConnectionError | undefined;
  readonly #closed = Promise.withResolvers<LibvirtConnectionError>();
  /** Called for each message that answers no call. */
  onMessage: MessageListener = () => undefined;

  constructor(socket: net.Socket, options: RpcOptions) {
    this.#socket = socket;
    this.#options = options;
    socket.setNoDelay(true);
    this.#keepalive = new Keepalive(
      options.keepalive,
      () => this.#sendKeepalive(KeepaliveProcedure.ping),
      () => this.#fail(new LibvirtConnectionError('timeout', 'the peer does not answer keepalive')),
    );
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('error', (cause) =>
      this.#fail(new LibvirtConnectionError('closed', 'connection failed', { cause })),
    );
    socket.on('close', () =>
      this.#fail(new LibvirtConnectionError('closed', 'the peer closed the connection')),
    );
    this.#keepalive.start();
  }

  /** Resolves with the reason when the connection has ended. Never rejects. */
  get closed(): Promise<LibvirtConnectionError> {
    return this.#closed.promise;
  }

  get isClosed(): boolean {
    return this.#failure !== undefined;
  }

  /** Throws LibvirtError if libvirt refuses, LibvirtConnectionError if no answer can come. */
  call<Args, Result>(procedure: Procedure<Args, Result>, args: Args, options?: CallOptions): Promise<Result> {
    return this.#start(procedure, args, options);
  }

  /** For procedures whose reply is followed by a stream. */
  async callStream<Args, Result>(
    procedure: Procedure<Args, Result>,
    args: Args,
    options?: CallOptions,
  ): Promise<{ result: Result; stream: LibvirtStream }> {
    let serial = 0;
    const stream = new LibvirtStream({
      send: (data) => this.#sendStream(procedure, serial, PacketStatus.continue, data),
      finish: () => this.#sendStream(procedure, serial, PacketStatus.ok),
      abort: () => {
        this.#streams.delete(serial);
        this.#sendStream(procedure, serial, PacketStatus.error);
      },
    });
    // Nobody has the stream before the reply; whoever gets it then reads its error from it.
    const unheard = (): void => undefined;
    stream.on('error', unheard);
    const result = await this.#start(procedure, args, options, {
      stream,
      sent: (assigned) => {
        serial = assigned;
      },
    });
    stream.off('error', unheard);
    return { result, stream };
  }

  /** Ends the connection; open calls and streams fail. */
  close(): void {
    this.#fail(new LibvirtConnectionError('closed', 'the connection was closed here'));
  }

  async #start<Args, Result>(
    procedure: Procedure<Args, Result>,
    args: Args,
    options?: CallOptions,
    streaming?: { stream: LibvirtStream; sent: (serial: number) => void },
  ): Promise<Result> {
    // Encode first: a bad argument must fail before it takes a place.
    const writer = new XdrWriter();
    procedure.write(writer, args);
    const timeoutMs = options?.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    const { promise, resolve, reject } = Promise.withResolvers<Result>();
    const call: PendingCall = {
      procedure: procedure as unknown as AnyProcedure,
      ...(streaming && { stream: streaming.stream }),
      settled: false,
      resolve: (value) => resolve(value as Result),
      reject,
    };
    const timer = setTimeout(() => this.#giveUp(call, timeoutMs), timeoutMs);
    try {
      this.#enqueue(() => {
        if (call.settled) return false;
        const serial = this.#nextSerial();
        streaming?.sent(serial);
        this.#pending.set(serial, call);
        // Before the reply: libvirtd's event loop may send the first data ahead of it.
        if (streaming) this.#streams.set(serial, streaming.stream);
        this.#send(
          { ...headerOf(procedure), type: PacketType.call, serial, status: PacketStatus.ok },
          writer.bytes(),
        );
        return true;
      }, call);
      return await promise;
    } finally {
      clearTimeout(timer);
    }
  }

  #giveUp(call: PendingCall, timeoutMs: number): void {
    settle(call, () =>
      call.reject(
        new LibvirtConnectionError('timeout', `${call.procedure.name} did not answer within ${timeoutMs} ms`),
      ),
    );
  }

  #enqueue(send: () => boolean, call: PendingCall): void {
    const attempt = (): void => {
      if (this.#failure) {
        const failure = this.#failure;
        settle(call, () => call.reject(failure));
      } else if (!send()) {
        this.#waiting.shift()?.();
      }
    };
    if (this.#failure || this.#pending.size < this.#options.maxInFlight) attempt();
    else this.#waiting.push(attempt);
  }

  #nextSerial(): number {
    this.#serial = this.#serial === 0xffffffff ? 1 : this.#serial + 1;
    return this.#serial;
  }

  #receive(chunk: Buffer): void {
    if (this.#failure) return;
    this.#keepalive.heard();
    try {
      for (const packet of this.#splitter.push(chunk)) this.#dispatch(packet);
    } catch (cause) {
      this.#fail(new LibvirtConnectionError('protocol', 'the peer sent what cannot be decoded', { cause }));
    }
  }

  #dispatch(packet: Packet): void {
    if (packet.program === Program.keepalive) {
      if (packet.procedure === KeepaliveProcedure.ping) this.#sendKeepalive(KeepaliveProcedure.pong);
      return;
    }
    switch (packet.type) {
      case PacketType.reply:
        return this.#reply(packet);
      case PacketType.message:
        return this.onMessage(packet.procedure, new XdrReader(packet.payload));
      case PacketType.stream:
        return this.#streamPacket(packet);
      default:
        // Holes are only sent to clients that asked for sparse streams; newer types are not ours.
        return;
    }
  }

  #reply(packet: Packet): void {
    const call = this.#pending.get(packet.serial);
    if (call === undefined) return;
    this.#pending.delete(packet.serial);
    this.#waiting.shift()?.();
    if (packet.status !== PacketStatus.ok) {
      this.#streams.delete(packet.serial);
      const error = new LibvirtError(decodeError(packet.payload), call.procedure.name);
      return settle(call, () => call.reject(error));
    }
    // Nobody waits for the stream of a call that was given up.
    if (call.settled) call.stream?.destroy();
    const result = call.procedure.read(new XdrReader(packet.payload));
    settle(call, () => call.resolve(result));
  }

  #streamPacket(packet: Packet): void {
    const stream = this.#streams.get(packet.serial);
    if (stream === undefined) return;
    if (packet.status === PacketStatus.continue) {
      if (packet.payload.length > 0) stream.deliver(packet.payload);
      else stream.endOfData();
      return;
    }
    this.#streams.delete(packet.serial);
    if (packet.status === PacketStatus.error) {
      stream.finished(new LibvirtError(decodeError(packet.payload), 'stream'));
      return;
    }
    stream.finished();
  }

  #sendStream<A, R>(procedure: Procedure<A, R>, serial: number, status: number, data?: Uint8Array): void {
    this.#send({ ...headerOf(procedure), type: PacketType.stream, serial, status }, data ?? Buffer.alloc(0));
  }

  #sendKeepalive(procedure: number): void {
    const header = { program: Program.keepalive, procedure, type: PacketType.message, serial: 0, status: 0 };
    this.#send(header, Buffer.alloc(0));
  }

  #send(header: PacketHeader, payload: Uint8Array): void {
    if (!this.#failure) this.#socket.write(encodePacket(header, payload));
  }

  #fail(error: LibvirtConnectionError): void {
    if (this.#failure) return;
    this.#failure = error;
    this.#keepalive.stop();
    this.#socket.destroy();
    for (const call of this.#pending.values()) settle(call, () => call.reject(error));
    this.#pending.clear();
    for (const stream of this.#streams.values()) stream.finished(error);
    this.#streams.clear();
    for (const attempt of this.#waiting.splice(0)) attempt();
    this.#closed.resolve(error);
  }
}

const headerOf = <A, R>(procedure: Procedure<A, R>) => ({
  program: procedure.program,
  procedure: procedure.number,
});

function settle(call: PendingCall, how: () => void): void {
  if (call.settled) return;
  call.settled = true;
  how();
}
