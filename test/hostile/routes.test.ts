// Every route and action of every service, attacked by those who may not use it: each is refused in the service's own
// words, tells nothing of the machine, and changes nothing.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Outcome } from './client.ts';
import { logIn } from './callers.ts';
import { ExceptionBook } from './exceptions.ts';
import { FOR_READERS, FOR_STRANGERS } from './known-answers.ts';
import { isFault } from './faults.ts';
import { indiscretion, setStage, type Stage } from './stage.ts';
import { missing, type Target } from './targets.ts';

let stage: Stage;
before(async () => void (stage = await setStage()));
after(async () => stage?.[Symbol.asyncDispose]());

/** Sends each target; nothing may change but what `may` names (`+ compute.keypairs`). @returns complaints */
async function attack(
  targets: readonly Target[],
  token: string | undefined,
  complaint: (target: Target, outcome: Outcome) => string | undefined,
  may: readonly string[] = [],
): Promise<string[]> {
  const before = stage.state.rows();
  const mine = new Set(may);
  const complaints: string[] = [];
  for (const target of targets) {
    const { method, path, headers, body } = target;
    const outcome = await stage.client.send({ method, path, headers, body, token });
    const told = indiscretion(outcome.text, stage.cloud);
    const wrong = told ?? complaint(target, outcome);
    if (wrong !== undefined) complaints.push(`${target.name}: ${wrong}`);
  }
  const changes = stage.state
    .changesSince(before)
    .filter((change) => !mine.has(change.split(' ', 2).join(' ')));
  return [...complaints, ...changes];
}

function faulty(target: Target, outcome: Outcome): string | undefined {
  if (isFault(target, outcome)) return undefined;
  return `not a fault of ${target.service}: ${outcome.status} ${outcome.text.slice(0, 300)}`;
}

test('each route has its ids and a body that fits (else: tell targets.ts and right-bodies.ts)', () => {
  assert.deepEqual([...missing], []);
});

describe('without a valid token', () => {
  const refused = (target: Target, outcome: Outcome): string | undefined =>
    outcome.status === 401 ? faulty(target, outcome) : `${outcome.status} ${outcome.text.slice(0, 300)}`;
  const guarded = (): Target[] => stage.targets.filter(({ auth }) => auth === 'token');

  test('none at all: 401', async () => {
    assert.deepEqual(await attack(guarded(), undefined, refused), []);
  });

  for (const [what, token] of [
    ['garbage', 'garbage'],
    ['one of the form of a Fernet token', `gAAAAABm${'A'.repeat(180)}`],
    ['ten thousand characters', 'g'.repeat(10_000)],
    ['SQL', "' OR 1=1 --"],
  ] as const)
    test(`${what}: 401`, async () => {
      assert.deepEqual(await attack(guarded(), token, refused), []);
    });

  test('a revoked one: 401, at once', async () => {
    const { userId, password } = stage.callers.alice;
    const token = await logIn(
      stage.client,
      { id: userId, password },
      { project: { id: stage.callers.projectA } },
    );
    for (const service of [
      'compute/v2.1/servers',
      'network/v2.0/ports',
      'image/v2/images',
      'identity/v3/auth/projects',
    ])
      await stage.client.ok({ method: 'GET', path: `/${service}`, token }); // each has it in its memory
    await stage.client.ok({
      method: 'DELETE',
      path: '/identity/v3/auth/tokens',
      token: stage.callers.alice.token,
      headers: { 'x-subject-token': token },
    });
    assert.deepEqual(await attack(guarded(), token, refused), []);
  });
});

test('a reader of the project may write nothing: 403', async () => {
  const book = new ExceptionBook(FOR_READERS);
  const writing = stage.targets.filter(({ writes, auth }) => writes && auth === 'token');
  const judge = (target: Target, outcome: Outcome): string | undefined =>
    book.fits(target.name, outcome.status, [403])
      ? faulty(target, outcome)
      : `${outcome.status} ${outcome.text.slice(0, 300)}`;
  const complaints = await attack(writing, stage.callers.rita.token, judge, ['+ compute.keypairs']);
  assert.deepEqual(complaints, []);
  assert.deepEqual(book.unused(), [], 'exceptions that are not needed any longer');
});

test("a member of another project finds nothing of this one's: 404, or 403 where the rule comes first", async () => {
  const book = new ExceptionBook(FOR_STRANGERS);
  const named = stage.targets.filter(({ params, auth }) => params.length > 0 && auth === 'token');
  const complaints = await attack(named, stage.callers.bob.token, (target, outcome) => {
    const namesProject = target.path.includes(stage.callers.projectA); // that a project exists is no secret
    const secret =
      ['compute', 'network', 'image', 'volume'].includes(target.service) &&
      target.policy === undefined &&
      !namesProject;
    return book.fits(target.name, outcome.status, secret ? [404] : [403, 404])
      ? faulty(target, outcome)
      : `${outcome.status} ${outcome.text.slice(0, 300)}`;
  });
  assert.deepEqual(complaints, []);
  assert.deepEqual(book.unused(), [], 'exceptions that are not needed any longer');
});
