// What every route does with bodies that are none, too large, of another type, or hold what nobody knows: refused in the service's own
// words, in the order in which the service of the field looks at them, and nothing changes.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { systemToken } from './callers.ts';
import type { Attempt, Outcome } from './client.ts';
import { ExceptionBook } from './exceptions.ts';
import { FOR_NO_BODY, FOR_UNKNOWN_FIELDS, MANNERS, type Manners } from './known-answers.ts';
import { bodied, provoke } from './provoke.ts';
import { setStage, type Stage } from './stage.ts';
import type { Target } from './targets.ts';
import { withAt, type Path } from './twisted.ts';

let stage: Stage;
let systemAdmin: string;
before(async () => {
  stage = await setStage();
  systemAdmin = await systemToken(stage.client, stage.callers.admin);
});
after(async () => stage?.[Symbol.asyncDispose]());

const MALFORMED = '{"zzz": ';

type Sent = Partial<Attempt> & { readonly method: string };

/** Sends to each target; `right` says what is right for the answer, or that it is. @returns complaints and changes */
async function hold(
  targets: readonly Target[],
  attempt: (target: Target) => Partial<Attempt>,
  right: (target: Target, outcome: Outcome) => boolean,
  only?: (change: string) => boolean,
): Promise<string[]> {
  const rows = stage.state.rows();
  const complaints: Array<string | undefined> = [];
  for (const target of targets)
    complaints.push(
      await provoke(stage, target, attempt(target), (outcome) =>
        right(target, outcome) ? undefined : `${outcome.status} ${outcome.text.slice(0, 300)}`,
      ),
    );
  const changes = stage.state.changesSince(rows).filter(only ?? (() => true));
  return [...complaints.filter((each) => each !== undefined), ...changes];
}

const manners = (target: Target): Manners => MANNERS[target.service];

/** Whoever the rule does not stop before the body is looked at, and who may change nothing where that can be. */
const insider = (target: Target): string => {
  if (target.service === 'identity') return systemAdmin;
  return manners(target).ruleFirst ? stage.callers.admin : stage.callers.rita.token;
};

describe('no body of the route', () => {
  const book = new ExceptionBook(FOR_NO_BODY);
  after(() => assert.deepEqual(book.unused(), [], 'exceptions that are not needed any longer'));

  for (const [what, body] of [
    ['cut off', '{"a": '],
    ['no JSON', 'hello'],
    ['XML', '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>'],
    ['two values', '{} {}'],
    ['no UTF-8', Buffer.from([0x22, 0xff, 0xfe, 0x22])],
    ['nested ten thousand deep', '['.repeat(10_000) + ']'.repeat(10_000)],
    ['a list', '[]'],
    ['a text', '"text"'],
    ['null', 'null'],
    ['a number beyond all', '1e400'],
    ['half a surrogate pair', String.raw`{"\ud800": 1}`],
    ['a NUL', String.raw`{"a\u0000": 1}`],
    ['nothing but a prototype', '{"__proto__": {"a": 1}}'],
    ['an empty object', '{}'],
  ] as const)
    test(`${what}: 400, and nothing changes`, async () => {
      const right = (target: Target, { status }: Outcome): boolean => book.fits(target.name, status, [400]);
      const taken = (change: string): boolean => !/^. (image\.|identity\.oauth_consumers )/.test(change); // 201
      const token = (target: Target): string =>
        target.service === 'identity' ? systemAdmin : stage.callers.admin;
      assert.deepEqual(
        await hold(bodied(stage), (target) => ({ body, token: token(target) }), right, taken),
        [],
      );
    });

  test('malformed, to every route by a reader: 400 where the service looks at it, else as without it', async () => {
    const plain = new Map<Target, number>();
    const every = stage.targets.filter(({ name }) => !/images\/:image\/(file|stage)$/.test(name)); // data, not JSON
    for (const target of every) {
      const { ignores, bodyFirst, ruleFirst } = manners(target);
      if (!ignores.includes(target.method) && (bodyFirst || !ruleFirst)) continue;
      const { method, path, headers } = target;
      const outcome = await stage.client.send({ method, path, headers, token: stage.callers.rita.token });
      plain.set(target, outcome.status);
    }
    const right = (target: Target, { status }: Outcome): boolean =>
      status === (plain.get(target) ?? (target.auth === 'none' && target.method === 'GET' ? status : 400));
    const token = stage.callers.rita.token;
    assert.deepEqual(await hold(every, () => ({ body: MALFORMED, token }), right), []);
  });

  test('malformed, without a token: 401, but of identity, which reads it first', async () => {
    const guarded = bodied(stage).filter(({ auth }) => auth === 'token');
    const right = ({ service }: Target, { status }: Outcome): boolean =>
      status === (MANNERS[service].bodyFirst ? 400 : 401);
    assert.deepEqual(await hold(guarded, () => ({ body: MALFORMED, token: undefined }), right), []);
  });

  test('two actions in one: 400', async () => {
    const actions = stage.targets.filter(({ name }) => /\/action [\w-]+$/.test(name));
    assert.ok(actions.length > 50);
    const both = ({ body }: Target): Sent['body'] => ({ ...(body as object), zzz: null });
    const right = (_: Target, { status }: Outcome): boolean => status === 400;
    assert.deepEqual(await hold(actions, (target) => ({ body: both(target) }), right), []);
  });
});

describe('larger than the limit', () => {
  const body = JSON.stringify({ filler: 'x'.repeat(1024 * 1024) });

  for (const chunked of [false, true])
    test(`${chunked ? 'in pieces' : 'as its length tells'}: 413, and nothing changes`, async () => {
      const right = (_: Target, { status }: Outcome): boolean => status === 413;
      assert.deepEqual(
        await hold(bodied(stage), (target) => ({ body, chunked, token: insider(target) }), right),
        [],
      );
    });

  test('without a token: 413 where sizes are looked at first, else 401', async () => {
    const guarded = bodied(stage).filter(({ auth }) => auth === 'token');
    const right = (target: Target, { status }: Outcome): boolean =>
      status === (manners(target).sizeFirst ? 413 : 401);
    assert.deepEqual(await hold(guarded, () => ({ body, token: undefined }), right), []);
  });
});

describe('of another type', () => {
  for (const type of [
    'text/xml',
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=a',
    'application/octet-stream',
    'garbage',
    '',
    'application/json; charset=latin1',
  ])
    test(`${type === '' ? 'none' : type}: read as JSON or refused, as the field does`, async () => {
      const patches = ({ name }: Target): boolean => name.startsWith('image PATCH'); // has types of its own
      const right = (target: Target, { status }: Outcome): boolean =>
        status === (patches(target) ? 415 : (manners(target).types[type] ?? 400));
      const attempt = (target: Target): Partial<Attempt> => ({
        body: patches(target) ? '[]' : MALFORMED,
        headers: { ...target.headers, 'content-type': type },
        token: insider(target),
      });
      assert.deepEqual(await hold(bodied(stage), attempt, right), []);
    });
});

/** The body itself and each object in it. */
function objectsIn(value: unknown, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [];
  const inner = Object.entries(value).flatMap(([key, each]) =>
    objectsIn(each, [...path, Array.isArray(value) ? Number(key) : key]),
  );
  return Array.isArray(value) ? inner : [path, ...inner];
}

test('a field that nobody knows, at each object of it: 400', async (t) => {
  const book = new ExceptionBook(FOR_UNKNOWN_FIELDS);
  const complaints: string[] = [];
  let sent = 0;
  for (const target of bodied(stage)) {
    if (target.schema === undefined) continue;
    for (const path of objectsIn(target.body)) {
      if (path.length === 0 && target.name.includes('/action ')) continue; // a second action
      sent += 1;
      const body = withAt(target.body, [...path, 'zzz'], '{"a":1}');
      if (manners(target).takesAny) {
        const wrong = await provoke(stage, target, { body, token: insider(target) });
        if (wrong !== undefined) complaints.push(wrong);
        continue;
      }
      const wrong = await provoke(stage, target, { body, token: insider(target) }, ({ status, text }) =>
        book.fits([target.name, ...path].join(' '), status, [400])
          ? undefined
          : `${status} ${text.slice(0, 200)}`,
      );
      if (wrong !== undefined) complaints.push(`${wrong} <- at ${path.join('.')}`);
    }
  }
  t.diagnostic(`${sent} bodies`);
  assert.deepEqual(complaints, []);
  assert.deepEqual(book.unused(), [], 'exceptions that are not needed any longer');
});
