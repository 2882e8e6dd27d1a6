import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pathFits } from './access-rule.ts';

for (const [pattern, path, fits] of [
  ['/v2.1/servers', '/v2.1/servers', true],
  ['/v2.1/servers', '/v2x1/servers', false],
  ['/v2.1/servers/*', '/v2.1/servers/abc', true],
  ['/v2.1/servers/*', '/v2.1/servers/abc/action', false],
  ['/v2.1/servers/*/action', '/v2.1/servers/abc/action', true],
  ['/v2.1/servers/{server_id}', '/v2.1/servers/abc', true],
  ['/v2.1/servers/{server_id}', '/v2.1/servers/abc/def', false],
  ['/v2.1/**', '/v2.1/a/b/c', true],
  ['/v2.1/**', '/v2.0/a', false],
  ['**', '/anything', true],
  ['/a*c', '/abbc', true],
  ['/a*c', '/ab/c', false],
  ['/(a+)+$', '/aaaa', false],
] as const) {
  test(`${pattern} ${fits ? 'fits' : 'does not fit'} ${path}`, () => {
    assert.equal(pathFits(pattern, path), fits);
  });
}

test('a pattern of many wildcards takes no exponential time', () => {
  const started = performance.now();
  assert.equal(pathFits(`/${'**a'.repeat(80)}b`, `/${'a'.repeat(8000)}`), false);
  assert.ok(performance.now() - started < 2000);
});
