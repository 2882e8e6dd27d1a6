/**
 * Runs a short-lived program to its end, always with a deadline. With the drivers the only place that starts
 * processes; used by drivers and bring-up steps.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';

export type CommandOptions = {
  /** Default 10 000. When it passes, the program and all it started in its session are killed. */
  deadlineMs?: number | undefined;
  input?: string | Uint8Array | undefined;
  /** Name of a network namespace (as in `ip netns`) to run in. */
  netns?: string | undefined;
  /** Added to the caller's environment. */
  env?: Record<string, string> | undefined;
  cwd?: string | undefined;
  signal?: AbortSignal | undefined;
  /** Exit codes that are answers rather than failures; default only 0. */
  okCodes?: readonly number[] | undefined;
  /** Told each line of stdout and stderr as it comes. */
  onLine?: ((line: string) => void) | undefined;
};

export type CommandResult = { stdout: string; stderr: string; code: number };

export type CommandFailure = 'not_found' | 'exit' | 'signal' | 'deadline' | 'aborted' | 'output_too_large';

export class CommandError extends Error {
  readonly code = 'command_failed';
  readonly failure: CommandFailure;
  readonly argv: readonly string[];
  readonly exitCode: number | undefined;
  /** The last 2,000 characters of what it said on stderr (of stdout where stderr is empty). */
  readonly stderrTail: string;
  constructor(failure: CommandFailure, argv: readonly string[], how: string, result?: CommandResult) {
    const said = (result?.stderr.trim() ? result.stderr : (result?.stdout ?? '')).trim().slice(-2000);
    super(`${argv[0]} ${how}${said ? `: ${said}` : ''}`);
    this.name = 'CommandError';
    this.failure = failure;
    this.argv = argv;
    this.exitCode = failure === 'exit' ? result?.code : undefined;
    this.stderrTail = said;
  }
}

/** More than any of our programs prints; beyond it memory would be at risk. */
const OUTPUT_LIMIT = 32 * 1024 * 1024;

/** The argv that runs `argv` in a network namespace; `ip netns exec` replaces itself, so the pid is kept. */
export function inNetns(netns: string | undefined, argv: readonly string[]): readonly string[] {
  return netns === undefined ? argv : ['ip', 'netns', 'exec', netns, ...argv];
}

/** Throws CommandError unless the exit code is one of `okCodes`. */
export async function runCommand(
  argv: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  options.signal?.throwIfAborted();
  const [program, ...args] = inNetns(options.netns, argv);
  // Own session: Ctrl-C on the terminal is ours to handle, and a deadline kills the whole group.
  const child = spawn(program!, args, {
    cwd: options.cwd,
    detached: true,
    // oxlint-disable-next-line node/no-process-env -- the program inherits the caller's environment; nothing is read
    env: { ...process.env, ...options.env },
    stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  });
  let stopped: CommandFailure | undefined;
  const stop = (why: CommandFailure): void => {
    stopped ??= why;
    killGroup(child);
  };
  const deadlineMs = options.deadlineMs ?? 10_000;
  const timer = setTimeout(() => stop('deadline'), deadlineMs);
  const onAbort = (): void => stop('aborted');
  options.signal?.addEventListener('abort', onAbort);
  try {
    const result = await finished(child, options, () => stop('output_too_large'));
    if (stopped) throw new CommandError(stopped, argv, stopReason(stopped, deadlineMs), result);
    if (result.code < 0)
      throw new CommandError('signal', argv, `was ended by signal ${-result.code}`, result);
    if (!(options.okCodes ?? [0]).includes(result.code)) {
      throw new CommandError('exit', argv, `failed with exit code ${result.code}`, result);
    }
    return result;
  } catch (error) {
    if (isNotFound(error)) throw new CommandError('not_found', argv, 'is not installed');
    throw error;
  } finally {
    clearTimeout(timer);
    options.signal?.removeEventListener('abort', onAbort);
  }
}

function stopReason(why: CommandFailure, deadlineMs: number): string {
  switch (why) {
    case 'deadline':
      return `did not end within ${deadlineMs} ms and was killed`;
    case 'output_too_large':
      return `printed more than ${OUTPUT_LIMIT} bytes and was killed`;
    default:
      return 'was given up';
  }
}

function isNotFound(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT' && 'syscall' in error;
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    child.kill('SIGKILL');
  }
}

function finished(
  child: ChildProcess,
  options: CommandOptions,
  tooLarge: () => void,
): Promise<CommandResult> {
  const gather = (stream: NodeJS.ReadableStream | null): (() => string) => {
    const chunks: string[] = [];
    let size = 0;
    let rest = '';
    stream?.setEncoding('utf8').on('data', (chunk: string) => {
      size += chunk.length;
      if (size > OUTPUT_LIMIT) return tooLarge();
      chunks.push(chunk);
      if (!options.onLine) return;
      const lines = (rest + chunk).split(/\r?\n|\r/);
      rest = lines.pop() ?? '';
      for (const line of lines) options.onLine(line);
    });
    return () => chunks.join('');
  };
  const stdout = gather(child.stdout);
  const stderr = gather(child.stderr);
  // A program that ends without reading its input is told by its exit code, not by EPIPE.
  child.stdin?.on('error', () => undefined).end(options.input);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    // 'exit' and not 'close': a daemon left behind by the program may hold the pipes open for ever.
    child.once('exit', (code, signal) => {
      const done = (): void =>
        resolve({ stdout: stdout(), stderr: stderr(), code: code ?? -signalNumber(signal) });
      const grace = setTimeout(() => {
        child.stdout?.destroy();
        child.stderr?.destroy();
      }, 500);
      child.once('close', () => {
        clearTimeout(grace);
        done();
      });
    });
  });
}

function signalNumber(signal: NodeJS.Signals | null): number {
  return signal === 'SIGKILL' ? 9 : signal === 'SIGTERM' ? 15 : signal === 'SIGSEGV' ? 11 : 1;
}
