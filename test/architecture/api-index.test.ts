// Every operation of the APIs is where a reader looks for it, upstream's are offered or explained, what is offered is tested,
// and docs/api-index.md says so.
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { test } from 'node:test';
import { collectRoutes, ROOT } from '../../src/cli/api-index/collect.ts';
import { joinIndex, operationOf, versionsOf } from '../../src/cli/api-index/join.ts';
import { keyOf } from '../../src/cli/api-index/operation.ts';
import { parseUpstream, withoutStaleReasons } from '../../src/cli/api-index/upstream.ts';
import { mergeRecords, parseOperation } from '../../src/cli/api-index/tested-by.ts';
import { API_INDEX, renderApiIndex } from '../../src/cli/api-index/render.ts';

const routes = await collectRoutes();
const { rows, unknown } = await joinIndex();

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

test('each operation of upstream is offered, or src/cli/api-index/upstream/*.txt says why it is not', () => {
  const silent = rows.filter(
    ({ routes: offered, upstream }) => offered.length === 0 && upstream?.reason === undefined,
  );
  assert.deepEqual(
    silent.map(({ operation }) => keyOf(operation)),
    [],
  );
});

test('no reason is left of an operation that is offered (else: ./pileus api-index)', () => {
  const stale = rows.filter(
    ({ routes: offered, upstream }) => offered.length > 0 && upstream?.reason !== undefined,
  );
  assert.deepEqual(
    stale.map(({ operation }) => keyOf(operation)),
    [],
  );
});

test('each route is one of upstream, or src/cli/api-index/upstream/*.txt has it as our own', () => {
  assert.deepEqual(
    unknown.map((route) => keyOf(operationOf(route))),
    [],
  );
});

/** Below it, placement answers 405 as for a method that is not there: its route says so, and only that. */
const REFUSED_BELOW = 'placement DELETE /resource_providers/:/inventories';

test('an operation is there from and until the microversion that upstream has it', () => {
  const withMicroversions = new Set<string>(['compute', 'placement', 'volume']);
  const different = rows.flatMap(({ operation, routes: offered, upstream }) => {
    const spans = offered.map(versionsOf);
    const since = spans.some((span) => span.since === undefined) ? undefined : spans[0]?.since;
    const until = spans.some((span) => span.until === undefined) ? undefined : spans.at(-1)?.until;
    const agrees = !upstream || (since === upstream.since && until === upstream.until);
    if (offered.length === 0 || agrees || !withMicroversions.has(operation.service)) return [];
    return [`${keyOf(operation)}: ${since}–${until}, upstream ${upstream.since}–${upstream.until}`];
  });
  assert.deepEqual(
    different.filter((each) => !each.startsWith(`${REFUSED_BELOW}:`)),
    [],
  );
});

test('what is offered succeeds in a test (else: ./pileus test --record-coverage FILE), or is said to be refused always', () => {
  const offered = rows.filter((row) => row.routes.length > 0);
  const silent = offered.filter(
    ({ testedBy, upstream, own }) => testedBy.length === 0 && (upstream ?? own)?.refusal === undefined,
  );
  assert.deepEqual(
    silent.map(({ operation }) => keyOf(operation)),
    [],
  );
});

test('what is said to be refused always never succeeds (else: ./pileus api-index)', () => {
  const wrong = rows.filter(
    ({ testedBy, upstream, own }) => testedBy.length > 0 && (upstream ?? own)?.refusal !== undefined,
  );
  assert.deepEqual(
    wrong.map(({ operation }) => keyOf(operation)),
    [],
  );
});

test('a reason goes when its operation is offered, and with the last of its operations', () => {
  const text = [
    'reason a: why',
    'reason b: why not',
    'GET /x not-offered a',
    'POST /x/:id/action action go since 2.3 not-offered a',
    'GET /y not-offered b',
    'GET /v refuses b',
    'GET /w refuses a',
    'own GET /z because a',
    'own GET /u because a refuses b',
    '',
  ].join('\n');
  const offered = ['compute POST /x/:/action go', 'compute GET /y'];
  const mended = withoutStaleReasons('compute', text, {
    isOffered: (operation) => offered.includes(keyOf(operation)),
    isTested: (operation) => ['/u', '/v'].includes(operation.path),
  });
  assert.equal(
    mended,
    [
      'reason a: why',
      'GET /x not-offered a',
      'POST /x/:id/action action go since 2.3',
      'GET /y',
      'GET /v',
      'GET /w refuses a',
      'own GET /z because a',
      'own GET /u because a',
      '',
    ].join('\n'),
  );
  assert.throws(() => parseUpstream('compute', 'GET /x not-offered c'), /no reason c/);
  assert.throws(() => parseUpstream('compute', 'GET /x sinse 2.3'), /no operation/);
  assert.throws(() => parseUpstream('compute', 'GET /x/:a\nGET /x/:b'), /twice/);
});

test('a file that ran whole replaces what it had, one that ran in part adds to it', () => {
  const of = (name: string): NonNullable<ReturnType<typeof parseOperation>> => {
    const operation = parseOperation(name);
    assert.ok(operation);
    return operation;
  };
  const list = 'volume GET /v3/volumes';
  const start = 'compute POST /v2.1/servers/:/action os-start';
  const known = new Map([
    [list, new Set(['a', 'b'])],
    [start, new Set(['a'])],
  ]);
  const operations = [of('volume GET /v3/:project_id/volumes'), of('volume GET /v3/volumes/:id')];
  const show = 'volume GET /v3/volumes/:';
  const merged = (isWhole: boolean): unknown =>
    mergeRecords(known, new Map([['a', { operations, isWhole }]]));
  assert.deepEqual(
    merged(true),
    new Map([
      [list, new Set(['b', 'a'])],
      [show, new Set(['a'])],
    ]),
  );
  assert.deepEqual(
    merged(false),
    new Map([
      [list, new Set(['a', 'b'])],
      [start, new Set(['a'])],
      [show, new Set(['a'])],
    ]),
  );
});
