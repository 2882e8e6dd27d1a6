// Every operation of the APIs is where a reader looks for it, and docs/api-index.md says so.
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { test } from 'node:test';
import { collectRoutes, ROOT } from '../../src/cli/api-index/collect.ts';
import { API_INDEX, renderApiIndex } from '../../src/cli/api-index/render.ts';

const routes = await collectRoutes();

test('docs/api-index.md is what the route tables say (else: ./pileus api-index)', async () => {
  assert.equal(readFileSync(API_INDEX, 'utf8'), await renderApiIndex());
});

test('the file of an action is named as its key', () => {
  for (const { action, file } of routes)
    if (action && file.includes('/actions/')) assert.equal(basename(file, '.ts'), action.key);
  const wrong = routes.filter(({ action, file }) => action && !file.includes('/actions/'));
  assert.deepEqual(
    wrong.map(({ action, file }) => `${action?.key} in ${file}`),
    [],
  );
});

test('no file of an action is left that no table names', () => {
  const named = new Set(routes.map(({ file }) => file));
  const left = globSync('src/*/**/actions/*.ts', { cwd: ROOT }).filter(
    (path) => !path.endsWith('.test.ts') && !named.has(path),
  );
  assert.deepEqual(left, []);
});

test('each route has a handler or actions, and a rule only where there can be a caller', () => {
  for (const { route, action } of routes) {
    const name = `${route.method} ${route.path} ${action?.key ?? ''}`;
    assert.ok((action ?? route).handler, `${name} has no handler`);
    if ((action ?? route).policy)
      assert.notEqual(route.auth, 'none', `${name}: nobody can pass a rule without a token`);
  }
});

test('no two routes answer the same method, path, action and version', () => {
  const seen = new Set<string>();
  for (const { service, route, action } of routes) {
    const { since, until } = action ?? route;
    const key = [service, route.method, route.path.replaceAll(/:\w+/g, ':'), action?.key, since, until].join(
      ' ',
    );
    assert.ok(!seen.has(key), `${key} is there twice`);
    seen.add(key);
  }
});
