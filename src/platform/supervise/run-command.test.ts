import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CommandError, runCommand } from './run-command.ts';

const failure = async (run: Promise<unknown>): Promise<CommandError> => {
  const error = await run.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof CommandError, String(error));
  return error;
};

test('gives stdout, stderr and code, and passes the input', async () => {
  const result = await runCommand(['sh', '-c', 'cat; echo warned >&2'], { input: 'hello' });
  assert.deepEqual(result, { stdout: 'hello', stderr: 'warned\n', code: 0 });
});

test('a failing program is an error with its stderr, unless the code is an accepted answer', async () => {
  const error = await failure(runCommand(['sh', '-c', 'echo no such bridge >&2; exit 3']));
  assert.equal(error.failure, 'exit');
  assert.equal(error.exitCode, 3);
  assert.match(error.message, /^sh failed with exit code 3: no such bridge$/);
  assert.equal((await runCommand(['sh', '-c', 'exit 3'], { okCodes: [0, 3] })).code, 3);
});

test('a program that does not end is killed at its deadline, with what it started', async () => {
  const lines: string[] = [];
  const error = await failure(
    runCommand(['sh', '-c', 'sleep 60 & echo $!; wait'], {
      deadlineMs: 200,
      onLine: (line) => lines.push(line),
    }),
  );
  assert.equal(error.failure, 'deadline');
  const sleeper = Number(lines[0]);
  assert.ok(sleeper > 1);
  for (let i = 0; i < 200 && isAlive(sleeper); i += 1)
    await new Promise((resolve) => setTimeout(resolve, 25));
  assert.equal(isAlive(sleeper), false);
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

test('a daemon that holds the pipes open does not hold up the answer', async () => {
  const result = await runCommand(['sh', '-c', '(sleep 3 &) ; echo done'], { deadlineMs: 2500 });
  assert.equal(result.stdout, 'done\n');
});

test('an absent program and a wait given up are told apart', async () => {
  assert.equal((await failure(runCommand(['/no/such/program']))).failure, 'not_found');
  const giveUp = new AbortController();
  const run = failure(runCommand(['sleep', '60'], { signal: giveUp.signal }));
  giveUp.abort();
  assert.equal((await run).failure, 'aborted');
});

test('the end of a large output is there when the promise resolves', async () => {
  const { stdout } = await runCommand(['sh', '-c', 'head -c 3000000 /dev/zero | tr "\\0" x; echo end']);
  assert.equal(stdout.length, 3_000_004);
  assert.ok(stdout.endsWith('xend\n'));
});
