// QEMU's monitor protocol on a unix socket: JSON objects, one a line. One connection; daemon.ts makes the next one.
import net from 'node:net';
import { VolumeBackendError } from '#drivers/volume/errors.ts';

/** What the daemon answered instead of a result. */
export class QmpError extends Error {
  constructor(command: string, description: string) {
    super(`${command}: ${description}`);
    this.name = 'QmpError';
  }
}

interface Message {
  readonly QMP?: unknown;
  readonly id?: number;
  readonly return?: unknown;
  readonly error?: { readonly class: string; readonly desc: string };
  readonly event?: string;
  readonly data?: Readonly<Record<string, unknown>>;
}

type Listener = (event: string, data: Readonly<Record<string, unknown>>) => void;

/** More than any answer of a daemon with thousands of nodes. */
const MAX_LINE = 64 * 2 ** 20;

export class QmpConnection {
  readonly #socket: net.Socket;
  readonly #greeted = Promise.withResolvers<void>();
  readonly #pending = new Map<number, PromiseWithResolvers<unknown>>();
  readonly #listeners = new Set<Listener>();
  readonly #closed = Promise.withResolvers<void>();
  #names = new Map<number, string>();
  #text: string[] = [];
  #length = 0;
  #id = 0;
  #failure: VolumeBackendError | undefined;

  private constructor(socket: net.Socket) {
    this.#socket = socket;
    this.#greeted.promise.catch(() => undefined);
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => this.#receive(chunk));
    socket.on('error', (cause) => this.#fail('its monitor cannot be reached', cause));
    socket.on('close', () => this.#fail('its monitor closed the connection'));
  }

  static async connect(path: string, timeoutMs: number): Promise<QmpConnection> {
    const connection = new QmpConnection(net.connect(path));
    const timer = setTimeout(() => connection.#fail(`no greeting within ${timeoutMs} ms`), timeoutMs);
    try {
      await connection.#greeted.promise;
      await connection.run('qmp_capabilities', {}, timeoutMs);
      return connection;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Resolves when the connection has ended. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  /** @throws QmpError when refused, VolumeBackendError unreachable */
  async run(command: string, args: object, timeoutMs: number): Promise<unknown> {
    if (this.#failure) throw this.#failure;
    const id = ++this.#id;
    const answer = Promise.withResolvers<unknown>();
    this.#pending.set(id, answer);
    this.#names.set(id, command);
    const timer = setTimeout(() => this.#fail(`no answer to ${command} within ${timeoutMs} ms`), timeoutMs);
    this.#socket.write(`${JSON.stringify({ execute: command, arguments: args, id })}\n`);
    try {
      return await answer.promise;
    } finally {
      clearTimeout(timer);
      this.#pending.delete(id);
      this.#names.delete(id);
    }
  }

  onEvent(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    this.#fail('the connection was closed here');
  }

  #receive(chunk: string): void {
    const lines = chunk.split('\n');
    this.#text.push(lines[0]!); // split gives at least one
    this.#length += lines[0]!.length;
    if (this.#length > MAX_LINE) return this.#fail('an answer has no end');
    for (const rest of lines.slice(1)) {
      const line = this.#text.join('');
      this.#text = [rest];
      this.#length = rest.length;
      if (line.trim() !== '') this.#line(line);
    }
  }

  #line(line: string): void {
    let message: Message;
    try {
      message = JSON.parse(line) as Message;
    } catch (cause) {
      return this.#fail('its monitor says what is no JSON', cause);
    }
    if (message.QMP !== undefined) this.#greeted.resolve();
    if (message.event !== undefined)
      for (const listener of this.#listeners) listener(message.event, message.data ?? {});
    if (message.id === undefined) return;
    const answer = this.#pending.get(message.id);
    if (message.error) answer?.reject(new QmpError(this.#names.get(message.id) ?? '', message.error.desc));
    else answer?.resolve(message.return);
  }

  #fail(why: string, cause?: unknown): void {
    if (this.#failure) return;
    this.#failure = new VolumeBackendError('unreachable', `the storage daemon does not answer: ${why}`, {
      cause,
    });
    this.#socket.destroy();
    this.#greeted.reject(this.#failure);
    for (const answer of this.#pending.values()) answer.reject(this.#failure);
    this.#closed.resolve();
  }
}
