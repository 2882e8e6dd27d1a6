// Tokens of the wrong scope, and application credentials that are restricted, end to end.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { LATEST, untilStatus } from './belongings.ts';
import { logIn, type Scope } from './callers.ts';
import type { Outcome } from './client.ts';
import { faultOf } from './faults.ts';
import { setStage, type Stage } from './stage.ts';

let stage: Stage;
before(async () => void (stage = await setStage()));
after(async () => stage?.[Symbol.asyncDispose]());

const send = async (method: string, path: string, token: string, body?: unknown): Promise<Outcome> =>
  stage.client.send({ method, path, token, body, headers: path.startsWith('/compute') ? LATEST : {} });

const REFUSALS: readonly number[] = [400, 401, 403, 404, 405, 410];

/** What projects own: not to be listed with a token that names none. */
const OF_PROJECTS = [
  '/compute/v2.1/servers',
  '/compute/v2.1/servers/detail',
  '/compute/v2.1/os-server-groups',
  '/network/v2.0/ports',
  '/network/v2.0/networks',
  '/network/v2.0/security-groups',
  '/network/v2.0/floatingips',
  '/image/v2/images',
];

describe('a token of another scope than a project', () => {
  const scoped = async (scope: Scope | undefined): Promise<string> => {
    const { userId, password } = stage.callers.alice;
    return logIn(stage.client, { id: userId, password }, scope);
  };

  test('unscoped: sees nothing of any project, and makes nothing', async () => {
    const token = await scoped('unscoped');
    for (const path of OF_PROJECTS) {
      const { status, text } = await send('GET', path, token);
      for (const id of [stage.ids['server'], stage.ids['port'], stage.ids['network'], stage.ids['image']])
        assert.ok(!text.includes(String(id)), `${path}: ${status} ${text}`);
    }
    const before = stage.state.rows();
    for (const target of stage.targets.filter(({ service, writes }) => writes && service !== 'identity')) {
      if (target.name.includes('os-keypairs')) continue; // the user's own, whatever the scope
      const { method, path, headers, body } = target;
      const outcome = await stage.client.send({ method, path, headers, body, token });
      assert.ok(REFUSALS.includes(outcome.status), `${target.name}: ${outcome.status} ${outcome.text}`);
      assert.equal(faultOf(target, outcome), undefined, target.name);
    }
    assert.deepEqual(stage.state.changesSince(before), []);
  });

  test('domain-scoped: as little, also for the domain’s administrator', async () => {
    const { admin, alice, roles } = stage.callers;
    const path = `/identity/v3/domains/default/users/${alice.userId}/roles/${roles['member']}`;
    await stage.client.ok({ method: 'PUT', path, token: admin });
    const token = await scoped({ domain: { id: 'default' } });
    const before = stage.state.rows();
    for (const path of OF_PROJECTS) {
      const { text } = await send('GET', path, token);
      assert.ok(
        !text.includes(String(stage.ids['server'])) && !text.includes(String(stage.ids['port'])),
        path,
      );
    }
    for (const target of stage.targets.filter(({ service, writes }) => writes && service !== 'identity')) {
      if (target.name.includes('os-keypairs')) continue;
      const { method, headers, body } = target;
      const outcome = await stage.client.send({ method, path: target.path, headers, body, token });
      assert.ok(REFUSALS.includes(outcome.status), `${target.name}: ${outcome.status} ${outcome.text}`);
      assert.equal(faultOf(target, outcome), undefined, target.name);
    }
    assert.deepEqual(stage.state.changesSince(before), []);
    await stage.client.ok({ method: 'DELETE', path, token: admin });
  });

  test('on the system, as a reader: writes nothing anywhere', async () => {
    const { admin, rita, roles } = stage.callers;
    const path = `/identity/v3/system/users/${rita.userId}/roles/${roles['reader']}`;
    await stage.client.ok({ method: 'PUT', path, token: admin });
    const token = await logIn(
      stage.client,
      { id: rita.userId, password: rita.password },
      { system: { all: true } },
    );
    const before = stage.state.rows();
    for (const target of stage.targets.filter(({ writes, auth }) => writes && auth === 'token')) {
      if (/os-keypairs|os-show_image_metadata/.test(target.name)) continue; // the user's own; an action that only shows
      const { method, headers, body } = target;
      const outcome = await stage.client.send({ method, path: target.path, headers, body, token });
      assert.ok(REFUSALS.includes(outcome.status), `${target.name}: ${outcome.status} ${outcome.text}`);
      assert.equal(faultOf(target, outcome), undefined, target.name);
    }
    assert.deepEqual(stage.state.changesSince(before), []);
    await stage.client.ok({ method: 'DELETE', path, token: admin });
  });

  test('whatever it is, each route answers: as it does others, or refuses in its own words', async () => {
    const complaints: string[] = [];
    const tokens = { unscoped: await scoped('unscoped') };
    for (const [what, token] of Object.entries(tokens))
      for (const target of stage.targets.filter(({ method }) => method === 'GET')) {
        const { method, headers, path } = target;
        const outcome = await stage.client.send({ method, path, headers, token });
        const wrong = outcome.status >= 500 ? outcome.text : faultOf(target, outcome);
        if (wrong !== undefined) complaints.push(`${what}: ${target.name}: ${wrong}`);
      }
    assert.deepEqual(complaints, []);
  });

  test('of a scope in which the user has no role: none is given', async () => {
    for (const scope of [
      { system: { all: true } },
      { domain: { id: 'default' } },
      { project: { id: stage.callers.projectB } },
      { project: { id: '../../admin' } },
      { project: { name: 'admin', domain: { id: 'default' } } },
    ])
      await assert.rejects(scoped(scope), /no token: 401/, JSON.stringify(scope));
  });

  test('a project’s token is not turned into one of another project', async () => {
    const outcome = await stage.client.send({
      method: 'POST',
      path: '/identity/v3/auth/tokens',
      body: {
        auth: {
          identity: { methods: ['token'], token: { id: stage.callers.alice.token } },
          scope: { project: { id: stage.callers.projectB } },
        },
      },
    });
    assert.equal(outcome.status, 401, outcome.text);
  });
});

describe('a restricted application credential', () => {
  let token: string;
  let credential: { id: string; secret: string };

  before(async () => {
    const { alice } = stage.callers;
    const rule = (method: string, path: string): object => ({ service: 'compute', method, path });
    const made = await stage.client.ok({
      method: 'POST',
      path: `/identity/v3/users/${alice.userId}/application_credentials`,
      token: alice.token,
      body: {
        application_credential: {
          name: 'launcher',
          access_rules: [
            rule('POST', '/v2.1/servers'),
            rule('GET', '/v2.1/servers/*'),
            rule('GET', '/v2.1/flavors'),
            rule('POST', '/v2.1/servers/*/action'),
          ],
        },
      },
    });
    credential = made['application_credential'] as typeof credential;
    token = await enter(credential);
  });

  async function enter({ id, secret }: typeof credential): Promise<string> {
    const outcome = await stage.client.send({
      method: 'POST',
      path: '/identity/v3/auth/tokens',
      body: {
        auth: { identity: { methods: ['application_credential'], application_credential: { id, secret } } },
      },
    });
    const text = outcome.headers['x-subject-token'];
    if (typeof text !== 'string') throw new Error(`no token: ${outcome.status} ${outcome.text}`);
    return text;
  }

  test('launches a server, since compute may ask network and image on its behalf', async () => {
    const images = await stage.client.ok({
      method: 'GET',
      path: '/image/v2/images?name=pileus-demo',
      token: stage.callers.alice.token,
    });
    const [image] = images['images'] as unknown as Array<{ id: string }>;
    const { status, json, text } = await send('POST', '/compute/v2.1/servers', token, {
      server: {
        name: 'by-rules',
        imageRef: image?.id,
        flavorRef: '42',
        networks: [{ uuid: stage.ids['network'] }],
        security_groups: [{ name: 'a-group' }],
      },
    });
    assert.equal(status, 202, text);
    const { id } = (json as { server: { id: string } }).server;
    await untilStatus(stage.client, token, id, 'ACTIVE');
    const group = { addSecurityGroup: { name: 'default' } };
    assert.equal((await send('POST', `/compute/v2.1/servers/${id}/action`, token, group)).status, 202);
  });

  test('does nothing else, however the address is written', async () => {
    const { alice } = stage.callers;
    const server = String(stage.ids['server']);
    for (const [method, path] of [
      ['GET', '/compute/v2.1/servers'],
      ['GET', '/compute/v2.1/servers/detail/'],
      ['DELETE', `/compute/v2.1/servers/${server}`],
      ['HEAD', '/compute/v2.1/os-keypairs'],
      ['GET', '/compute/v2.1/os-keypairs'],
      ['GET', `/compute/v2.1/servers/${server}/os-interface`],
      ['GET', '/compute/v2%2e1/servers'],
      ['GET', '/network/v2.0/networks'],
      ['GET', '/image/v2/images'],
      ['GET', '/placement/resource_providers'],
      ['GET', '/identity/v3/auth/projects'],
      ['GET', `/identity/v3/users/${alice.userId}/application_credentials`],
      ['POST', '/compute/v2.1/servers/../os-keypairs'],
    ] as const) {
      const { status, text } = await send(method, path, token);
      assert.ok([401, 404].includes(status), `${method} ${path}: ${status} ${text}`);
      assert.ok(!text.includes('a-key') && !text.includes('a-server'), text);
    }
  });

  test('is not widened by a service token that is none', async () => {
    for (const forged of ['garbage', token, stage.callers.alice.token, stage.callers.admin, '']) {
      const outcome = await stage.client.send({
        method: 'GET',
        path: '/network/v2.0/networks',
        token,
        headers: { 'x-service-token': forged },
      });
      assert.equal(outcome.status, 401, outcome.text);
    }
  });

  test('makes no further credentials, and no token of another form', async () => {
    const { alice } = stage.callers;
    const path = `/identity/v3/users/${alice.userId}/application_credentials`;
    const outcome = await send('POST', path, token, { application_credential: { name: 'child' } });
    assert.ok([401, 403].includes(outcome.status), outcome.text);
    const rescoped = await stage.client.send({
      method: 'POST',
      path: '/identity/v3/auth/tokens',
      body: {
        auth: {
          identity: { methods: ['token'], token: { id: token } },
          scope: { project: { id: stage.callers.projectA } },
        },
      },
    });
    if (rescoped.status === 201) {
      const widened = String(rescoped.headers['x-subject-token']);
      assert.equal((await send('GET', '/network/v2.0/networks', widened)).status, 401);
    } else assert.ok([401, 403].includes(rescoped.status), rescoped.text);
  });

  test('ends with its deletion, at once', async () => {
    const { alice } = stage.callers;
    const path = `/identity/v3/users/${alice.userId}/application_credentials/${credential.id}`;
    await stage.client.ok({ method: 'DELETE', path, token: alice.token });
    assert.equal((await send('GET', '/compute/v2.1/flavors', token)).status, 401);
    await assert.rejects(enter(credential), /no token: 401/);
  });
});

test('a member without roles on the system cannot act for it by headers of old middleware', async () => {
  const headers = {
    'x-roles': 'admin,service',
    'x-project-id': stage.callers.projectA,
    'x-user-id': stage.callers.alice.userId,
    'x-identity-status': 'Confirmed',
    'x-is-admin-project': 'True',
    'openstack-system-scope': 'all',
  };
  const { token } = stage.callers.bob;
  const outcome = await stage.client.send({
    method: 'GET',
    path: `/compute/v2.1/servers/${stage.ids['server']}`,
    token,
    headers,
  });
  assert.equal(outcome.status, 404, outcome.text);
  const none = await stage.client.send({ method: 'GET', path: '/compute/v2.1/servers', headers });
  assert.equal(none.status, 401);
});
