// Every route and action of every service, attacked by those who may not use it: each is refused in the service's own
// words, tells nothing of the machine, and changes nothing.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Outcome } from './client.ts';
import { expiredToken, logIn, newcomer, type Newcomer } from './callers.ts';
import { ExceptionBook } from './exceptions.ts';
import { EXCEPTIONS, FOR_READERS, FOR_STRANGERS, FOR_UNROUTED, IN_LISTS_OF_OTHERS } from './known-answers.ts';
import { faultOf } from './faults.ts';
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

test('each route has its ids and a body that fits (else: tell targets.ts and right-bodies.ts)', () => {
  assert.deepEqual([...missing], []);
});

test('the exceptions are no more than they were (else: mend the route, or raise the number in known-answers.ts)', () => {
  const counted = EXCEPTIONS.map(([what, exceptions]) => `${what}: ${Object.keys(exceptions).length}`);
  const known = EXCEPTIONS.map(([what, , most]) => `${what}: ${most}`);
  assert.deepEqual(counted, known);
});

describe('without a valid token', () => {
  const refused = (target: Target, outcome: Outcome): string | undefined =>
    outcome.status === 401 ? faultOf(target, outcome) : `${outcome.status} ${outcome.text.slice(0, 300)}`;
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

  test('one that has expired: 401', async () => {
    const token = expiredToken(stage.cloud, stage.callers.alice.token);
    assert.deepEqual(await attack(guarded(), token, refused), []);
  });

  const ended = (what: string, end: (someone: Newcomer) => readonly [string, string, unknown?]): void => {
    test(`one ${what}: 401, at once`, async () => {
      const someone = await newcomer(stage.client, stage.callers);
      const [method, path, body] = end(someone);
      const { admin } = stage.callers;
      await stage.client.ok({ method, path: `/identity/v3/${path}`, token: admin, body });
      assert.deepEqual(await attack(guarded(), someone.token, refused), []);
    });
  };
  ended('of a user who is disabled', ({ user }) => ['PATCH', `users/${user}`, { user: { enabled: false } }]);
  ended('of a user who is deleted', ({ user }) => ['DELETE', `users/${user}`]);
  ended('of a user whose password is changed', ({ user }) => [
    'PATCH',
    `users/${user}`,
    { user: { password: 'another-one' } },
  ]);
  ended('for a project that is disabled', ({ project }) => [
    'PATCH',
    `projects/${project}`,
    { project: { enabled: false } },
  ]);
  ended('for a project that is deleted', ({ project }) => ['DELETE', `projects/${project}`]);
  ended('of a user whose role is taken away', ({ user, project, role }) => [
    'DELETE',
    `projects/${project}/users/${user}/roles/${role}`,
  ]);

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
    book.fits(target.name, outcome.status, target.gone ? [410] : [403])
      ? faultOf(target, outcome)
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
    return book.fits(target.name, outcome.status, target.gone ? [410] : secret ? [404] : [403, 404])
      ? faultOf(target, outcome)
      : `${outcome.status} ${outcome.text.slice(0, 300)}`;
  });
  assert.deepEqual(complaints, []);
  assert.deepEqual(book.unused(), [], 'exceptions that are not needed any longer');
});

describe('what is not there', () => {
  const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;

  /** Each path with the methods that it has not, and each with parts that no path has. */
  function unrouted(): Target[] {
    const byPath = Map.groupBy(stage.targets, ({ service, path }) => `${service} ${path}`);
    return [...byPath.values()].flatMap(([first, ...more]) => {
      if (first === undefined) return [];
      const methods = new Set([first, ...more].map(({ method }) => method));
      const absent = METHODS.filter((method) => !methods.has(method)).map((method) => ({
        method,
        path: first.path,
      }));
      const beyond = METHODS.map((method) => ({
        method,
        path: `${first.path.replace(/\/$/, '')}/no/such/path`,
      }));
      const auth = [first, ...more].every((each) => each.auth === 'none') ? 'none' : 'token';
      return [
        ...absent.map((each) => ({ ...first, ...each, auth, body: undefined }) satisfies Target),
        ...beyond.map((each) => ({ ...first, ...each, auth: 'token', body: undefined }) satisfies Target),
      ];
    });
  }

  test('a path or a method: 401 without a token where the service asks for one, else 404 or 405', async () => {
    const judge =
      (known: boolean) =>
      (target: Target, outcome: Outcome): string | undefined => {
        const { tells, method } = FOR_UNROUTED[target.service];
        const path = target.path.endsWith('/no/such/path');
        const right = known || tells || target.auth === 'none' ? (path ? 404 : method) : 401;
        return outcome.status === right
          ? faultOf(target, outcome)
          : `${target.method} ${target.path}: ${outcome.status}, not ${right}`;
      };
    assert.deepEqual(await attack(unrouted(), undefined, judge(false)), []);
    assert.deepEqual(await attack(unrouted(), stage.callers.alice.token, judge(true)), []);
  });
});

test("no list, however asked, holds anything of another project's", async () => {
  const { projectA, projectB, bob, alice } = stage.callers;
  const ids = Object.entries(stage.ids).filter(
    ([what, id]) => id.length >= 32 && !(what in IN_LISTS_OF_OTHERS) && id !== projectB,
  );
  const seen = new Set<string>();
  const complaints: string[] = [];
  for (const target of stage.targets) {
    if (target.method !== 'GET' || target.params.length > 0 || target.auth !== 'token') continue;
    for (const query of [
      '',
      '?all_tenants=1',
      `?project_id=${projectA}`,
      `?tenant_id=${projectA}&all_tenants=True`,
      `?owner=${projectA}&visibility=all&member_status=all`,
      `?user_id=${alice.userId}`,
    ]) {
      const { method, path, headers } = target;
      const outcome = await stage.client.send({ method, path: path + query, headers, token: bob.token });
      const wrong = faultOf(target, outcome);
      if (wrong !== undefined) complaints.push(`${target.name}${query}: ${wrong}`);
      const asked = query.includes(projectA) ? projectA : alice.userId;
      const told = outcome.text.replaceAll(asked, ''); // what the caller said itself
      for (const [what, id] of ids)
        if (told.includes(id)) complaints.push(`${target.name}${query} tells of ${what}`);
      for (const what of Object.keys(IN_LISTS_OF_OTHERS))
        if (outcome.text.includes(stage.ids[what] ?? '\0')) seen.add(what);
    }
  }
  assert.deepEqual(complaints, []);
  const needless = Object.keys(IN_LISTS_OF_OTHERS).filter((what) => !seen.has(what));
  assert.deepEqual(needless, [], 'exceptions that are not needed any longer');
});
