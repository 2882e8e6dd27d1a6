import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Answer } from '#test/support/service-harness.ts';
import { onProject, passwordOf, startIdentity, type Identity } from '../testing/identity-harness.ts';
import { s3SignatureOf, signatureOf } from './signature.ts';

interface Keys {
  readonly access: string;
  readonly secret: string;
}

interface Stage {
  readonly identity: Identity;
  readonly admin: string;
  /** Of demo, on project demo. */
  readonly demo: string;
  readonly userId: string;
  readonly projectId: string;
  readonly adminId: string;
  readonly adminProject: string;
  readonly ec2: string;
  /** Makes an EC2 credential with a token. */
  readonly keys: (token: string) => Promise<Keys>;
  readonly exchange: (keys: Keys, token?: string, at?: number) => Promise<Answer>;
}

async function stageOf(identity: Identity): Promise<Stage> {
  const admin = await identity.admin();
  const demo = await identity.logIn('demo', identity.passwords['demo'] ?? '', onProject('demo'));
  const me = async (token: string): Promise<{ user: { id: string }; project: { id: string } }> =>
    (await identity.call('GET', '/v3/auth/tokens', { token, headers: { 'x-subject-token': token } })).body
      .token;
  const { user, project } = await me(demo);
  const ec2 = `/v3/users/${user.id}/credentials/OS-EC2`;
  return {
    identity,
    admin,
    demo,
    userId: user.id,
    projectId: project.id,
    adminId: (await me(admin)).user.id,
    adminProject: (await me(admin)).project.id,
    ec2,
    keys: async (token) => {
      const made = await identity.call('POST', ec2, { token, body: { tenant_id: project.id } });
      assert.equal(made.status, 201, JSON.stringify(made.body));
      return made.body.credential as Keys;
    },
    exchange: async (keys, token = admin, at = identity.clock.now()) => {
      const params = {
        AWSAccessKeyId: keys.access,
        Action: 'DescribeInstances',
        SignatureVersion: '2',
        Timestamp: new Date(at).toISOString(),
      };
      const request = { verb: 'GET', host: 'cloud.example:8788', path: '/', params, headers: {} };
      const signature = signatureOf({ ...request, bodyHash: '', host: 'cloud.example' }, keys.secret);
      const body = { credentials: { ...request, access: keys.access, signature } };
      return identity.call('POST', '/v3/ec2tokens', { token, body });
    },
  };
}

async function robot(stage: Stage, unrestricted: boolean): Promise<{ token: string; id: string }> {
  const { identity, demo, userId } = stage;
  const body = {
    application_credential: { name: `robot ${unrestricted}`, unrestricted, roles: [{ name: 'reader' }] },
  };
  const made = await identity.call('POST', `/v3/users/${userId}/application_credentials`, {
    token: demo,
    body,
  });
  const { id, secret } = made.body.application_credential as { id: string; secret: string };
  const part = { methods: ['application_credential'], application_credential: { id, secret } };
  const login = await identity.authenticate(part);
  return { id, token: login.headers['x-subject-token'] ?? '' };
}

test('a service exchanges a signed request for a token of who signed it', async () => {
  await using identity = await startIdentity();
  const { exchange, keys, demo, userId, projectId, admin } = await stageOf(identity);
  const made = await keys(demo);
  const answer = await exchange(made);
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  assert.equal(answer.body.token.user.id, userId);
  assert.equal(answer.body.token.project.id, projectId);
  assert.deepEqual(answer.body.token.methods, ['ec2credential']);
  const token = answer.headers['x-subject-token'] ?? '';
  assert.equal((await identity.call('GET', '/v3/auth/projects', { token })).status, 200);
  assert.equal((await exchange(made, demo)).status, 403, 'users may not ask');
  assert.equal((await identity.call('POST', '/v3/ec2tokens', { body: {} })).status, 401);
  assert.equal((await exchange({ ...made, secret: 'wrong' })).status, 401);
  assert.equal((await exchange({ ...made, access: 'none' })).status, 404);
  const now = identity.clock.now();
  assert.equal((await exchange(made, admin, now - 16 * 60_000)).status, 401, 'too old');
  assert.equal((await exchange(made, admin, now + 16 * 60_000)).status, 401, 'of a time to come');
  for (const [body, status] of [
    [{}, 400],
    [{ credentials: {} }, 401],
    [{ credentials: { access: made.access } }, 401],
    [{ credential: { access: made.access, signature: 'x' } }, 401],
    [{ ec2Credentials: { access: made.access, signature: 'x', params: { SignatureVersion: '2' } } }, 401],
    [{ credentials: { access: 7 } }, 400],
  ] as const) {
    assert.equal((await identity.call('POST', '/v3/ec2tokens', { token: admin, body })).status, status);
  }
  const text = 'GET\n\n\nFri, 02 Jan 2026 03:04:05 GMT\n/bucket/key';
  const s3 = async (signature: string | undefined): Promise<Answer> => {
    const token = Buffer.from(text).toString('base64url');
    const body = { credentials: { access: made.access, token, signature } };
    return identity.call('POST', '/v3/s3tokens', { token: admin, body });
  };
  const right = await s3(s3SignatureOf(Buffer.from(text), made.secret));
  assert.equal(right.body.token.user.id, userId);
  assert.equal(right.headers['x-subject-token'], undefined);
  assert.equal((await s3('wrong')).status, 401);
});

test('what an application credential makes stays bound to it', async () => {
  await using identity = await startIdentity();
  const stage = await stageOf(identity);
  const { exchange, keys, ec2, userId, projectId, adminProject, demo } = stage;
  const bound = await robot(stage, false);
  const free = await robot(stage, true);
  const blob = (more: object): string => JSON.stringify({ access: 'own', secret: 's', ...more });
  const make = async (token: string, more: object): Promise<Answer> =>
    identity.call('POST', '/v3/credentials', {
      token,
      body: { credential: { type: 'ec2', blob: blob({}), project_id: projectId, ...more } },
    });
  assert.equal((await make(bound.token, {})).status, 403, 'a restricted one makes none');
  assert.equal((await make(bound.token, { type: 'EC2' })).status, 403, 'by no spelling');
  assert.equal((await make(free.token, { project_id: adminProject })).status, 403, 'nor in another project');
  assert.equal((await make(free.token, { type: 'totp', project_id: null })).status, 403, 'nor in none');
  const chosen = { blob: blob({ app_cred_id: bound.id }) };
  assert.equal((await make(demo, chosen)).status, 400, 'nobody chooses what it is bound to');
  assert.equal((await make(free.token, chosen)).status, 400);
  const post = { token: bound.token, body: { tenant_id: projectId } };
  assert.equal((await identity.call('POST', ec2, post)).status, 403);

  const made = await make(free.token, {});
  assert.equal(JSON.parse(made.body.credential.blob as string).app_cred_id, free.id);
  const answer = await exchange({ access: 'own', secret: 's' });
  assert.equal(answer.body.token.application_credential.id, free.id);
  assert.deepEqual(
    answer.body.token.roles.map((role: { name: string }) => role.name),
    ['reader'],
    'no more than the application credential',
  );
  const url = `/v3/credentials/${made.body.credential.id}`;
  const patch = async (token: string, credential: object): Promise<number> =>
    (await identity.call('PATCH', url, { token, body: { credential } })).status;
  assert.equal(await patch(demo, { blob: blob({}) }), 400, 'it is not set free');
  assert.equal(await patch(demo, { type: 'cert' }), 400);
  for (const user_id of ['another', stage.adminId])
    for (const token of [demo, stage.admin])
      assert.equal(await patch(token, { user_id }), 400, 'it is nobody else’s, whoever wants it');
  assert.equal(await patch(stage.admin, { project_id: adminProject }), 400, 'nor of another project');
  assert.equal(await patch(demo, { user_id: userId, project_id: projectId }), 200, 'what is so may be said');
  assert.equal(await patch(free.token, { project_id: adminProject }), 403);
  assert.equal(await patch(demo, { blob: blob({ secret: 'new', app_cred_id: free.id }) }), 200);
  assert.equal((await exchange({ access: 'own', secret: 'new' })).status, 200);

  const totp = { credential: { type: 'totp', blob: 'GEZDGNBVGY3TQOJQ' } };
  const mine = (await identity.call('POST', '/v3/credentials', { token: demo, body: totp })).body.credential;
  const seen = await identity.call('GET', '/v3/credentials', { token: free.token });
  assert.deepEqual(
    seen.body.credentials.map((each: { type: string }) => each.type),
    ['ec2'],
  );
  for (const method of ['GET', 'DELETE']) {
    assert.equal(
      (await identity.call(method, `/v3/credentials/${mine.id}`, { token: free.token })).status,
      403,
    );
  }
  const plain = await keys(demo);
  assert.equal((await identity.call('DELETE', `${ec2}/${plain.access}`, { token: bound.token })).status, 403);
  const application = `/v3/users/${userId}/application_credentials/${free.id}`;
  assert.equal((await identity.call('DELETE', application, { token: demo })).status, 204);
  assert.equal((await exchange({ access: 'own', secret: 'new' })).status, 401);
});

test('what a trust makes stays bound to it, and a foreign trust gives nothing', async () => {
  await using identity = await startIdentity();
  const stage = await stageOf(identity);
  const { exchange, demo, admin, userId, projectId, ec2, adminProject } = stage;
  const bob = await identity.call('POST', '/v3/users', {
    token: admin,
    body: { user: { name: 'bob', password: 'pw' } },
  });
  const given = await identity.call('POST', '/v3/OS-TRUST/trusts', {
    token: demo,
    body: {
      trust: {
        trustor_user_id: userId,
        trustee_user_id: bob.body.user.id,
        impersonation: true,
        project_id: projectId,
        roles: [{ name: 'reader' }],
      },
    },
  });
  const { id } = given.body.trust as { id: string };
  const login = await identity.authenticate(passwordOf('bob', 'pw'), { 'OS-TRUST:trust': { id } });
  const token = login.headers['x-subject-token'] ?? '';
  const made = await identity.call('POST', ec2, { token, body: { tenant_id: projectId } });
  assert.equal(made.body.credential.trust_id, id);
  const beyond = await identity.call('POST', ec2, { token, body: { tenant_id: adminProject } });
  assert.equal(beyond.status, 403);
  const answer = await exchange(made.body.credential as Keys);
  assert.equal(answer.body.token['OS-TRUST:trust'].id, id);
  assert.equal(answer.body.token.user.id, userId);
  assert.deepEqual(
    answer.body.token.roles.map((role: { name: string }) => role.name),
    ['reader'],
  );
  const blob = JSON.stringify({ access: 'a', secret: 's', trust_id: id });
  const body = { credential: { type: 'ec2', blob, project_id: projectId } };
  assert.equal((await identity.call('POST', '/v3/credentials', { token: admin, body })).status, 400);
  await identity.call('DELETE', `/v3/OS-TRUST/trusts/${id}`, { token: demo });
  assert.equal((await exchange(made.body.credential as Keys)).status, 401);
});
