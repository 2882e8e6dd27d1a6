// What every writing route does with bodies, ids and queries that no honest client sends, from an administrator, whom no
// rule stops: a refusal of the client's kind, never a failure of the service, and no change where it refuses.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Attempt, Outcome } from './client.ts';
import { ExceptionBook } from './exceptions.ts';
import { faultOf } from './faults.ts';
import { FOR_ABSURD_IDS, FOR_NO_BODY } from './known-answers.ts';
import { indiscretion, setStage, type Stage } from './stage.ts';
import type { Target } from './targets.ts';
import { ABSURD_IDS, ABSURD_QUERIES, inTurns, twists } from './twisted.ts';

let stage: Stage;
before(async () => void (stage = await setStage()));
after(async () => stage?.[Symbol.asyncDispose]());

/** A project gets its default group before anything of it is made, also when that is then refused. */
const MADE_BEFORE = /^\+ network\.security_group(s|_rules) /;

/** What is wrong with an answer whatever was asked; undefined when nothing is. */
function fundamental(target: Target, outcome: Outcome): string | undefined {
  if (outcome.status >= 500 && outcome.status !== 501)
    return `${outcome.status} ${outcome.text.slice(0, 300)}`;
  const told = outcome.status >= 400 ? indiscretion(outcome.text, stage.cloud) : undefined;
  if (told) return told;
  return faultOf(target, outcome);
}

/** Sends, and holds the answer to `rule`. */
async function provoke(
  target: Target,
  attempt: Partial<Attempt>,
  rule: (outcome: Outcome) => string | undefined = () => undefined,
): Promise<string | undefined> {
  const { method, path, headers, body } = target;
  const whole = { method, path, headers, body, token: stage.callers.admin, ...attempt };
  const outcome = await stage.client.send(whole).catch((error: Error) => error);
  if (outcome instanceof Error) return `${target.name}: ${outcome.message}`;
  const wrong = fundamental(target, outcome) ?? rule(outcome);
  return wrong === undefined ? undefined : `${target.name}: ${wrong}`;
}

/** `network GET /v2.0/security-groups` → `security_group`, the name of its id. */
const singular = (target: Target): string =>
  (target.path.split('/')[3] ?? '')
    .replaceAll('-', '_')
    .replace(/policies$/, 'policy')
    .replace(/s$/, '');

const bodied = (): Target[] =>
  stage.targets.filter(
    ({ writes, schema, name }) => writes && (schema !== undefined || name.startsWith('image PATCH')),
  );

test('ids that name nothing: 404 or 400, never a failure', async (t) => {
  const book = new ExceptionBook(FOR_ABSURD_IDS);
  const complaints = [];
  let sent = 0;
  for (const target of stage.targets) {
    for (const param of target.params) {
      if (param === 'tag' && target.writes) continue; // any text may be a tag
      for (const [what, id] of Object.entries(ABSURD_IDS)) {
        sent += 1;
        const wrong = await provoke(target, { path: target.pathWith(param, id) }, ({ status, text }) =>
          book.fits(`${target.name} ${param}`, status, [400, 404, 414, 431])
            ? undefined
            : `${status} ${text.slice(0, 200)}`,
        );
        if (wrong !== undefined) complaints.push(`${wrong} <- ${what} as ${param}`);
      }
    }
  }
  t.diagnostic(`${sent} ids`);
  assert.deepEqual(complaints, []);
  assert.deepEqual(book.unused(), [], 'exceptions that are not needed any longer');
});

describe('bodies', () => {
  const book = new ExceptionBook(FOR_NO_BODY);
  after(() => assert.deepEqual(book.unused(), [], 'exceptions that are not needed any longer'));

  for (const [what, text] of [
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
    ['nothing but a prototype', '{"__proto__": {"a": 1}}'],
    ['an empty object', '{}'],
  ] as const) {
    test(`${what}: 400, and nothing changes`, async () => {
      const before = stage.state.rows();
      const complaints: Array<string | undefined> = [];
      for (const target of bodied())
        complaints.push(
          await provoke(target, { body: text }, ({ status, text: answer }) =>
            book.fits(target.name, status, [400]) ? undefined : `${status} ${answer.slice(0, 300)}`,
          ),
        );
      assert.deepEqual(complaints.filter(Boolean), []);
      const changes = stage.state.changesSince(before).filter((change) => !/^. image\./.test(change)); // 201
      assert.deepEqual(changes, []);
    });
  }

  test('larger than the limit: 413, and nothing changes', async () => {
    const before = stage.state.rows();
    const body = JSON.stringify({ filler: 'x'.repeat(1024 * 1024) });
    const complaints = [];
    for (const target of bodied())
      complaints.push(
        await provoke(target, { body }, ({ status, text }) =>
          status === 413 ? undefined : `${status} ${text.slice(0, 300)}`,
        ),
      );
    assert.deepEqual(complaints.filter(Boolean), []);
    assert.deepEqual(stage.state.changesSince(before), []);
  });

  for (const type of ['text/xml', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=a'])
    test(`of type ${type}: 415, and nothing changes`, async () => {
      const before = stage.state.rows();
      const complaints = [];
      for (const target of bodied())
        complaints.push(
          await provoke(
            target,
            { headers: { ...target.headers, 'content-type': type } },
            ({ status, text }) => (status === 415 ? undefined : `${status} ${text.slice(0, 300)}`),
          ),
        );
      assert.deepEqual(complaints.filter(Boolean), []);
      assert.deepEqual(stage.state.changesSince(before), []);
    });

  test('wrong at each position of the schema: refused as the client’s mistake, or taken', async (t) => {
    const complaints: string[] = [];
    let sent = 0;
    const begins = (target: Target): boolean =>
      /\/servers\/:id\/(action|os-interface|os-volume_attachments|migr)|action os-extend|POST \/v3\/attachments$/.test(
        target.name,
      );
    for (const target of bodied().toSorted((a, b) => Number(begins(a)) - Number(begins(b)))) {
      if (target.schema === undefined) continue;
      const own = target.service === 'placement' ? 'compute' : target.service; // others work on meanwhile
      await stage.state.quiet(own);
      let before = stage.state.rows(own);
      let version = stage.state.version(own);
      for (const { what, text } of twists(target.schema, target.body)) {
        sent += 1;
        let refused = false;
        const wrong = await provoke(target, { body: text }, ({ status }) => {
          refused = status >= 400;
          return undefined;
        });
        if (wrong !== undefined) complaints.push(`${what}: ${wrong}`);
        if (begins(target)) continue; // what it begins goes on meanwhile
        if (!refused) await stage.state.quiet(own);
        const now = stage.state.version(own);
        if (refused && now !== version) {
          const changes = stage.state.changesSince(before, own).filter((each) => !MADE_BEFORE.test(each));
          if (changes.length > 0) complaints.push(`${what}: ${target.name} changed ${changes.join('\n')}`);
          before = stage.state.rows(own);
        }
        version = now;
        if (!refused) before = stage.state.rows(own);
      }
    }
    t.diagnostic(`${sent} bodies`);
    assert.deepEqual(complaints, []);
  });
});

test('queries that mean nothing: answered or refused, never a failure, never slow', async (t) => {
  const complaints = [];
  let sent = 0;
  const some = inTurns(ABSURD_QUERIES, 4);
  for (const target of stage.targets.filter(({ method }) => method === 'GET')) {
    for (const query of target.params.length === 0 ? ABSURD_QUERIES : some()) {
      sent += 1;
      const started = performance.now();
      const marker = {
        image: stage.ids['image'],
        network: stage.ids[singular(target)],
        compute: stage.ids['server'],
      };
      const path = `${target.path}?${query.replace('MARKER', marker[target.service as 'image'] ?? 'none')}`;
      const wrong = await provoke(target, { path });
      const took = performance.now() - started;
      if (wrong !== undefined) complaints.push(`${query.slice(0, 60)}: ${wrong}`);
      if (took > 2000) complaints.push(`${query.slice(0, 60)}: ${target.name} took ${took} ms`);
    }
  }
  t.diagnostic(`${sent} queries`);
  assert.deepEqual(complaints, []);
});
