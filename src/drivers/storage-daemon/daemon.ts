// Controls the one qemu-storage-daemon of a host: block nodes, exports over NBD, overlays and jobs. The backends use it;
// somebody else starts the program, and starts it again when it dies: then it knows nothing, and listeners are told.
import { setTimeout as delay } from 'node:timers/promises';
import { VolumeBackendError } from '#drivers/volume/errors.ts';
import { KeyedMutex } from '#platform/lock/keyed-mutex.ts';
import type { NbdAddress } from '#platform/nbd/client.ts';
import { flushNode } from './flush.ts';
import { QmpConnection, QmpError } from './qmp.ts';

/** What QEMU's `blockdev-add` takes; `node-name` has at most 31 characters. */
export type BlockNode = Readonly<Record<string, unknown>> & { readonly 'node-name': string };

export interface BlockExport {
  /** Letters, digits, `-`, `.` and `_`. */
  readonly id: string;
  readonly node: string;
  /** Name that NBD clients ask for. */
  readonly name: string;
  readonly writable: boolean;
  /** Each write is on the disk before it is answered. */
  readonly writethrough: boolean;
}

export interface StorageDaemon extends AsyncDisposable {
  readonly nbd: NbdAddress;
  /** False while the program is away: then nothing is open in it. */
  readonly connected: boolean;
  /** One that is there already is no error. */
  addNode(node: BlockNode): Promise<void>;
  /** False when something uses it. One that is absent is no error. */
  removeNode(name: string): Promise<boolean>;
  /** Name → name of the node that is its backing file. */
  listNodes(): Promise<ReadonlyMap<string, string | undefined>>;
  addExport(wanted: BlockExport): Promise<void>;
  /** Cuts its clients off; resolves when it is gone. One that is absent is no error. */
  removeExport(id: string): Promise<void>;
  /** Id → node. */
  listExports(): Promise<ReadonlyMap<string, string>>;
  /**
   * Each overlay, whose file names the node's as its backing file, takes the node's place for all who use it. All at one
   * moment, or none.
   */
  putOver(pairs: ReadonlyArray<{ readonly node: string; readonly overlay: string }>): Promise<void>;
  resize(node: string, bytes: number): Promise<void>;
  /**
   * Copies into `node` what it has from nodes between it and `base` (all, if undefined), and makes `base` its backing
   * file under the name `backingFile`. Harmless when aborted. When it resolves, the file needs nothing between it and
   * `base` any longer, even if the daemon dies or the power fails at once.
   */
  stream(
    job: {
      readonly id: string;
      readonly node: string;
      readonly base?: string;
      readonly backingFile?: string;
    },
    signal: AbortSignal,
  ): Promise<void>;
  /** Called after each new start of the program, or of the connection to it. Returns a function that ends it. */
  onRestarted(listener: () => void): () => void;
}

export interface StorageDaemonAddress {
  readonly qmpPath: string;
  readonly nbd: NbdAddress;
}

interface Graph {
  readonly nodes: ReadonlyArray<{ readonly id: number; readonly type: string; readonly name: string }>;
  readonly edges: ReadonlyArray<{ readonly parent: number; readonly child: number; readonly name: string }>;
}

const CONNECT_MS = 2_000;
/** A supervisor starts the program again within this, or it is called unreachable. */
const AWAY_MS = 10_000;
/** Opening a file may wait for a disk that is busy. */
const COMMAND_MS = 30_000;
const EXPORT_GONE_MS = 10_000;
const RETRY_MS = 20;

/** Connects in the background, and anew whenever the connection ends. */
export function connectStorageDaemon(address: StorageDaemonAddress): StorageDaemon {
  return new QemuStorageDaemon(address);
}

class QemuStorageDaemon implements StorageDaemon {
  readonly nbd: NbdAddress;
  readonly #qmpPath: string;
  readonly #closing = new AbortController();
  readonly #mutex = new KeyedMutex();
  readonly #listeners = new Set<() => void>();
  #current = false;
  #connection = Promise.withResolvers<QmpConnection>();
  #running: Promise<void>;

  constructor({ qmpPath, nbd }: StorageDaemonAddress) {
    this.nbd = nbd;
    this.#qmpPath = qmpPath;
    this.#running = this.#run();
  }

  get connected(): boolean {
    return this.#current;
  }

  async addNode(node: BlockNode): Promise<void> {
    try {
      await this.#command('blockdev-add', node);
    } catch (error) {
      unlessUnreachable(error);
      if (!(await this.listNodes()).has(node['node-name'])) throw error;
    }
  }

  async removeNode(name: string): Promise<boolean> {
    try {
      await this.#command('blockdev-del', { 'node-name': name });
      return true;
    } catch (error) {
      if (!(error instanceof VolumeBackendError) || error.fault === 'unreachable') throw error;
      return !(await this.listNodes()).has(name);
    }
  }

  async listNodes(): Promise<ReadonlyMap<string, string | undefined>> {
    // The names and nothing else: the well-known question also describes each node by its whole chain, for ever longer.
    const { nodes, edges } = (await this.#command('x-debug-query-block-graph', {})) as Graph;
    const names = new Map(
      nodes.filter(({ type }) => type === 'block-driver').map(({ id, name }) => [id, name]),
    );
    const below = new Map(
      edges.filter(({ name }) => name === 'backing').map(({ parent, child }) => [parent, names.get(child)]),
    );
    return new Map([...names].map(([id, name]) => [name, below.get(id)]));
  }

  async addExport({ id, node, name, writable, writethrough }: BlockExport): Promise<void> {
    const args = { type: 'nbd', id, 'node-name': node, name, writable, writethrough };
    await this.#command('block-export-add', args);
  }

  async removeExport(id: string): Promise<void> {
    const deadline = performance.now() + EXPORT_GONE_MS;
    for (let pause = 1; (await this.listExports()).has(id); pause = Math.min(pause * 2, RETRY_MS)) {
      if (performance.now() > deadline)
        throw new VolumeBackendError('failed', `export ${id} does not end within ${EXPORT_GONE_MS} ms`);
      // Refused while it is ending already.
      await this.#command('block-export-del', { id, mode: 'hard' }).catch(unlessUnreachable);
      if (!(await this.listExports()).has(id)) return;
      await delay(pause);
    }
  }

  async listExports(): Promise<ReadonlyMap<string, string>> {
    const exports = await this.#command('query-block-exports', {});
    return new Map(
      (exports as { id: string; 'node-name': string }[]).map((each) => [each.id, each['node-name']]),
    );
  }

  async putOver(pairs: ReadonlyArray<{ readonly node: string; readonly overlay: string }>): Promise<void> {
    const actions = pairs.map(({ node, overlay }) => ({
      type: 'blockdev-snapshot',
      data: { node, overlay },
    }));
    await this.#command('transaction', { actions });
  }

  async resize(node: string, bytes: number): Promise<void> {
    await this.#command('block_resize', { 'node-name': node, size: bytes });
  }

  async stream(
    job: {
      readonly id: string;
      readonly node: string;
      readonly base?: string;
      readonly backingFile?: string;
    },
    signal: AbortSignal,
  ): Promise<void> {
    const connection = await this.#connected();
    const pending = Promise.withResolvers<void>();
    const concluded = Promise.withResolvers<void>();
    const off = connection.onEvent((event, data) => {
      if (event !== 'JOB_STATUS_CHANGE' || data['id'] !== job.id) return;
      if (data['status'] === 'pending' || data['status'] === 'concluded') pending.resolve();
      if (data['status'] === 'concluded') concluded.resolve();
    });
    const lost = connection.closed.then(() => {
      throw unreachable('it died in the middle of a copy');
    });
    lost.catch(() => undefined);
    const abort = (): void => pending.resolve();
    try {
      signal.throwIfAborted();
      await this.#command('block-stream', {
        'job-id': job.id,
        device: job.node,
        ...(job.base !== undefined && { 'base-node': job.base }),
        ...(job.backingFile !== undefined && { 'backing-file': job.backingFile }),
        'auto-finalize': false,
        'auto-dismiss': false,
      });
      signal.addEventListener('abort', abort);
      if (signal.aborted) abort();
      await Promise.race([pending.promise, lost]);
      // Tables that say where the copied data is may be in memory alone, and the end of a job does not write them: without
      // this, a daemon killed later would leave a file that names its new base and not the data.
      const unwritten = signal.aborted ? undefined : await flushNode(this, job.node).catch(reasonOf);
      // While QEMU rearranges its nodes for the end of a job it dies of questions about them (7.2): nobody asks any.
      await this.#alone(async () => {
        const end = signal.aborted || unwritten ? 'job-cancel' : 'job-finalize';
        // Refused when it failed and ended by itself.
        await this.#send(end, { id: job.id }).catch(unlessUnreachable);
        await Promise.race([concluded.promise, lost]);
      });
      await this.#endJob(job.id, signal);
      if (unwritten) throw unwritten;
      await flushNode(this, job.node); // the name of its new base
    } finally {
      signal.removeEventListener('abort', abort);
      off();
    }
  }

  onRestarted(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listeners.clear();
    this.#closing.abort(new Error('the storage daemon is let go of'));
    await this.#running;
  }

  /** A job that ended has its reason kept until it is dismissed. */
  async #endJob(id: string, signal: AbortSignal): Promise<void> {
    const jobs = (await this.#command('query-jobs', {})) as { id: string; error?: string }[];
    await this.#command('job-dismiss', { id });
    const error = jobs.find((job) => job.id === id)?.error;
    if (error === undefined && !signal.aborted) return;
    signal.throwIfAborted();
    throw new VolumeBackendError('failed', `a copy failed: ${error}`);
  }

  async #command(command: string, args: object): Promise<unknown> {
    // Waiting for a daemon that is away is done side by side.
    await this.#connected();
    return this.#alone(async () => this.#send(command, args));
  }

  async #alone<T>(act: () => Promise<T>): Promise<T> {
    return this.#mutex.run('monitor', act);
  }

  async #send(command: string, args: object): Promise<unknown> {
    const connection = await this.#connected();
    try {
      return await connection.run(command, args, COMMAND_MS);
    } catch (error) {
      if (!(error instanceof QmpError)) throw error;
      const fault = error.message.includes('No space left') ? 'no-space' : 'failed';
      throw new VolumeBackendError(fault, `the storage daemon refused ${error.message}`, { cause: error });
    }
  }

  async #connected(): Promise<QmpConnection> {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => late.reject(unreachable('it is not there')), AWAY_MS);
    try {
      return await Promise.race([this.#connection.promise, late.promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    for (let first = true; !signal.aborted;) {
      const connection = await QmpConnection.connect(this.#qmpPath, CONNECT_MS).catch(() => undefined);
      if (!connection) {
        await delay(RETRY_MS, undefined, { signal }).catch(() => undefined);
        continue;
      }
      const close = (): void => connection.close();
      signal.addEventListener('abort', close);
      if (signal.aborted) close();
      this.#current = true;
      this.#connection.resolve(connection);
      if (!first) for (const listener of this.#listeners) listener();
      first = false;
      await connection.closed;
      this.#current = false;
      signal.removeEventListener('abort', close);
      this.#connection = Promise.withResolvers();
    }
    this.#connection.promise.catch(() => undefined);
    this.#connection.reject(unreachable('it was let go of'));
  }
}

const reasonOf = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));

function unlessUnreachable(error: unknown): void {
  if (!(error instanceof VolumeBackendError) || error.fault === 'unreachable') throw error;
}

const unreachable = (why: string): VolumeBackendError =>
  new VolumeBackendError('unreachable', `the storage daemon does not answer: ${why}`);
