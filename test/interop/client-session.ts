// One long-lived process of the unmodified `openstack` client, fed by standard input as a person types into it: a process
// per command would cost a second and a half of Python's start each time. Used by the conversations of this folder.
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { randomBytes } from 'node:crypto';

export interface Said {
  readonly stdout: string;
  /** Where the client prints what went wrong: interactively it has no exit code, and says nothing here when all is well. */
  readonly stderr: string;
}

export interface ClientSession extends AsyncDisposable {
  /** @throws Error when the client ends or does not answer in time */
  run(argv: readonly string[], deadlineMs?: number): Promise<Said>;
}

/** `env` names the cloud and who speaks; global options on the command line would be taken for commands. */
export function openClientSession(env: Readonly<Record<string, string>>): ClientSession {
  const child = spawn('openstack', {
    // The client's own variables are all given here; none may come from whoever runs the tests.
    env: { PATH: process.env['PATH'], LANG: 'C.UTF-8', PYTHONUNBUFFERED: '1', SHELL: '/bin/sh', ...env },
    stdio: 'pipe',
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  child.stdin.on('error', () => undefined);
  const out = collect(child, 'stdout');
  const err = collect(child, 'stderr');
  let before: Promise<unknown> = Promise.resolve();
  let broken: Error | undefined;
  return {
    run: async (argv, deadlineMs = 60_000) => {
      const run = before.then(async () => {
        if (broken) throw broken;
        const commandLine = argv.map(quote).join(' ');
        const mark = `mark-${randomBytes(8).toString('hex')}`;
        // The client cuts lines at semicolons and redirections that are not quoted.
        child.stdin.write(`${commandLine}\n!sh -c 'echo; echo ${mark}; echo >&2; echo ${mark} >&2'\n`);
        const late = AbortSignal.timeout(deadlineMs);
        const answers = Promise.all([out.until(mark), err.until(mark)]);
        const [stdout, stderr] = await Promise.race([
          answers,
          failure(late, ended, () => `openstack did not answer '${commandLine}': ${out.rest()}${err.rest()}`),
        ]);
        return { stdout, stderr };
      });
      before = run.catch((error: unknown) => {
        // What it says later could be taken for the answer to another question.
        broken = error instanceof Error ? error : new Error(String(error));
      });
      return run;
    },
    [Symbol.asyncDispose]: async () => {
      child.stdin.end();
      const kill = setTimeout(() => child.kill('SIGKILL'), 2_000);
      await ended;
      clearTimeout(kill);
    },
  };
}

/** The client takes quotes off twice: once to find the command, once to run it. */
function quote(word: string): string {
  if (/^[\w./:=,@%+-]+$/.test(word)) return word;
  if (/["\\]/.test(word) && word.includes("'")) throw new Error(`cannot be quoted for the client: ${word}`);
  return word.includes("'") ? `'"${word}"'` : `"'${word.replaceAll(/["\\]/g, String.raw`\$&`)}'"`;
}

async function failure(late: AbortSignal, ended: Promise<void>, what: () => string): Promise<never> {
  await Promise.race([
    ended,
    new Promise<void>((resolve) => late.addEventListener('abort', () => resolve(), { once: true })),
  ]);
  throw new Error(what());
}

function collect(child: ChildProcessWithoutNullStreams, name: 'stdout' | 'stderr') {
  let text = '';
  let told: () => void = () => undefined;
  child[name].setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
    told();
  });
  return {
    rest: () => text,
    /** What came before the line that is `mark`, without the empty line that precedes it. */
    until: async (mark: string): Promise<string> => {
      for (;;) {
        const at = text.indexOf(`\n${mark}\n`);
        if (at >= 0) {
          const said = text.slice(0, at);
          text = text.slice(at + mark.length + 2);
          return said;
        }
        await new Promise<void>((resolve) => {
          told = resolve;
        });
      }
    },
  };
}
