import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Answer } from '#test/support/service-harness.ts';
import { onProject, startIdentity } from '../testing/identity-harness.ts';

test('a domain has options of its own, of which the secret ones are never shown', async () => {
  await using identity = await startIdentity();
  const token = await identity.admin();
  const domain = await identity.call('POST', '/v3/domains', { token, body: { domain: { name: 'd' } } });
  const base = `/v3/domains/${domain.body.domain.id}/config`;
  const call = async (method: string, path: string, config?: unknown): Promise<Answer> =>
    identity.call(method, `${base}${path}`, { token, ...(config === undefined ? {} : { body: { config } }) });
  assert.equal((await call('GET', '')).status, 404);
  const config = {
    identity: { driver: 'ldap' },
    ldap: { url: 'ldap://x', password: 'the secret', user_attribute_ignore: ['a'] },
  };
  const shown = { ...config, ldap: { url: 'ldap://x', user_attribute_ignore: ['a'] } };
  const made = await call('PUT', '', config);
  assert.equal(made.status, 201);
  assert.deepEqual(made.body, { config: shown });
  assert.equal((await call('PUT', '', config)).status, 200);
  assert.deepEqual((await call('GET', '')).body, { config: shown });
  assert.deepEqual((await call('PATCH', '', { ldap: { url: 'ldap://x' } })).body, { config: shown });
  assert.deepEqual((await call('GET', '/ldap')).body, { config: { ldap: shown.ldap } });
  assert.deepEqual((await call('GET', '/ldap/url')).body, { config: { url: 'ldap://x' } });
  assert.equal((await call('HEAD', '/identity')).status, 200);
  assert.equal((await call('GET', '/ldap/password')).status, 404);
  const rows = await identity.service.deps.db.kysely.selectFrom('domain_options').selectAll().execute();
  assert.ok(!JSON.stringify(rows).includes('the secret'));
  const option = await call('PATCH', '/ldap/url', { url: 'ldap://y' });
  assert.equal(option.body.config.ldap.url, 'ldap://y');
  const group = await call('PATCH', '/identity', { identity: { list_limit: 7 } });
  assert.deepEqual(group.body.config.identity, { driver: 'ldap', list_limit: 7 });
  for (const [method, path, body, status] of [
    ['PATCH', '/ldap/suffix', { suffix: 'x' }, 404],
    ['PATCH', '/ldap/url', { user: 'x' }, 403],
    ['PATCH', '/ldap', { identity: { driver: 'x' } }, 403],
    ['PATCH', '', {}, 403],
    ['PUT', '', { assignment: { driver: 'x' } }, 403],
    ['PUT', '', { ldap: { anything: 'x' } }, 403],
    ['PUT', '', { ldap: 'x' }, 403],
    ['GET', '/assignment', undefined, 403],
    ['GET', '/ldap/constructor', undefined, 403],
    ['DELETE', '/ldap/suffix', undefined, 404],
    ['DELETE', '/ldap/url', undefined, 204],
    ['GET', '/ldap/url', undefined, 404],
    ['DELETE', '/identity', undefined, 204],
    ['DELETE', '', undefined, 204],
    ['GET', '', undefined, 404],
  ] as const) {
    const answer = await call(method, path, body);
    assert.equal(answer.status, status, `${method} ${path} ${JSON.stringify(answer.body)}`);
  }
  assert.equal((await identity.call('GET', '/v3/domains/none/config', { token })).status, 404);
});

test('defaults, and what passwords must look like', async () => {
  await using identity = await startIdentity({
    security: { passwordRegex: '^.{3}', passwordRegexDescription: 'long' },
  });
  const token = await identity.admin();
  const demo = await identity.logIn('demo', identity.passwords['demo'] ?? '', onProject('demo'));
  const get = async (path: string, as = token): Promise<Answer> =>
    identity.call('GET', `/v3/domains/${path}`, { token: as });
  const all = (await get('config/default')).body.config;
  assert.deepEqual(Object.keys(all), ['identity', 'ldap']);
  assert.equal(all.ldap.password, undefined);
  assert.deepEqual((await get('config/identity/default')).body, { config: { identity: all.identity } });
  assert.deepEqual((await get('config/ldap/page_size/default')).body, { config: { page_size: 0 } });
  assert.equal((await get('config/ldap/password/default')).status, 403);
  assert.equal((await get('config/none/default')).status, 403);
  assert.equal((await get('config/default', demo)).status, 403);
  assert.equal((await get('default/config', demo)).status, 403);
  assert.deepEqual((await get('default/config/security_compliance', demo)).body.config, {
    security_compliance: { password_regex: '^.{3}', password_regex_description: 'long' },
  });
  const one = await get('default/config/security_compliance/password_regex', demo);
  assert.deepEqual(one.body.config, { password_regex: '^.{3}' });
  assert.equal((await get('default/config/security_compliance/lockout_duration', demo)).status, 403);
});
