import assert from 'node:assert/strict';
import { createHmac, randomUUID } from 'node:crypto';
import { test } from 'node:test';
import type { Answer } from '#test/support/service-harness.ts';
import { onProject, startIdentity, type Identity } from '../testing/identity-harness.ts';
import { ENGINES, urlOf } from '#test/support/engines.ts';
import { baseString } from './signature.ts';
import { SeenRequests } from './verify.ts';

interface Key {
  readonly id: string;
  readonly secret: string;
}

interface Stage {
  readonly identity: Identity;
  readonly admin: string;
  readonly adminId: string;
  readonly project: string;
  readonly consumer: Key;
  /** A signed request: of the consumer alone, or with a token of it. */
  readonly signed: (path: string, token?: Key, more?: object, body?: unknown) => Promise<Answer>;
  readonly logIn: (token: Key, scope?: unknown) => Promise<Answer>;
  readonly requestToken: () => Promise<Key>;
  readonly accessToken: (roles: readonly object[]) => Promise<Key>;
}

const OAUTH = '/v3/OS-OAUTH1';
const HOST = 'cloud.example';

/** Of a form `oauth_token=…&oauth_token_secret=…`. */
function keyIn(answer: Answer): Key {
  assert.equal(answer.status, 201, JSON.stringify(answer.body));
  const form = new URLSearchParams(answer.body as string);
  return { id: form.get('oauth_token') ?? '', secret: form.get('oauth_token_secret') ?? '' };
}

function headerOf(clock: number, path: string, consumer: Key, token: Key | undefined, more: object): string {
  const parameters = {
    oauth_consumer_key: consumer.id,
    oauth_nonce: randomUUID(),
    oauth_signature_method: 'HMAC-SHA1',
    oauth_timestamp: String(Math.floor(clock / 1000)),
    oauth_version: '1.0',
    ...(token ? { oauth_token: token.id } : {}),
    ...more,
  };
  const url = `http://${HOST}/identity${path}`;
  const text = baseString({ method: 'POST', url, query: new URLSearchParams(), parameters });
  const signature = createHmac('sha1', `${consumer.secret}&${token?.secret ?? ''}`)
    .update(text)
    .digest('base64');
  const all = Object.entries({ ...parameters, oauth_signature: signature });
  return `OAuth ${all.map(([name, value]) => `${name}="${encodeURIComponent(String(value))}"`).join(', ')}`;
}

async function stageOf(identity: Identity): Promise<Stage> {
  const admin = await identity.admin();
  const me = (
    await identity.call('GET', '/v3/auth/tokens', { token: admin, headers: { 'x-subject-token': admin } })
  ).body.token;
  const project = me.project.id as string;
  const made = await identity.call('POST', `${OAUTH}/consumers`, {
    token: admin,
    body: { consumer: { description: 'a' } },
  });
  const consumer = made.body.consumer as Key;
  const signed: Stage['signed'] = async (path, token, more = {}, body) =>
    identity.call('POST', path, {
      headers: {
        host: HOST,
        authorization: headerOf(identity.clock.now(), path, consumer, token, more),
        'requested-project-id': project,
      },
      ...(body === undefined ? {} : { body }),
    });
  const requestToken = async (): Promise<Key> => keyIn(await signed(`${OAUTH}/request_token`));
  return {
    identity,
    admin,
    adminId: me.user.id,
    project,
    consumer,
    signed,
    requestToken,
    logIn: async (token, scope) =>
      signed(
        '/v3/auth/tokens',
        token,
        {},
        {
          auth: { identity: { methods: ['oauth1'], oauth1: {} }, ...(scope === undefined ? {} : { scope }) },
        },
      ),
    accessToken: async (roles) => {
      const asked = await requestToken();
      const path = `${OAUTH}/authorize/${asked.id}`;
      const authorized = await identity.call('PUT', path, { token: admin, body: { roles } });
      assert.equal(authorized.status, 200, JSON.stringify(authorized.body));
      const { oauth_verifier } = authorized.body.token;
      return keyIn(await signed(`${OAUTH}/access_token`, asked, { oauth_verifier }));
    },
  };
}

test('consumers: made with a secret that is shown once, changed, listed, removed', async () => {
  await using identity = await startIdentity();
  const { admin, consumer } = await stageOf(identity);
  const url = `${OAUTH}/consumers/${consumer.id}`;
  assert.match(consumer.secret, /^[0-9a-f]{32}$/);
  const shown = (await identity.call('GET', url, { token: admin })).body.consumer;
  assert.equal(shown.secret, undefined);
  const patch = async (body: object): Promise<Answer> =>
    identity.call('PATCH', url, { token: admin, body: { consumer: body } });
  assert.equal((await patch({ description: 'b', more: 1 })).body.consumer.more, 1);
  assert.equal((await patch({ secret: 'x' })).status, 400);
  assert.equal((await patch({})).status, 400);
  const rows = await identity.service.deps.db.kysely.selectFrom('oauth_consumers').selectAll().execute();
  assert.ok(!JSON.stringify(rows).includes(consumer.secret));
  const demo = await identity.logIn('demo', identity.passwords['demo'] ?? '', onProject('demo'));
  assert.equal((await identity.call('GET', url, { token: demo })).status, 403);
  assert.equal((await identity.call('GET', `${OAUTH}/consumers`, { token: admin })).body.consumers.length, 1);
  assert.equal((await identity.call('DELETE', url, { token: admin })).status, 204);
  assert.equal((await identity.call('GET', url, { token: admin })).status, 404);
});

test('a consumer comes to an access token, and with it to tokens with the roles it was given', async () => {
  await using identity = await startIdentity();
  const stage = await stageOf(identity);
  const { accessToken, logIn, admin, adminId, project, consumer } = stage;
  const access = await accessToken([{ name: 'reader' }]);
  const login = await logIn(access);
  assert.equal(login.status, 201, JSON.stringify(login.body));
  const said = login.body.token;
  assert.deepEqual(said['OS-OAUTH1'], { access_token_id: access.id, consumer_id: consumer.id });
  assert.equal(said.user.id, adminId);
  assert.equal(said.project.id, project);
  assert.deepEqual(said.methods, ['oauth1']);
  assert.deepEqual(
    said.roles.map((role: { name: string }) => role.name),
    ['reader'],
  );
  const token = login.headers['x-subject-token'] ?? '';
  const again = await identity.authenticate({ methods: ['token'], token: { id: token } }, onProject('admin'));
  assert.equal(again.status, 403, 'no other token from it');
  const trust = {
    trustor_user_id: adminId,
    trustee_user_id: adminId,
    impersonation: true,
    project_id: project,
    roles: [{ name: 'reader' }],
  };
  assert.equal((await identity.call('POST', '/v3/OS-TRUST/trusts', { token, body: { trust } })).status, 403);
  const url = `/v3/users/${adminId}/OS-OAUTH1/access_tokens`;
  assert.equal((await identity.call('GET', url, { token })).status, 403);
  const listed = (await identity.call('GET', url, { token: admin })).body.access_tokens;
  assert.equal(listed[0].id, access.id);
  assert.ok(!JSON.stringify(listed).includes(access.secret));
  const one = `${url}/${access.id}`;
  assert.equal((await identity.call('GET', one, { token: admin })).body.access_token.project_id, project);
  const roles = (await identity.call('GET', `${one}/roles`, { token: admin })).body.roles as Array<{
    id: string;
  }>;
  assert.equal((await identity.call('GET', `${one}/roles/${roles[0]?.id}`, { token: admin })).status, 200);
  assert.equal((await identity.call('GET', `${one}/roles/none`, { token: admin })).status, 404);
  assert.equal(
    (await identity.call('GET', `/v3/users/none/OS-OAUTH1/access_tokens/${access.id}`, { token: admin }))
      .status,
    404,
  );
  assert.equal((await identity.call('DELETE', one, { token: admin })).status, 204);
  assert.equal(
    (await identity.call('GET', '/v3/auth/projects', { token })).status,
    401,
    'it ends with the access token',
  );
  assert.equal((await logIn(access)).status, 401);
});

test('requests that are not signed rightly, lately and for the first time are refused', async () => {
  await using identity = await startIdentity();
  const { signed, requestToken, accessToken, logIn, admin, consumer, project } = await stageOf(identity);
  const path = `${OAUTH}/request_token`;
  const old = { oauth_timestamp: String(Math.floor(identity.clock.now() / 1000) - 700) };
  assert.equal((await signed(path, undefined, old)).status, 401);
  assert.equal((await signed(path, undefined, { oauth_consumer_key: 'none' })).status, 401);
  assert.equal((await signed(path, undefined, { oauth_version: '2.0' })).status, 401);
  assert.equal((await signed(path, undefined, { oauth_signature_method: 'PLAINTEXT' })).status, 401);
  assert.equal((await identity.call('POST', path)).status, 400);
  const header = headerOf(identity.clock.now(), path, consumer, undefined, {});
  const send = async (projectId?: string): Promise<number> => {
    const headers = {
      host: HOST,
      authorization: header,
      ...(projectId === undefined ? {} : { 'requested-project-id': projectId }),
    };
    return (await identity.call('POST', path, { headers })).status;
  };
  assert.equal(await send(), 400);
  assert.equal(await send(project), 201);
  assert.equal(await send(project), 401, 'the same again');

  const asked = await requestToken();
  const exchange = async (oauth_verifier: string): Promise<number> =>
    (await signed(`${OAUTH}/access_token`, asked, { oauth_verifier })).status;
  assert.equal(await exchange('x'), 401, 'not authorized yet');
  const authorize = async (id: string, roles: unknown, token = admin): Promise<Answer> =>
    identity.call('PUT', `${OAUTH}/authorize/${id}`, { token, body: { roles } });
  const demo = await identity.logIn('demo', identity.passwords['demo'] ?? '', onProject('demo'));
  assert.equal((await authorize(asked.id, [], demo)).status, 403);
  assert.equal((await authorize('none', [])).status, 404);
  assert.equal((await authorize(asked.id, [{ name: 'service' }])).status, 401, 'no role of the user');
  assert.equal((await authorize(asked.id, [{ name: 'none' }])).status, 404);
  const { oauth_verifier: verifier } = (await authorize(asked.id, [{ name: 'member' }])).body.token;
  assert.equal(await exchange('wrong'), 401);
  assert.equal(await exchange(verifier as string), 201);
  assert.equal(await exchange(verifier as string), 401, 'a request token is used once');

  const access = await accessToken([{ name: 'member' }]);
  assert.equal((await logIn({ ...access, secret: 'wrong' })).status, 401);
  assert.equal((await identity.authenticate({ methods: ['oauth1'], oauth1: {} })).status, 400);
  assert.equal((await identity.authenticate({ methods: ['oauth1'] })).status, 400);
  identity.advance(86_400_000);
  assert.equal((await logIn(access)).status, 401, 'expired');
});

test('what an access token makes stays bound to it', async () => {
  await using identity = await startIdentity();
  const { accessToken, logIn, adminId, project } = await stageOf(identity);
  const access = await accessToken([{ name: 'member' }]);
  const token = (await logIn(access)).headers['x-subject-token'] ?? '';
  const url = `/v3/users/${adminId}/credentials/OS-EC2`;
  const made = await identity.call('POST', url, { token, body: { tenant_id: project } });
  assert.equal(made.status, 201);
  const blobs = (await identity.call('GET', '/v3/credentials', { token })).body.credentials;
  assert.equal(JSON.parse(blobs[0].blob as string).access_token_id, access.id);
  const body = { application_credential: { name: 'x' } };
  const other = await identity.call('POST', `/v3/users/${adminId}/application_credentials`, { token, body });
  assert.equal(other.status, 403);
});

for (const engine of ENGINES)
  test(`a signed request counts once for all processes of ${engine}, as long as its time could pass`, async () => {
    await using identity = await startIdentity({}, await urlOf(engine));
    const { db } = identity.service.deps;
    const request = { oauth_consumer_key: 'c', oauth_timestamp: '1', oauth_nonce: 'n' };
    const isNew = async (more = {}): Promise<boolean> =>
      new SeenRequests(identity.clock, db).isNew({ ...request, ...more });
    const at = await Promise.all([1, 2, 3, 4].map(async () => isNew()));
    assert.deepEqual(at.filter(Boolean), [true]);
    assert.equal(await isNew({ oauth_nonce: 'm' }), true);
    assert.equal(await isNew({ oauth_token: 't' }), true);
    identity.advance(1_199_000);
    assert.equal(await isNew(), false);
    identity.advance(2000);
    assert.equal(await isNew({ oauth_nonce: 'new' }), true);
    const left = await db.kysely.selectFrom('oauth_requests').select('digest').execute();
    assert.equal(left.length, 1, 'what is over is forgotten');
  });
