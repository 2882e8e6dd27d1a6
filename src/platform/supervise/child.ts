/**
 * One supervised process: started, waited for, restarted with backoff when it ends by itself, stopped in order.
 * The Supervisor owns it.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { LogFile } from './log-file.ts';
import { CLOUD_MARKER, childrenOf, identify } from './process-table.ts';
import type { ProcessRecord } from './process-table.ts';
import { inNetns } from './run-command.ts';
import { waitUntil } from './wait.ts';

export type ChildSpec = {
  /** Unique in the supervisor. */
  name: string;
  argv: readonly string[];
  logFile: string;
  env?: Record<string, string> | undefined;
  cwd?: string | undefined;
  /** Name of a network namespace to run in. */
  netns?: string | undefined;
  /** Asked again until it holds; `deadlineMs` defaults to 15 000. Without it the child is ready when started. */
  ready?: { check: (pid: number) => boolean | Promise<boolean>; deadlineMs?: number } | undefined;
  /** What happens when it ends by itself; default: restart with backoff. */
  restart?: 'always' | 'never' | undefined;
  /** Puts back what the program does not set up itself; called each time it is ready again after a restart. */
  onRestart?: (() => Promise<void>) | undefined;
  stop?: {
    signal?: NodeJS.Signals;
    /** Default 5 000; then SIGKILL. */
    deadlineMs?: number;
    /** `child`: signal its child instead, for `unshare --fork`, which ignores signals itself. */
    target?: 'self' | 'child';
  };
};

export type ChildEvent =
  | { kind: 'started'; name: string; pid: number }
  | { kind: 'ready'; name: string; pid: number; afterMs: number }
  | { kind: 'ended'; name: string; pid: number; how: string; expected: boolean }
  | { kind: 'restarting'; name: string; inMs: number };

export class ChildFailed extends Error {
  readonly code = 'child_failed';
  readonly child: string;
  constructor(child: string, how: string, logFile: string) {
    const tail = logTail(logFile);
    super(`${child} ${how}; its log is ${logFile}${tail ? `, which ends with:\n${tail}` : ''}`);
    this.name = 'ChildFailed';
    this.child = child;
  }
}

function logTail(file: string): string {
  try {
    return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-5).join('\n').slice(-1500);
  } catch {
    return '';
  }
}

/** Restart pauses in ms: short first, because guests' networking hangs on it; never a busy loop. */
const FIRST_PAUSE = 100;
const LONGEST_PAUSE = 15_000;
/** A run this long forgets earlier failures. */
const GOOD_RUN_MS = 30_000;

export type ChildSurroundings = { cloud: string; record: ProcessRecord; tell: (event: ChildEvent) => void };

export class Child {
  readonly spec: ChildSpec;
  readonly #around: ChildSurroundings;
  readonly #log: LogFile;
  readonly #giveUp = new AbortController();
  #process: ChildProcess | undefined;
  #ended: Promise<string> | undefined;
  #startedAt = 0;
  #pause = FIRST_PAUSE;
  #restarts = 0;
  #supervision: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;

  constructor(spec: ChildSpec, around: ChildSurroundings) {
    this.spec = spec;
    this.#around = around;
    this.#log = new LogFile(spec.logFile);
  }

  get name(): string {
    return this.spec.name;
  }

  /** Pid of the running process; undefined between an end and the restart. */
  get pid(): number | undefined {
    return this.#process?.pid;
  }

  get restarts(): number {
    return this.#restarts;
  }

  rotateLog(): void {
    this.#log.rotate();
  }

  /** Resolves when ready. Throws ChildFailed when it ends or is not ready in time; then it is stopped already. */
  async start(): Promise<void> {
    try {
      await this.#launch();
    } catch (error) {
      await this.stop();
      throw error;
    }
    this.#supervision = this.#supervise();
  }

  async #launch(): Promise<void> {
    const { spec } = this;
    // pdeathsig outlives exec (not fork): the kernel kills the child when our main thread dies, however it dies.
    const argv = ['setpriv', '--pdeathsig', 'KILL', '--', ...inNetns(spec.netns, spec.argv)];
    this.#log.note(`starting ${JSON.stringify(spec.argv)}`);
    this.#startedAt = performance.now();
    const process_ = spawn(argv[0]!, argv.slice(1), {
      cwd: spec.cwd ?? '/',
      detached: true,
      // oxlint-disable-next-line node/no-process-env -- the child inherits our environment; nothing is read
      env: { ...process.env, ...spec.env, [CLOUD_MARKER]: this.#around.cloud },
      stdio: ['ignore', this.#log.fd, this.#log.fd],
    });
    this.#process = process_;
    this.#ended = new Promise((resolve) => {
      process_.once('error', (error) => resolve(`could not be started (${error.message})`));
      process_.once('exit', (code, signal) =>
        resolve(signal ? `was ended by ${signal}` : `ended with code ${code}`),
      );
    });
    const pid = process_.pid;
    if (pid === undefined) throw new ChildFailed(this.name, await this.#ended, spec.logFile);
    const identity = identify(pid);
    if (identity) this.#around.record.add(this.name, identity);
    this.#around.tell({ kind: 'started', name: this.name, pid });
    await this.#awaitReady(pid);
    this.#around.tell({ kind: 'ready', name: this.name, pid, afterMs: performance.now() - this.#startedAt });
  }

  async #awaitReady(pid: number): Promise<void> {
    const { ready } = this.spec;
    if (!ready) return;
    const wait = new AbortController();
    const signal = AbortSignal.any([wait.signal, this.#giveUp.signal]);
    const died = this.#ended!.then((how) => {
      throw new ChildFailed(this.name, how, this.spec.logFile);
    });
    const holds = waitUntil(() => ready.check(pid), {
      what: `readiness of ${this.name}`,
      deadlineMs: ready.deadlineMs ?? 15_000,
      signal,
    }).catch((error: unknown) => {
      if (wait.signal.aborted) return;
      throw error;
    });
    try {
      await Promise.race([holds, died]);
    } finally {
      wait.abort();
      died.catch(() => undefined);
    }
  }

  async #supervise(): Promise<void> {
    for (;;) {
      const pid = this.#process?.pid;
      const how = await this.#ended!;
      const expected = this.#giveUp.signal.aborted;
      this.#forget(pid, how, expected);
      if (expected || this.spec.restart === 'never') return;
      if (performance.now() - this.#startedAt > GOOD_RUN_MS) this.#pause = FIRST_PAUSE;
      if (!(await this.#restart())) return;
    }
  }

  #forget(pid: number | undefined, how: string, expected: boolean): void {
    this.#process = undefined;
    if (pid === undefined) return;
    this.#around.record.remove(pid);
    this.#log.note(how);
    this.#around.tell({ kind: 'ended', name: this.name, pid, how, expected });
  }

  /** One attempt after a pause; false when given up in between. A failed attempt leaves an ended process behind. */
  async #restart(): Promise<boolean> {
    const { signal } = this.#giveUp;
    this.#around.tell({ kind: 'restarting', name: this.name, inMs: this.#pause });
    await delay(this.#pause, undefined, { signal }).catch(() => undefined);
    this.#pause = Math.min(this.#pause * 2, LONGEST_PAUSE);
    if (signal.aborted) return false;
    this.#restarts += 1;
    try {
      await this.#launch();
      await this.spec.onRestart?.();
    } catch (error) {
      this.#log.note(`restart failed: ${error instanceof Error ? error.message : String(error)}`);
      if (!signal.aborted) this.#process?.kill('SIGKILL');
    }
    return true;
  }

  /** SIGTERM (or the spec's signal), then SIGKILL after its deadline. Resolves when the process is gone. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    this.#giveUp.abort(new Error(`${this.name} is being stopped`));
    const process_ = this.#process;
    const { signal = 'SIGTERM', deadlineMs = 5000, target = 'self' } = this.spec.stop ?? {};
    if (process_?.pid !== undefined) {
      if (process_.exitCode === null && process_.signalCode === null)
        this.#send(process_.pid, signal, target);
      const timer = setTimeout(() => process_.kill('SIGKILL'), deadlineMs);
      const how = await this.#ended;
      clearTimeout(timer);
      if (!this.#supervision) this.#forget(process_.pid, how ?? 'ended', true);
    }
    await this.#supervision;
    this.#log.close();
  }

  #send(pid: number, signal: NodeJS.Signals, target: 'self' | 'child'): void {
    const [inner] = target === 'child' ? childrenOf(pid) : [pid];
    try {
      process.kill(inner ?? pid, inner === undefined ? 'SIGKILL' : signal);
    } catch {
      // ended in between
    }
  }
}
