// The client: connects, authenticates with "none", opens a hypervisor, calls procedures, delivers events.
import net from 'node:net';
import type { DomainRef } from './codec.ts';
import { ConsoleFlag, Feature } from './constants.ts';
import { LibvirtConnectionError } from './errors.ts';
import { domainEvents } from './events.ts';
import type { DomainEventKind, DomainEvents } from './events.ts';
import type { KeepaliveOptions } from './keepalive.ts';
import type { Procedure } from './procedure.ts';
import {
  authList,
  connectClose,
  connectDomainEventCallbackDeregisterAny,
  connectDomainEventCallbackRegisterAny,
  connectOpen,
  connectSupportsFeature,
  domainOpenConsole,
} from './procedures.ts';
import { RpcConnection } from './rpc.ts';
import type { CallOptions } from './rpc.ts';
import type { LibvirtStream } from './stream.ts';
import type { XdrReader } from './xdr.ts';

export type LibvirtAddress = { readonly path: string } | { readonly host: string; readonly port: number };

export interface LibvirtClientOptions {
  readonly address: LibvirtAddress;
  /** Hypervisor to open; `qemu:///system` unless told. */
  readonly uri?: string;
  /** Milliseconds for connecting, authenticating and opening together. */
  readonly connectTimeoutMs?: number;
  readonly keepalive?: KeepaliveOptions;
  /** Calls under way at once; keep it under libvirtd's max_client_requests. */
  readonly maxInFlight?: number;
}

const CONNECT_TIMEOUT_MS = 10_000;
/** As libvirt's own clients: a dead peer is noticed after 30 s. */
const KEEPALIVE: KeepaliveOptions = { intervalMs: 5_000, count: 5 };
/** libvirtd's default limit per client is 5. */
const MAX_IN_FLIGHT = 5;
const AUTH_NONE = 0;

interface Registration {
  readonly kind: DomainEventKind;
  readonly deliver: (reader: XdrReader) => void;
}

export class LibvirtClient implements AsyncDisposable {
  readonly #rpc: RpcConnection;
  readonly #registrations = new Map<number, Registration>();

  private constructor(rpc: RpcConnection) {
    this.#rpc = rpc;
    rpc.onMessage = (procedure, reader) => this.#event(procedure, reader);
  }

  /** Throws LibvirtConnectionError (refused, timeout) or LibvirtError (the hypervisor cannot be opened). */
  static async connect(options: LibvirtClientOptions): Promise<LibvirtClient> {
    const timeoutMs = options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS;
    const deadline = performance.now() + timeoutMs;
    const socket = await connectSocket(options.address, timeoutMs);
    const rpc = new RpcConnection(socket, {
      keepalive: options.keepalive ?? KEEPALIVE,
      maxInFlight: options.maxInFlight ?? MAX_IN_FLIGHT,
    });
    try {
      await open(rpc, options.uri ?? 'qemu:///system', () => Math.max(1, deadline - performance.now()));
    } catch (error) {
      rpc.close();
      throw error;
    }
    return new LibvirtClient(rpc);
  }

  /** Resolves with the reason when the connection has ended. Never rejects. */
  get closed(): Promise<LibvirtConnectionError> {
    return this.#rpc.closed;
  }

  get isClosed(): boolean {
    return this.#rpc.isClosed;
  }

  call<Args, Result>(procedure: Procedure<Args, Result>, args: Args, options?: CallOptions): Promise<Result> {
    return this.#rpc.call(procedure, args, options);
  }

  /**
   * Registers for events of all domains, or of one. Events are nudges: what they tell may be old, and those
   * while not connected are lost, so read the state. Returns a function that deregisters.
   */
  async onDomainEvent<K extends DomainEventKind>(
    kind: K,
    listener: (event: DomainEvents[K]) => void,
    domain?: DomainRef,
  ): Promise<() => Promise<void>> {
    const codec = domainEvents[kind];
    const callbackId = await this.#rpc.call(connectDomainEventCallbackRegisterAny, {
      eventId: codec.id,
      ...(domain && { domain }),
    });
    // Listeners run after the packet is done with: an error in one is its own, not a fault of the connection.
    const deliver = (reader: XdrReader): void => {
      const event = codec.read(reader);
      queueMicrotask(() => listener(event));
    };
    this.#registrations.set(callbackId, { kind, deliver });
    return async () => {
      this.#registrations.delete(callbackId);
      if (!this.isClosed) await this.#rpc.call(connectDomainEventCallbackDeregisterAny, callbackId);
    };
  }

  /** The guest's serial console; `device` is an alias such as `serial0`. Takes it over from another holder. */
  async openConsole(domain: DomainRef, device?: string): Promise<LibvirtStream> {
    const args = { domain, flags: ConsoleFlag.force, ...(device !== undefined && { device }) };
    return (await this.#rpc.callStream(domainOpenConsole, args)).stream;
  }

  /** Calls a procedure whose reply is followed by a stream (`domainScreenshot`). */
  callStream<Args, Result>(
    procedure: Procedure<Args, Result>,
    args: Args,
    options?: CallOptions,
  ): Promise<{ result: Result; stream: LibvirtStream }> {
    return this.#rpc.callStream(procedure, args, options);
  }

  /** Says goodbye to the server and ends the connection. Never throws. */
  async close(): Promise<void> {
    if (!this.isClosed)
      await this.#rpc.call(connectClose, undefined, { timeoutMs: 1_000 }).catch(() => undefined);
    this.#rpc.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #event(procedure: number, reader: XdrReader): void {
    const callbackId = reader.int();
    const registration = this.#registrations.get(callbackId);
    if (registration === undefined || domainEvents[registration.kind].procedure !== procedure) return;
    registration.deliver(reader);
  }
}

async function connectSocket(address: LibvirtAddress, timeoutMs: number): Promise<net.Socket> {
  const socket = 'path' in address ? net.connect(address.path) : net.connect(address.port, address.host);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(() => reject(new Error(`no connection within ${timeoutMs} ms`)), timeoutMs);
  socket.once('connect', resolve);
  socket.once('error', reject);
  try {
    await promise;
    return socket;
  } catch (cause) {
    // Keeps a late error of this socket from being unhandled.
    socket.on('error', () => undefined);
    socket.destroy();
    const where = 'path' in address ? address.path : `${address.host}:${address.port}`;
    throw new LibvirtConnectionError('refused', `cannot connect to libvirt at ${where}`, { cause });
  } finally {
    clearTimeout(timer);
    socket.off('connect', resolve);
    socket.off('error', reject);
  }
}

async function open(rpc: RpcConnection, uri: string, timeLeftMs: () => number): Promise<void> {
  const authTypes = await rpc.call(authList, undefined, { timeoutMs: timeLeftMs() });
  if (!authTypes.includes(AUTH_NONE)) {
    throw new LibvirtConnectionError(
      'refused',
      `libvirt wants authentication (types ${authTypes.join(', ')})`,
    );
  }
  // Asking for the feature is what makes the server ping us, so that it drops us when we hang.
  await rpc.call(connectSupportsFeature, Feature.keepalive, { timeoutMs: timeLeftMs() });
  await rpc.call(connectOpen, { uri, flags: 0 }, { timeoutMs: timeLeftMs() });
}
