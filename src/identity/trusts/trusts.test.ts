import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Answer } from '#test/support/service-harness.ts';
import { onProject, passwordOf, startIdentity, type Identity } from '../testing/identity-harness.ts';

const TRUSTS = '/v3/OS-TRUST/trusts';

interface Stage {
  readonly identity: Identity;
  readonly admin: string;
  /** Of demo, on project demo. */
  readonly trustor: string;
  readonly ids: Readonly<
    Record<'demo' | 'project' | 'bob' | 'carol' | 'member' | 'reader' | 'manager', string>
  >;
  readonly give: (more?: object, token?: string) => Promise<Answer>;
  /** Logs in with a trust. */
  readonly take: (trust: string, user?: string) => Promise<Answer>;
  readonly validity: (token: string) => Promise<number>;
}

async function stageOf(identity: Identity): Promise<Stage> {
  const admin = await identity.admin();
  const trustor = await identity.logIn('demo', identity.passwords['demo'] ?? '', onProject('demo'));
  const list = async (what: string, name: string): Promise<string> =>
    (await identity.call('GET', `/v3/${what}?name=${name}`, { token: admin })).body[what][0].id as string;
  const user = async (name: string): Promise<string> =>
    (
      await identity.call('POST', '/v3/users', {
        token: admin,
        body: { user: { name, password: `${name}'s own` } },
      })
    ).body.user.id as string;
  const ids = {
    demo: await list('users', 'demo'),
    project: await list('projects', 'demo'),
    bob: await user('bob'),
    carol: await user('carol'),
    member: await list('roles', 'member'),
    reader: await list('roles', 'reader'),
    manager: await list('roles', 'manager'),
  };
  const give = async (more: object = {}, token = trustor): Promise<Answer> =>
    identity.call('POST', TRUSTS, {
      token,
      body: {
        trust: {
          trustor_user_id: ids.demo,
          trustee_user_id: ids.bob,
          impersonation: true,
          project_id: ids.project,
          roles: [{ name: 'member' }],
          ...more,
        },
      },
    });
  const take = async (trust: string, name = 'bob'): Promise<Answer> =>
    identity.authenticate(passwordOf(name, `${name}'s own`), { 'OS-TRUST:trust': { id: trust } });
  const validity = async (subject: string): Promise<number> =>
    (await identity.call('GET', '/v3/auth/tokens', { token: admin, headers: { 'x-subject-token': subject } }))
      .status;
  return { identity, admin, trustor, ids, give, take, validity };
}

function tokenOf(answer: Answer): string {
  assert.equal(answer.status, 201, JSON.stringify(answer.body));
  return answer.headers['x-subject-token'] ?? '';
}

test('a trust is made, seen by both sides alone, listed, and ended by its trustor', async () => {
  await using identity = await startIdentity();
  const { give, ids, trustor, admin } = await stageOf(identity);
  const bob = await identity.logIn('bob', "bob's own");
  const carol = await identity.logIn('carol', "carol's own");
  const made = await give({ expires_at: '2999-01-01T00:00:00Z', allow_redelegation: true });
  assert.equal(made.status, 201, JSON.stringify(made.body));
  const { trust } = made.body;
  assert.equal(trust.expires_at, '2999-01-01T00:00:00.000000Z');
  assert.equal(trust.redelegation_count, 3);
  assert.equal(trust.deleted_at, null);
  assert.deepEqual(
    trust.roles.map((role: { name: string }) => role.name),
    ['member'],
  );
  const url = `${TRUSTS}/${trust.id}`;
  for (const token of [trustor, bob]) {
    assert.deepEqual((await identity.call('GET', url, { token })).body.trust, trust);
    assert.equal((await identity.call('HEAD', `${url}/roles/${ids.member}`, { token })).status, 200);
    const role = (await identity.call('GET', `${url}/roles/${ids.member}`, { token })).body.role;
    assert.equal(role.id, ids.member);
    assert.equal((await identity.call('GET', `${url}/roles/${ids.manager}`, { token })).status, 404);
    assert.equal((await identity.call('GET', `${url}/roles`, { token })).body.roles.length, 1);
  }
  for (const path of [url, `${url}/roles`, `${url}/roles/${ids.member}`]) {
    assert.equal((await identity.call('GET', path, { token: carol })).status, 403);
  }
  const listed = async (query: string, token: string): Promise<unknown> => {
    const answer = await identity.call('GET', `${TRUSTS}${query}`, { token });
    return answer.status === 200 ? answer.body.trusts.map((each: { id: string }) => each.id) : answer.status;
  };
  assert.deepEqual(await listed('', admin), [trust.id]);
  assert.deepEqual(await listed(`?trustor_user_id=${ids.demo}`, trustor), [trust.id]);
  assert.deepEqual(await listed(`?trustee_user_id=${ids.bob}`, bob), [trust.id]);
  assert.deepEqual(await listed(`?trustee_user_id=${ids.carol}`, carol), []);
  assert.equal(await listed('', trustor), 403);
  assert.equal(await listed(`?trustor_user_id=${ids.demo}`, carol), 403);
  assert.equal((await identity.call('DELETE', url, { token: bob })).status, 403);
  assert.equal((await identity.call('GET', `${TRUSTS}/none`, { token: carol })).status, 404);
  assert.equal((await identity.call('DELETE', url, { token: trustor })).status, 204);
  assert.equal((await identity.call('GET', url, { token: trustor })).status, 404);
});

test('what is no trust is refused', async () => {
  await using identity = await startIdentity();
  const { give, ids, admin } = await stageOf(identity);
  const status = async (more: object, token?: string): Promise<number> => (await give(more, token)).status;
  assert.equal(await status({ trustor_user_id: ids.bob }), 403, "another's name");
  assert.equal(await status({}, admin), 403, 'not even the administrator');
  assert.equal(await status({ roles: [] }), 403);
  assert.equal(await status({ roles: [{ name: 'manager' }] }), 404, 'no role of the trustor');
  assert.equal(await status({ roles: [{ id: ids.manager }] }), 404);
  assert.equal(await status({ roles: [{ id: ids.member, name: 'member' }] }), 400);
  assert.equal(await status({ trustee_user_id: 'none' }), 404);
  assert.equal(await status({ project_id: 'none' }), 404);
  assert.equal(await status({ expires_at: '2001-01-01T00:00:00Z' }), 400);
  assert.equal(await status({ expires_at: 'soon' }), 400);
  assert.equal(await status({ remaining_uses: 0 }), 400);
  assert.equal(await status({ impersonation: 'yes' }), 400);
  assert.equal(await status({ allow_redelegation: true, redelegation_count: 4 }), 403);
  assert.equal(await status({ allow_redelegation: true, remaining_uses: 2 }), 400);
  const twice = { expires_at: '2999-01-01T00:00:00Z' };
  assert.equal(await status(twice), 201);
  assert.equal(await status(twice), 409);
});

test('a token of a trust is the trustor, with the roles given, and makes nothing of its own', async () => {
  await using identity = await startIdentity();
  const { give, take, ids, validity } = await stageOf(identity);
  const trust = (await give({ roles: [{ id: ids.reader }] })).body.trust.id as string;
  const login = await take(trust);
  const token = tokenOf(login);
  const said = login.body.token;
  assert.equal(said.user.id, ids.demo);
  assert.equal(said.project.id, ids.project);
  assert.deepEqual(
    said.roles.map((role: { name: string }) => role.name),
    ['reader'],
  );
  assert.deepEqual(said['OS-TRUST:trust'], {
    id: trust,
    impersonation: true,
    trustor_user: { id: ids.demo },
    trustee_user: { id: ids.bob },
  });
  assert.equal(await validity(token), 200);
  assert.equal((await take(trust, 'carol')).status, 403, 'another than the trustee');
  assert.equal((await take('none')).status, 401);
  const again = { methods: ['token'], token: { id: token } };
  for (const scope of [undefined, 'unscoped', onProject('demo'), { 'OS-TRUST:trust': { id: trust } }]) {
    assert.equal((await identity.authenticate(again, scope)).status, 403, 'no other token from it');
  }
  assert.equal((await give({ roles: [{ id: ids.reader }] }, token)).status, 403, 'no other trust');
  const own = `/v3/users/${ids.demo}`;
  const body = { application_credential: { name: 'x' } };
  const post = await identity.call('POST', `${own}/application_credentials`, { token, body });
  assert.equal(post.status, 403);
  for (const path of ['application_credentials', 'access_rules']) {
    assert.equal((await identity.call('GET', `${own}/${path}`, { token })).status, 403);
  }
  const plain = (await give({ impersonation: false })).body.trust.id as string;
  assert.equal((await take(plain)).body.token.user.id, ids.bob);
  const both = { 'OS-TRUST:trust': { id: trust }, ...(onProject('demo') as object) };
  assert.equal((await identity.authenticate(passwordOf('bob', "bob's own"), both)).status, 400);
  const noProject = (await give({ project_id: null, roles: [] })).body.trust.id as string;
  const unscoped = await take(noProject);
  assert.equal(unscoped.body.token.user.id, ids.demo);
  assert.equal(unscoped.body.token.project, undefined);
});

test('tokens of a trust end with it: its roles, its sides, its time, its end', async () => {
  await using identity = await startIdentity();
  const { give, take, ids, admin, trustor, validity } = await stageOf(identity);
  const trust = (await give()).body.trust.id as string;
  const grant = `/v3/projects/${ids.project}/users/${ids.demo}/roles/${ids.member}`;
  const set = async (path: string, body: object): Promise<void> => {
    assert.equal((await identity.call('PATCH', path, { token: admin, body })).status, 200);
  };
  const lost = async (token: string, label: string, login: number): Promise<void> => {
    assert.equal(await validity(token), 404, label);
    assert.equal((await take(trust)).status, login, label);
  };

  const first = tokenOf(await take(trust));
  await identity.call('DELETE', grant, { token: admin });
  await lost(first, 'the trustor lost the role', 403);
  await identity.call('PUT', grant, { token: admin });
  assert.equal(await validity(first), 200);

  await set(`/v3/users/${ids.demo}`, { user: { enabled: false } });
  await lost(first, 'the trustor is disabled', 403);
  await set(`/v3/users/${ids.demo}`, { user: { enabled: true } });
  const second = tokenOf(await take(trust));
  await set(`/v3/projects/${ids.project}`, { project: { enabled: false } });
  await lost(second, 'the project is disabled', 401);
  await set(`/v3/projects/${ids.project}`, { project: { enabled: true } });
  const third = tokenOf(await take(trust));
  await set(`/v3/users/${ids.demo}`, { user: { password: 'another' } });
  assert.equal(await validity(third), 404, "the trustor's tokens were revoked");
  const fourth = tokenOf(await take(trust));
  assert.equal(await validity(fourth), 200);

  const soon = new Date(identity.clock.now() + 60_000).toISOString();
  const again = await identity.logIn('demo', 'another', onProject('demo'));
  const brief = (await give({ expires_at: soon }, again)).body.trust.id as string;
  const login = await take(brief);
  assert.ok(Date.parse(login.body.token.expires_at as string) <= Date.parse(soon));
  identity.advance(61_000);
  assert.equal((await take(brief)).status, 401);
  assert.equal((await identity.call('GET', `${TRUSTS}/${brief}`, { token: again })).status, 404);

  assert.equal((await identity.call('GET', TRUSTS, { token: trustor })).status, 401);
  await identity.call('DELETE', `${TRUSTS}/${trust}`, { token: again });
  await lost(fourth, 'the trust is gone', 401);
});

test('uses are counted, and the last one is given once', async () => {
  await using identity = await startIdentity();
  const { give, take, trustor, validity } = await stageOf(identity);
  const trust = (await give({ remaining_uses: 2 })).body.trust.id as string;
  const url = `${TRUSTS}/${trust}`;
  const first = tokenOf(await take(trust));
  assert.equal((await identity.call('GET', url, { token: trustor })).body.trust.remaining_uses, 1);
  const race = await Promise.all([take(trust), take(trust), take(trust)]);
  assert.equal(race.filter((answer) => answer.status === 201).length, 1);
  assert.equal((await take(trust)).status, 401);
  assert.equal((await identity.call('GET', url, { token: trustor })).status, 404);
  assert.equal(await validity(first), 200, 'a use that was paid for holds');
});

test('a trust is passed on as far as it says, never wider, and ends with the one before', async () => {
  await using identity = await startIdentity();
  const { give, take, ids, trustor, validity, admin } = await stageOf(identity);
  const end = '2999-01-01T00:00:00Z';
  const origin = await give({ allow_redelegation: true, redelegation_count: 2, expires_at: end });
  const bobs = tokenOf(await take(origin.body.trust.id as string));
  const pass = async (more: object, token = bobs): Promise<Answer> =>
    give({ trustee_user_id: ids.carol, allow_redelegation: true, ...more }, token);
  assert.equal((await pass({ expires_at: '2999-01-01T00:00:01Z' })).status, 403, 'longer');
  assert.equal((await pass({ roles: [{ name: 'reader' }] })).status, 403, 'a role that was not passed');
  assert.equal((await pass({ redelegation_count: 2 })).status, 403, 'deeper');
  assert.equal((await pass({ remaining_uses: 1, allow_redelegation: false })).status, 403);
  const second = await pass({});
  assert.equal(second.status, 201, JSON.stringify(second.body));
  assert.equal(second.body.trust.redelegation_count, 1);
  assert.equal(second.body.trust.redelegated_trust_id, origin.body.trust.id);
  assert.equal(second.body.trust.expires_at, '2999-01-01T00:00:00.000000Z');
  const carols = tokenOf(await take(second.body.trust.id as string, 'carol'));
  const third = await pass({ trustee_user_id: ids.bob, expires_at: '2998-01-01T00:00:00Z' }, carols);
  assert.equal(third.body.trust.redelegation_count, 0);
  const last = tokenOf(await take(third.body.trust.id as string));
  assert.equal((await pass({}, last)).status, 403, 'the chain ends');
  const off = { token: admin, body: { user: { enabled: false } } };
  await identity.call('PATCH', `/v3/users/${ids.carol}`, off);
  assert.equal(await validity(last), 404, 'one between is disabled');
  await identity.call('PATCH', `/v3/users/${ids.carol}`, { ...off, body: { user: { enabled: true } } });
  const url = `${TRUSTS}/${origin.body.trust.id}`;
  assert.equal((await identity.call('DELETE', url, { token: trustor })).status, 204);
  assert.equal(
    (await identity.call('GET', TRUSTS, { token: admin })).body.trusts.length,
    0,
    'all of the chain',
  );
});

test('an application credential does nothing with trusts, and trusts go with their users', async () => {
  await using identity = await startIdentity();
  const { give, ids, trustor, admin } = await stageOf(identity);
  const body = { application_credential: { name: 'robot', unrestricted: true } };
  const path = `/v3/users/${ids.demo}/application_credentials`;
  const { id, secret } = (await identity.call('POST', path, { token: trustor, body })).body
    .application_credential as { id: string; secret: string };
  const robot = tokenOf(
    await identity.authenticate({
      methods: ['application_credential'],
      application_credential: { id, secret },
    }),
  );
  const made = await give();
  const url = `${TRUSTS}/${made.body.trust.id}`;
  assert.equal((await give({}, robot)).status, 403);
  for (const [method, at] of [
    ['GET', `${TRUSTS}?trustor_user_id=${ids.demo}`],
    ['GET', url],
    ['GET', `${url}/roles`],
    ['DELETE', url],
  ] as const) {
    assert.equal((await identity.call(method, at, { token: robot })).status, 403, at);
  }
  await identity.call('DELETE', `/v3/users/${ids.bob}`, { token: admin });
  assert.equal((await identity.call('GET', TRUSTS, { token: admin })).body.trusts.length, 0);
});
