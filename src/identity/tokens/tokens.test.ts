import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CATALOG_SERVICES } from '../bootstrap.ts';
import {
  ADMIN_PASSWORD,
  onProject,
  passwordOf,
  startIdentity,
  type Identity,
} from '../testing/identity-harness.ts';
import { Revocations } from './revocation.ts';

async function validate(identity: Identity, subject: string, query = ''): Promise<number> {
  const token = await identity.admin();
  const answer = await identity.call('GET', `/v3/auth/tokens${query}`, {
    token,
    headers: { 'x-subject-token': subject },
  });
  return answer.status;
}

test('a login on a project yields roles with what they imply, and the catalog', async () => {
  await using identity = await startIdentity();
  const answer = await identity.authenticate(passwordOf('admin', ADMIN_PASSWORD), onProject('admin'));
  assert.equal(answer.status, 201);
  const { token } = answer.body;
  assert.deepEqual(token.roles.map((role: { name: string }) => role.name).toSorted(), [
    'admin',
    'manager',
    'member',
    'reader',
  ]);
  assert.equal(token.project.name, 'admin');
  assert.equal(token.catalog.length, CATALOG_SERVICES.length);
  assert.equal(token.catalog[0].endpoints.length, 3);
  assert.match(token.expires_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000000Z$/);
  assert.ok((answer.headers['x-subject-token'] ?? '').length < 255);
});

test('every wrong credential gets the same 401', async () => {
  await using identity = await startIdentity();
  const bodies = await Promise.all(
    [
      [passwordOf('admin', 'wrong')],
      [passwordOf('nobody', 'wrong')],
      [passwordOf('admin', ADMIN_PASSWORD, 'no-domain')],
      [passwordOf('admin', 'x'.repeat(100_000))],
      [passwordOf('admin', ADMIN_PASSWORD), onProject('no-project')],
      [passwordOf('admin', ADMIN_PASSWORD), onProject('demo')],
      [{ methods: ['application_credential'], application_credential: { id: 'none', secret: 'x' } }],
      [{ methods: ['kerberos'], kerberos: {} }],
    ].map(async ([part, scope]) => identity.authenticate(part, scope)),
  );
  for (const answer of bodies) {
    assert.equal(answer.status, 401);
    assert.deepEqual(answer.body, {
      error: {
        code: 401,
        message: 'The request you have made requires authentication.',
        title: 'Unauthorized',
      },
    });
  }
});

test('a login with a token that holds no more is 404, as upstream', async () => {
  await using identity = await startIdentity();
  const withToken = async (id: string): Promise<number> =>
    (await identity.authenticate({ methods: ['token'], token: { id } })).status;
  const token = await identity.admin();
  assert.equal(await withToken(token), 201);
  assert.equal(await withToken('gAAAAA'), 404);
  await identity.call('DELETE', '/v3/auth/tokens', { token, headers: { 'x-subject-token': token } });
  assert.equal(await withToken(token), 404);
});

test('malformed logins are 400', async () => {
  await using identity = await startIdentity();
  for (const auth of [
    {},
    { identity: {} },
    { identity: { methods: ['password'] } },
    { identity: { methods: 7 } },
    { identity: { methods: ['kerberos'] } },
  ]) {
    assert.equal((await identity.call('POST', '/v3/auth/tokens', { body: { auth } })).status, 400);
  }
});

test('scopes: system, domain, explicitly none, and the default project', async () => {
  await using identity = await startIdentity();
  const admin = passwordOf('admin', ADMIN_PASSWORD);
  const system = await identity.authenticate(admin, { system: { all: true } });
  assert.deepEqual(system.body.token.system, { all: true });
  assert.equal(
    (await identity.authenticate(admin, { domain: { id: 'default' } })).status,
    401,
    'no role there',
  );
  assert.equal((await identity.authenticate(admin)).body.token.project, undefined);
  const demo = passwordOf('demo', identity.passwords['demo'] ?? '');
  assert.equal((await identity.authenticate(demo)).body.token.project.name, 'demo');
  const unscoped = await identity.authenticate(demo, 'unscoped');
  assert.equal(unscoped.body.token.project, undefined);
  assert.equal(unscoped.body.token.catalog, undefined);
  assert.equal((await identity.authenticate(demo, { unscoped: {} })).body.token.roles, undefined);
});

test('a token made from a token keeps expiry and audit chain', async () => {
  await using identity = await startIdentity();
  const first = await identity.authenticate(passwordOf('demo', identity.passwords['demo'] ?? ''), 'unscoped');
  identity.advance(60_000);
  const part = { methods: ['token'], token: { id: first.headers['x-subject-token'] } };
  const second = await identity.authenticate(part, onProject('demo'));
  assert.equal(second.body.token.expires_at, first.body.token.expires_at);
  assert.deepEqual(second.body.token.methods, ['password', 'token']);
  assert.equal(second.body.token.audit_ids[1], first.body.token.audit_ids[0]);
});

test('tokens end: by DELETE, by expiry, by password, by disabling, by losing the role', async () => {
  await using identity = await startIdentity();
  const password = identity.passwords['demo'] ?? '';
  const demo = async (): Promise<string> => identity.logIn('demo', password, onProject('demo'));
  const admin = await identity.admin();
  const users = await identity.call('GET', '/v3/users?name=demo', { token: admin });
  const { id, default_project_id: project } = users.body.users[0];

  const deleted = await demo();
  const other = await demo();
  assert.equal(await validate(identity, deleted), 200);
  const gone = await identity.call('DELETE', '/v3/auth/tokens', {
    token: deleted,
    headers: { 'x-subject-token': deleted },
  });
  assert.equal(gone.status, 204);
  assert.equal(await validate(identity, deleted), 404);
  assert.equal(await validate(identity, other), 200);
  assert.equal((await identity.call('GET', '/v3/auth/projects', { token: deleted })).status, 401);

  const roles = await identity.call('GET', '/v3/roles?name=member', { token: admin });
  const grant = `/v3/projects/${project}/users/${id}/roles/${roles.body.roles[0].id}`;
  assert.equal((await identity.call('DELETE', grant, { token: admin })).status, 204);
  assert.equal(await validate(identity, other), 404);
  assert.equal((await identity.call('PUT', grant, { token: admin })).status, 204);
  assert.equal(await validate(identity, other), 200);

  const patch = async (user: object): Promise<number> =>
    (await identity.call('PATCH', `/v3/users/${id}`, { token: admin, body: { user } })).status;
  assert.equal(await patch({ enabled: false }), 200);
  assert.equal(await validate(identity, other), 404);
  assert.equal(await patch({ enabled: true }), 200);
  assert.equal(await validate(identity, other), 404, 'enabling does not bring tokens back');

  const third = await demo();
  assert.equal(await validate(identity, third), 200);
  const change = await identity.call('POST', `/v3/users/${id}/password`, {
    body: { user: { original_password: password, password: 'another one' } },
  });
  assert.equal(change.status, 204);
  assert.equal(await validate(identity, third), 404);
  assert.equal((await identity.authenticate(passwordOf('demo', password))).status, 401);

  const fourth = await identity.logIn('demo', 'another one', onProject('demo'));
  assert.equal(await validate(identity, fourth), 200, 'a token issued right after the change holds');
  identity.advance(3_601_000);
  assert.equal(await validate(identity, fourth), 404);
  assert.equal(await validate(identity, fourth, '?allow_expired=1'), 200);
});

test('a user sees its own token but not another one', async () => {
  await using identity = await startIdentity();
  const demo = await identity.logIn('demo', identity.passwords['demo'] ?? '', onProject('demo'));
  const admin = await identity.admin();
  const ask = async (subject: string): Promise<number> =>
    (
      await identity.call('GET', '/v3/auth/tokens?nocatalog', {
        token: demo,
        headers: { 'x-subject-token': subject },
      })
    ).status;
  assert.equal(await ask(demo), 200);
  assert.equal(await ask(admin), 403);
  assert.equal(await ask('nonsense'), 404);
  const own = await identity.logIn('demo', identity.passwords['demo'] ?? '');
  await identity.call('DELETE', '/v3/auth/tokens', { token: demo, headers: { 'x-subject-token': own } });
  assert.equal(await ask(own), 404, 'its own token, once revoked, is absent rather than forbidden');
});

test('lockout: a right password is refused until the time is over', async () => {
  await using identity = await startIdentity({
    security: { lockoutFailureAttempts: 2, lockoutDurationSeconds: 60 },
  });
  const password = identity.passwords['demo'] ?? '';
  const tryWith = async (text: string): Promise<number> =>
    (await identity.authenticate(passwordOf('demo', text))).status;
  assert.equal(await tryWith(password), 201);
  assert.equal(await tryWith('wrong'), 401);
  assert.equal(await tryWith('wrong'), 401);
  assert.equal(await tryWith(password), 401);
  identity.advance(61_000);
  assert.equal(await tryWith(password), 201);
});

test('password history, minimum of rules, and the wrong old password', async () => {
  await using identity = await startIdentity({
    security: { uniqueLastPasswordCount: 2, passwordRegex: '.{4,}' },
  });
  const first = identity.passwords['demo'] ?? '';
  const token = await identity.logIn('demo', first, 'unscoped');
  const me = await identity.call('GET', '/v3/auth/tokens', { token, headers: { 'x-subject-token': token } });
  const change = async (from: string, to: string): Promise<number> => {
    const url = `/v3/users/${me.body.token.user.id}/password`;
    const body = { user: { original_password: from, password: to } };
    return (await identity.call('POST', url, { body })).status;
  };
  assert.equal(await change('wrong', 'second'), 401);
  assert.equal(await change(first, 'abc'), 400);
  assert.equal(await change(first, 'second'), 204);
  assert.equal(await change('second', first), 400);
  assert.equal(await change('second', 'third'), 204);
  assert.equal(await change('third', first), 204);
});

test('tokens still open after a rotation of keys', async () => {
  await using identity = await startIdentity();
  const token = await identity.logIn('demo', identity.passwords['demo'] ?? '');
  identity.service.rotateTokenKeys();
  assert.equal(await validate(identity, token), 200);
});

test('an expired password tells so to who knows it, gives no token, and can be changed', async () => {
  await using identity = await startIdentity({ security: { changePasswordUponFirstUse: true } });
  const token = await identity.admin();
  const body = { user: { name: 'new', password: 'first' } };
  const { id } = (await identity.call('POST', '/v3/users', { token, body })).body.user;
  const right = await identity.authenticate(passwordOf('new', 'first'));
  assert.equal(right.status, 401);
  assert.match(right.body.error.message, /expired/);
  assert.doesNotMatch(
    (await identity.authenticate(passwordOf('new', 'wrong'))).body.error.message,
    /expired/,
  );
  const change = { user: { original_password: 'first', password: 'second' } };
  assert.equal((await identity.call('POST', `/v3/users/${id}/password`, { body: change })).status, 204);
  assert.equal((await identity.authenticate(passwordOf('new', 'second'))).status, 201);
});

test('a refused body is not shown again: it may hold a password', async () => {
  await using identity = await startIdentity();
  const auth = { identity: { methods: ['password'], password: { password: 'hunter2' } } };
  const answer = await identity.call('POST', '/v3/auth/tokens', { body: { auth } });
  assert.equal(answer.status, 400);
  assert.doesNotMatch(JSON.stringify(answer.body), /hunter2/);
});

test('a chain of tokens can be revoked as a whole, and revocations outlive a restart of the memory', async () => {
  await using identity = await startIdentity();
  const password = identity.passwords['demo'] ?? '';
  const first = await identity.logIn('demo', password, 'unscoped');
  const apart = await identity.logIn('demo', password, 'unscoped');
  const part = { methods: ['token'], token: { id: first } };
  const second = (await identity.authenticate(part, onProject('demo'))).headers['x-subject-token'] ?? '';
  const { deps } = identity.service;
  await deps.revocations.revokeChain(deps.tokens.read(second));
  assert.equal(await validate(identity, first), 404);
  assert.equal(await validate(identity, second), 404);
  assert.equal(await validate(identity, apart), 200);
  const again = new Revocations(deps.db, identity.bus, identity.clock, 1000 * 3600);
  await again.start(() => {});
  assert.ok(again.isRevoked(deps.tokens.read(first)));
  assert.ok(!again.isRevoked(deps.tokens.read(apart)));
  await again.close();
});

test('logins at once: a hundred right ones cost few hashes, and all succeed', async () => {
  await using identity = await startIdentity();
  const part = passwordOf('demo', identity.passwords['demo'] ?? '');
  const answers = await Promise.all(Array.from({ length: 100 }, async () => identity.authenticate(part)));
  assert.ok(answers.every((answer) => answer.status === 201));
  assert.equal(new Set(answers.map((answer) => answer.headers['x-subject-token'])).size, 100);
});
