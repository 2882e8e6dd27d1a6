import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

test('counts leaf tests, files that do not load, skips; and tells failures with their place', (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'pileus-tally-'));
  t.after(() => rmSync(dir, { recursive: true }));
  writeFileSync(
    join(dir, 'a.test.mjs'),
    `import { test, describe } from 'node:test';
     test('good', () => {});
     describe('group', () => { test('inside', () => {}); test('skipped', { skip: 'no root' }, () => {}); });
     test('bad', () => { throw new Error('boom'); });`,
  );
  writeFileSync(join(dir, 'b.test.mjs'), 'import "./absent.mjs";');
  writeFileSync(
    join(dir, 'shared.mjs'),
    `import { test } from 'node:test'; export const share = () => test('shared', () => {});`,
  );
  writeFileSync(join(dir, 'c.test.mjs'), `import { share } from './shared.mjs'; share();`);
  writeFileSync(
    join(dir, 'main.mjs'),
    `import { run } from 'node:test';
     import { writeFileSync } from 'node:fs';
     import { Tally } from '${new URL('tally.ts', import.meta.url).pathname}';
     const tally = new Tally('${dir}/');
     for (const file of ['a', 'b', 'c'].map((name) => \`${dir}/\${name}.test.mjs\`))
       for await (const event of run({ files: [file] })) tally.take(event, file);
     console.log(tally.summary());
     const again = tally.failedFiles().filter((file) => file.endsWith('a.test.mjs'));
     writeFileSync('${dir}/a.test.mjs', "import { test } from 'node:test'; test('good', () => {});");
     for (const file of again) {
       tally.forget(file);
       for await (const event of run({ files: [file] })) tally.take(event, file);
     }
     console.log(tally.summary());`,
  );
  // A test runner inside a test runner reports to the outer one unless it is told that it is not.
  const env = { ...process.env, NODE_TEST_CONTEXT: undefined };
  const { stdout } = spawnSync(process.execPath, [join(dir, 'main.mjs')], { encoding: 'utf8', env });
  const whole = stdout.trimEnd().split('\n');
  assert.equal(whole.at(-1), '2 passed, 1 failed', 'what was run again counts for its second run');
  assert.ok(whole.includes('unsteady, passed alone: a.test.mjs:4: bad'), stdout);
  const lines = whole.slice(0, whole.indexOf('3 passed, 2 failed') + 1);
  assert.equal(lines.at(-1), '3 passed, 2 failed', stdout);
  assert.equal(lines.at(-2), '1 skipped');
  assert.match(lines.at(-3)!, /^failed: b\.test\.mjs/);
  assert.equal(lines.at(-4), 'failed: a.test.mjs:4: bad');
  assert.equal(lines.at(-5), 'skipped: skipped (no root)');
  const slowest = lines.filter((line) => /^slowest: +[\d.]+ s  [ac]\.test\.mjs$/.test(line));
  assert.equal(slowest.length, 2, stdout); // what does not load takes no time
  assert.ok(lines.includes('FAILED a.test.mjs:4: bad'), stdout);
  assert.match(stdout, /Error: boom\n/);
  assert.match(stdout, /BAD {2}a\.test\.mjs: 2 passed, 1 FAILED, 1 skipped/);
  assert.match(stdout, /ok {3}c\.test\.mjs: 1 passed/, 'tests count for the file that was run');
});
