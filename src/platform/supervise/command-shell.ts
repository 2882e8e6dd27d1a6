/**
 * A shell that stays, for short commands on a launch's critical path: to start a process from ours, the kernel copies the page
 * tables of hundreds of megabytes while the event loop stands still (10 to 20 ms); the shell is small and does it in one.
 * Commands of one shell run one after the other. It ends with us: its input ends then. Used by drivers.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { CommandError, inNetns, type CommandResult } from './run-command.ts';

export interface ShellCommandOptions {
  /** Default 10 000. When it passes the shell and what runs in it are killed; the next command gets a new one. */
  readonly deadlineMs?: number;
  /** Text for the command's standard input. */
  readonly input?: string;
}

interface Waiting {
  readonly argv: readonly string[];
  readonly mark: string;
  readonly resolve: (result: CommandResult) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

export class CommandShell implements AsyncDisposable {
  readonly #netns: string | undefined;
  #shell: ChildProcess | undefined;
  #output = '';
  /** The command under way. */
  #current: Waiting | undefined;
  #tail: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(netns: string | undefined) {
    this.#netns = netns;
  }

  /** Standard output and error come together in `stdout`. Throws CommandError unless the command ends with code 0. */
  async run(argv: readonly string[], options: ShellCommandOptions = {}): Promise<CommandResult> {
    const turn = this.#tail.then(async () => this.#run(argv, options));
    this.#tail = turn.catch(() => undefined);
    return turn;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tail;
    this.#closed = true;
    this.#shell?.stdin?.end();
    this.#shell = undefined;
  }

  async #run(
    argv: readonly string[],
    { deadlineMs = 10_000, input }: ShellCommandOptions,
  ): Promise<CommandResult> {
    if (this.#closed) throw new CommandError('aborted', argv, 'was not run: the shell is closed');
    const shell = this.#ensureShell();
    const mark = randomUUID();
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => this.#abandon(new CommandError('deadline', argv, `did not end within ${deadlineMs} ms`)),
        deadlineMs,
      );
      this.#current = { argv, mark, resolve, reject, timer };
      shell.stdin?.write(scriptOf(argv, input, mark));
    });
  }

  #ensureShell(): ChildProcess {
    if (this.#shell) return this.#shell;
    const [program = 'sh', ...args] = inNetns(this.#netns, ['sh']);
    const shell = spawn(program, args, { stdio: ['pipe', 'pipe', 'ignore'], detached: true, cwd: '/' });
    shell.stdin.on('error', () => undefined); // its end is told by `exit`
    shell.stdout.on('data', (data: Buffer) => this.#receive(data.toString('utf8')));
    shell.once('error', () => this.#ended(shell));
    shell.once('exit', () => this.#ended(shell));
    this.#output = '';
    this.#shell = shell;
    return shell;
  }

  #receive(text: string): void {
    this.#output += text;
    const current = this.#current;
    if (!current) return;
    const at = this.#output.indexOf(`\n${current.mark} `);
    const end = at < 0 ? -1 : this.#output.indexOf('\n', at + 1);
    if (end < 0) return;
    const code = Number(this.#output.slice(at + current.mark.length + 2, end));
    const result = { stdout: this.#output.slice(0, at), stderr: '', code };
    this.#output = this.#output.slice(end + 1);
    this.#settle(
      code === 0
        ? { result }
        : { error: new CommandError('exit', current.argv, `failed with exit code ${code}`, result) },
    );
  }

  #settle(outcome: { result: CommandResult } | { error: Error }): void {
    const current = this.#current;
    if (!current) return;
    this.#current = undefined;
    clearTimeout(current.timer);
    if ('error' in outcome) current.reject(outcome.error);
    else current.resolve(outcome.result);
  }

  #abandon(error: Error): void {
    const { pid } = this.#shell ?? {};
    this.#shell = undefined;
    if (pid !== undefined) {
      try {
        process.kill(-pid, 'SIGKILL'); // its own group: it and what runs in it
      } catch {
        // gone already
      }
    }
    this.#settle({ error });
  }

  #ended(shell: ChildProcess): void {
    if (this.#shell !== shell) return;
    this.#shell = undefined;
    const current = this.#current;
    if (current)
      this.#settle({ error: new CommandError('signal', current.argv, 'was cut off: its shell ended') });
  }
}

function scriptOf(argv: readonly string[], input: string | undefined, mark: string): string {
  const command = argv.map(quote).join(' ');
  const from =
    input === undefined ? '</dev/null' : `<<'${mark}'\n${input.endsWith('\n') ? input : `${input}\n`}${mark}`;
  return `${command} 2>&1 ${from}\nprintf '\\n%s %d\\n' ${mark} $?\n`;
}

function quote(word: string): string {
  return `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
