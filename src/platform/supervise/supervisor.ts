/**
 * Owns the long-running programs of a cloud. Children never outlive it: they are stopped in order by close(), and
 * killed by the kernel when this process dies in any other way.
 */
import { Child } from './child.ts';
import type { ChildEvent, ChildSpec } from './child.ts';
import { ProcessRecord } from './process-table.ts';

export type { Child, ChildEvent, ChildSpec } from './child.ts';

export type SupervisorOptions = {
  /** Which cloud the children belong to; see CLOUD_MARKER. */
  cloud: string;
  /** File that names the running children, for who comes after a kill -9. */
  recordFile: string;
  onEvent?: ((event: ChildEvent) => void) | undefined;
};

/** How often logs are looked at for rotation. */
const ROTATION_MS = 30_000;

/** Use from the main thread only: the kernel ties a child's life to the thread that started it. */
export class Supervisor implements AsyncDisposable {
  readonly #children = new Map<string, Child>();
  readonly #options: SupervisorOptions;
  readonly #record: ProcessRecord;
  readonly #rotation: NodeJS.Timeout;
  #closing: Promise<void> | undefined;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#record = new ProcessRecord(options.recordFile);
    this.#rotation = setInterval(() => this.#children.forEach((child) => child.rotateLog()), ROTATION_MS);
    this.#rotation.unref();
  }

  /**
   * Resolves when the child is ready. Throws ChildFailed when it ends before that, DeadlinePassed, or the signal's
   * reason when it is given up before it was ready; in each case it does not run any more.
   */
  async start(spec: ChildSpec, signal?: AbortSignal): Promise<Child> {
    signal?.throwIfAborted();
    if (this.#closing) throw new Error(`${spec.name} is not started: the supervisor is closing`);
    if (this.#children.has(spec.name)) throw new Error(`a child named ${spec.name} exists`);
    const child = new Child(spec, {
      cloud: this.#options.cloud,
      record: this.#record,
      tell: (event) => this.#options.onEvent?.(event),
    });
    this.#children.set(spec.name, child);
    const giveUp = (): void => void child.stop();
    signal?.addEventListener('abort', giveUp);
    try {
      await child.start();
    } catch (error) {
      this.#children.delete(spec.name);
      throw signal?.aborted ? signal.reason : error;
    } finally {
      signal?.removeEventListener('abort', giveUp);
    }
    return child;
  }

  find(name: string): Child | undefined {
    return this.#children.get(name);
  }

  list(): Child[] {
    return [...this.#children.values()];
  }

  /** Stops one child; nothing happens where there is none of this name. */
  async stop(name: string): Promise<void> {
    const child = this.#children.get(name);
    await child?.stop();
    if (this.#children.get(name) === child) this.#children.delete(name);
  }

  /** Stops all that still run, the last started first. */
  close(): Promise<void> {
    this.#closing ??= this.#closeAll();
    return this.#closing;
  }

  async #closeAll(): Promise<void> {
    clearInterval(this.#rotation);
    for (const name of [...this.#children.keys()].toReversed()) await this.stop(name);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
