// The staying shell: results, failures, input, hostile words, deadlines and its end.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CommandShell } from './command-shell.ts';
import { CommandError } from './run-command.ts';

test('gives output, one command after the other', async () => {
  await using shell = new CommandShell(undefined);
  const results = await Promise.all([1, 2, 3].map(async (n) => shell.run(['echo', String(n)])));
  assert.deepEqual(
    results.map((each) => each.stdout.trim()),
    ['1', '2', '3'],
  );
});

test('a failing command says its code and what it printed', async () => {
  await using shell = new CommandShell(undefined);
  await assert.rejects(
    shell.run(['ls', '/no such place']),
    (error: unknown) =>
      error instanceof CommandError && error.failure === 'exit' && /no such place/i.test(error.stderrTail),
  );
  assert.equal((await shell.run(['echo', 'still here'])).stdout.trim(), 'still here');
});

test('input reaches the command and nothing of it the shell', async () => {
  await using shell = new CommandShell(undefined);
  const input = "a $HOME `id` 'quoted'\nexit 7\n";
  assert.equal((await shell.run(['cat'], { input })).stdout, input);
});

test('words are words, whatever they hold', async () => {
  await using shell = new CommandShell(undefined);
  const word = `it's "$(touch /tmp/never)"; exit 1 \\`;
  assert.equal((await shell.run(['printf', '%s', word])).stdout, word);
});

test('a command past its deadline is killed, and the next one gets a new shell', async () => {
  await using shell = new CommandShell(undefined);
  await assert.rejects(
    shell.run(['sleep', '60'], { deadlineMs: 50 }),
    (error: unknown) => error instanceof CommandError && error.failure === 'deadline',
  );
  assert.equal((await shell.run(['echo', 'new'])).stdout.trim(), 'new');
});

test('a command that ends the shell is told so', async () => {
  await using shell = new CommandShell(undefined);
  const { stdout } = await shell.run(['sh', '-c', 'echo $PPID']);
  const killed = shell.run(['kill', '-9', stdout.trim()]);
  await assert.rejects(
    killed,
    (error: unknown) => error instanceof CommandError && error.failure === 'signal',
  );
  assert.equal((await shell.run(['echo', 'again'])).stdout.trim(), 'again');
});
