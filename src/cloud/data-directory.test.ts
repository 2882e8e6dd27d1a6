import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { findDataDirectory, openDataDirectory } from './data-directory.ts';
import { DataDirectoryInUse, DataDirectoryUnusable } from './errors.ts';

function makeTemp(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'pls-'));
  t.after(() => rmSync(dir, { recursive: true }));
  return dir;
}

test('is private to its user and has one prefix by whatever path it is named', (t) => {
  const dir = makeTemp(t);
  const path = join(dir, 'new', 'data');
  const data = openDataDirectory(path);
  t.after(() => data.close());
  assert.equal(statSync(path).mode & 0o777, 0o700);
  assert.match(data.prefix, /^plx-[0-9a-f]{6}$/);
  symlinkSync(path, join(dir, 'link'));
  assert.equal(findDataDirectory(join(dir, 'link'))?.prefix, data.prefix);
});

test('only one cloud uses it at a time, and it is free after close', (t) => {
  const path = join(makeTemp(t), 'data');
  const first = openDataDirectory(path, { listen: '127.0.0.1:1' });
  assert.throws(
    () => openDataDirectory(path),
    (error) => {
      assert.ok(error instanceof DataDirectoryInUse);
      assert.match(error.message, new RegExp(`process ${process.pid}.*pileus down --data ${path}`));
      return true;
    },
  );
  assert.equal(findDataDirectory(path)?.findOwner()?.listen, '127.0.0.1:1');
  first.close();
  assert.equal(findDataDirectory(path)?.findOwner(), undefined);
  openDataDirectory(path).close();
});

test('another process that holds it is seen, and its kill -9 frees it', (t) => {
  const path = join(makeTemp(t), 'data');
  const program = `import { openDataDirectory } from '${new URL('data-directory.ts', import.meta.url).pathname}';
    openDataDirectory('${path}'); process.kill(process.pid, 'SIGKILL');`;
  assert.throws(() =>
    execFileSync(process.execPath, ['--input-type=module', '-e', program], { stdio: 'pipe' }),
  );
  openDataDirectory(path).close();
});

test('a path too long for sockets below it, or that cannot be made, is refused with the reason', (t) => {
  const dir = makeTemp(t);
  const refused = (path: string, why: RegExp): void =>
    assert.throws(
      () => openDataDirectory(path),
      (error) => {
        assert.ok(error instanceof DataDirectoryUnusable);
        assert.match(error.message, why);
        return true;
      },
    );
  const long = join(dir, 'x'.repeat(60));
  refused(long, /has \d+ bytes, and with more than \d+/);
  assert.ok(!existsSync(long), 'what is refused is not made');
  refused('/etc/hostname/below-a-file', /cannot be used/);
});
