// The console log's bound: only its end is read, and a log that grows too large is cut while its writer goes on.
import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { boundConsoleLogs, readConsoleTail } from './console-log.ts';

test('a log past the limit is cut to its end, and the writer goes on behind it', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'console-log-'));
  t.after(() => rmSync(dir, { recursive: true }));
  mkdirSync(join(dir, 'instance'));
  const path = join(dir, 'instance', 'console.log');
  appendFileSync(path, 'x'.repeat(3 * 1024 * 1024));
  appendFileSync(path, 'the end\n');
  await boundConsoleLogs(dir, 2 * 1024 * 1024);
  appendFileSync(path, 'more\n');
  const text = readFileSync(path, 'utf8');
  assert.equal(text.length, 1024 * 1024 + 'more\n'.length);
  assert.ok(text.endsWith('the end\nmore\n'));
  assert.ok((await readConsoleTail(path)).toString().endsWith('the end\nmore\n'));
});

test('a log that is not there is empty', async () => {
  assert.equal((await readConsoleTail('/nowhere/console.log')).length, 0);
});
