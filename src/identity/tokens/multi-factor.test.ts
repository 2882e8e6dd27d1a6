import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Answer } from '#test/support/service-harness.ts';
import { onProject, passwordOf, startIdentity } from '../testing/identity-harness.ts';
import { ENGINES, urlOf } from '#test/support/engines.ts';
import { Passcodes, passcodeAt, secretOf } from './totp.ts';

const SECRET = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ';

test('passcodes are those of the standard', () => {
  const secret = secretOf(SECRET);
  assert.equal(secret?.toString(), '12345678901234567890');
  for (const [seconds, passcode] of [
    [59, '287082'],
    [1_111_111_109, '081804'],
    [1_234_567_890, '005924'],
    [20_000_000_000, '353130'],
  ] as const) {
    assert.equal(passcodeAt(secret ?? Buffer.alloc(0), Math.floor(seconds / 30)), passcode);
  }
  assert.equal(secretOf('mzxw6==='.toUpperCase())?.toString(), 'foo');
  for (const bad of ['', '====', 'A', '1', 'a b']) assert.equal(secretOf(bad), undefined, bad);
});

test('a passcode logs in, once, and not many may be tried', async () => {
  await using identity = await startIdentity();
  const demo = await identity.logIn('demo', identity.passwords['demo'] ?? '', onProject('demo'));
  const login = async (passcode: string, name = 'demo'): Promise<number> =>
    (
      await identity.authenticate({
        methods: ['totp'],
        totp: { user: { name, domain: { id: 'default' }, passcode } },
      })
    ).status;
  const passcode = (): string =>
    passcodeAt(secretOf(SECRET) ?? Buffer.alloc(0), Math.floor(identity.clock.now() / 30_000));
  assert.equal(await login(passcode()), 401, 'without a secret');
  const body = { credential: { type: 'totp', blob: SECRET } };
  assert.equal((await identity.call('POST', '/v3/credentials', { token: demo, body })).status, 201);
  identity.advance(30_000 - (identity.clock.now() % 30_000)); // at the beginning of a step
  assert.equal(await login('000000'), 401);
  assert.equal(await login(passcode(), 'nobody'), 401);
  assert.equal(await login(passcode()), 201);
  assert.equal(await login(passcode()), 401, 'the same again');
  identity.advance(30_000);
  const late = passcode();
  identity.advance(30_000);
  assert.equal(await login(late), 201, 'typed late');
  assert.equal(await login(passcode()), 201);
  identity.advance(30_000);
  for (let i = 0; i < 5; i++) assert.equal(await login('000000'), 401);
  assert.equal(await login(passcode()), 401, 'too many wrong ones in this step');
  identity.advance(60_000);
  assert.equal(await login(passcode()), 201);
  const missing = await identity.authenticate({ methods: ['totp'], totp: { user: { name: 'demo' } } });
  assert.equal(missing.status, 400);
});

for (const engine of ENGINES)
  test(`a passcode is taken once by all processes of ${engine}, and too many tries count for all`, async () => {
    await using identity = await startIdentity({}, await urlOf(engine));
    identity.advance(30_000 - (identity.clock.now() % 30_000));
    const { clock } = identity;
    const { db } = identity.service.deps;
    const secret = secretOf(SECRET) ?? Buffer.alloc(0);
    const now = (): number => Math.floor(clock.now() / 30_000);
    const take = async (passcode: string, user = 'u'): Promise<boolean> =>
      new Passcodes(clock, db).take(user, new Map([[`of ${user}`, SECRET]]), passcode);
    const at = passcodeAt(secret, now());
    const taken = await Promise.all([at, at, at, at].map(async (each) => take(each)));
    assert.deepEqual(taken.filter(Boolean), [true]);
    assert.equal(await take(passcodeAt(secret, now() - 1)), false, 'an earlier one than was taken');
    for (let i = 0; i < 5; i++) assert.equal(await take('000000', 'other'), false);
    assert.equal(await take(at, 'other'), false, 'too many wrong ones in this step');
    identity.advance(90_000);
    assert.equal(await take(passcodeAt(secret, now())), true);
    const rows = await db.kysely.selectFrom('passcode_tries').select('user_id').execute();
    assert.deepEqual(rows, [{ user_id: 'u' }], 'what is over is forgotten');
  });

test('rules ask for several methods, at once or one after the other with a receipt', async () => {
  await using identity = await startIdentity();
  const password = identity.passwords['demo'] ?? '';
  const demo = await identity.logIn('demo', password, onProject('demo'));
  const admin = await identity.admin();
  const body = { credential: { type: 'totp', blob: SECRET } };
  await identity.call('POST', '/v3/credentials', { token: demo, body });
  const [user] = (await identity.call('GET', '/v3/users?name=demo', { token: admin })).body.users;
  const set = async (options: object): Promise<number> =>
    (await identity.call('PATCH', `/v3/users/${user.id}`, { token: admin, body: { user: { options } } }))
      .status;
  assert.equal(await set({ multi_factor_auth_rules: [[]] }), 400);
  assert.equal(await set({ multi_factor_auth_rules: [['password', 'password']] }), 400);
  assert.equal(
    await set({
      multi_factor_auth_rules: [
        ['password', 'totp'],
        ['oauth1', 'none'],
      ],
    }),
    200,
  );
  const byPassword = { ...(passwordOf('demo', password) as { methods: string[] }) };
  const passcode = (): object => ({
    totp: {
      user: {
        id: user.id,
        passcode: passcodeAt(secretOf(SECRET) ?? Buffer.alloc(0), Math.floor(identity.clock.now() / 30_000)),
      },
    },
  });
  const both = { ...byPassword, ...passcode(), methods: ['password', 'totp'] };
  const whole = await identity.authenticate(both, onProject('demo'));
  assert.equal(whole.status, 201);
  assert.deepEqual(whole.body.token.methods, ['password', 'totp']);
  const again = { methods: ['token'], token: { id: whole.headers['x-subject-token'] } };
  assert.equal(
    (await identity.authenticate(again, onProject('demo'))).status,
    201,
    'what was proven stays so',
  );

  identity.advance(60_000);
  const half = await identity.authenticate(byPassword, onProject('demo'));
  assert.equal(half.status, 401);
  assert.deepEqual(half.body.receipt.methods, ['password']);
  assert.equal(half.body.receipt.user.id, user.id);
  assert.deepEqual(half.body.required_auth_methods, [['password', 'totp']]);
  const receipt = half.headers['openstack-auth-receipt'] ?? '';
  const finish = async (part: object, header = receipt): Promise<Answer> =>
    identity.call('POST', '/v3/auth/tokens', {
      headers: { 'openstack-auth-receipt': header },
      body: { auth: { identity: part, scope: onProject('demo') } },
    });
  assert.equal((await finish(byPassword)).status, 401, 'the same half again');
  const other = passwordOf('admin', 'the admin password') as object;
  assert.equal((await finish(other)).status, 401, "another user's receipt");
  assert.equal((await finish({ methods: ['totp'], ...passcode() }, 'gAAAAA')).status, 401);
  const done = await finish({ methods: ['totp'], ...passcode() });
  assert.equal(done.status, 201);
  assert.deepEqual(done.body.token.methods, ['password', 'totp']);
  assert.equal(
    (await identity.call('GET', '/v3/auth/projects', { token: receipt })).status,
    401,
    'a receipt is no token',
  );
  identity.advance(301_000);
  assert.equal((await finish({ methods: ['totp'], ...passcode() })).status, 401, 'expired');
  assert.equal(await set({ multi_factor_auth_enabled: false }), 200);
  assert.equal((await identity.authenticate(byPassword, onProject('demo'))).status, 201);
});

test('events of revocation, and what is gone', async () => {
  await using identity = await startIdentity();
  const admin = await identity.admin();
  const demo = await identity.logIn('demo', identity.passwords['demo'] ?? '', onProject('demo'));
  const events = async (query = ''): Promise<Answer> =>
    identity.call('GET', `/v3/OS-REVOKE/events${query}`, { token: admin });
  assert.deepEqual((await events()).body.events, []);
  await identity.call('DELETE', '/v3/auth/tokens', { token: demo, headers: { 'x-subject-token': demo } });
  const [event] = (await events()).body.events;
  assert.equal(typeof event.audit_id, 'string');
  assert.deepEqual((await events('?since=2999-01-01T00:00:00Z')).body.events, []);
  assert.equal((await events('?since=x')).status, 400);
  const other = await identity.logIn('demo', identity.passwords['demo'] ?? '', onProject('demo'));
  assert.equal((await identity.call('GET', '/v3/OS-REVOKE/events', { token: other })).status, 403);
  for (const [path, status] of [
    ['OS-SIMPLE-CERT/ca', 410],
    ['OS-SIMPLE-CERT/certificates', 410],
    ['auth/tokens/OS-PKI/revoked', 403],
  ] as const) {
    assert.equal((await identity.call('GET', `/v3/${path}`)).status, status);
  }
});
