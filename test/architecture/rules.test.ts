// Holds the tree to its rules. An exception is a line of exceptions.json with its reason; one that is not needed any more
// fails, so that the list only shrinks.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { RULES } from './rules.ts';
import { readTree } from './source-tree.ts';

const exceptions = JSON.parse(readFileSync(new URL('./exceptions.json', import.meta.url), 'utf8')) as Record<
  string,
  Record<string, string>
>;
const tree = readTree();

for (const rule of RULES) {
  test(rule.name, () => {
    const allowed = exceptions[rule.name] ?? {};
    const found = [...new Set(rule.find(tree))];
    const broken = found.filter((each) => !Object.hasOwn(allowed, each));
    assert.deepEqual(broken, [], `${rule.name}: ${rule.mend}`);
    const needless = Object.keys(allowed).filter((each) => !found.includes(each));
    assert.deepEqual(needless, [], 'exceptions that are not needed any more: remove them');
    for (const [what, reason] of Object.entries(allowed))
      assert.ok(reason.length > 10, `${what} needs a reason`);
  });
}

test('exceptions are of rules that exist', () => {
  const names = RULES.map((rule) => rule.name);
  assert.deepEqual(
    Object.keys(exceptions).filter((name) => !names.includes(name)),
    [],
  );
});
