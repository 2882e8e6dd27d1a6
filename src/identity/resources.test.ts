import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { hasPostgres, startPostgres, type PrivatePostgres } from '#test/support/postgres.ts';
import type { Answer } from '#test/support/service-harness.ts';
import {
  ADMIN_PASSWORD,
  onProject,
  passwordOf,
  startIdentity,
  type Identity,
} from './testing/identity-harness.ts';

let postgres: PrivatePostgres | undefined;
before(async () => {
  if (hasPostgres) postgres = await startPostgres();
});
after(async () => postgres?.[Symbol.asyncDispose]());

const ENGINES = ['sqlite', ...(hasPostgres ? ['postgres'] : [])];

for (const engine of ENGINES) {
  const start = async (): Promise<Identity> =>
    startIdentity({}, engine === 'postgres' && postgres ? await postgres.newSchema() : 'sqlite::memory:');

  test(`${engine}: a domain with projects, users, groups and roles lives and ends`, async () => {
    await using identity = await start();
    const token = await identity.admin();
    const call = async (method: string, url: string, body?: unknown): Promise<Answer> =>
      identity.call(method, `/v3${url}`, { token, body });
    const made = async (key: string, url: string, attributes: object): Promise<string> => {
      const answer = await call('POST', url, { [key]: attributes });
      assert.equal(answer.status, 201, JSON.stringify(answer.body));
      return answer.body[key].id as string;
    };
    const domain_id = await made('domain', '/domains', { name: 'd1' });
    const parent = await made('project', '/projects', { name: 'p', domain_id });
    const child = await made('project', '/projects', { name: 'c', parent_id: parent });
    const user = await made('user', '/users', { name: 'u', domain_id, password: 'pw', email: 'u@x' });
    const group = await made('group', '/groups', { name: 'g', domain_id });
    const role = await made('role', '/roles', { name: 'operator' });
    assert.equal((await call('GET', `/users/${user}`)).body.user.email, 'u@x');
    assert.equal((await call('POST', '/users', { user: { name: 'u', domain_id } })).status, 409);
    assert.equal((await call('PUT', `/groups/${group}/users/${user}`)).status, 204);
    const grant = `/OS-INHERIT/projects/${parent}/groups/${group}/roles/${role}/inherited_to_projects`;
    assert.equal((await call('PUT', grant)).status, 204);
    assert.equal((await call('PUT', grant)).status, 204, 'idempotent');
    assert.equal((await call('HEAD', grant)).status, 204);

    const scope = { project: { id: child } };
    const login = passwordOf('u', 'pw', domain_id);
    const issued = await identity.authenticate(login, scope);
    assert.equal(issued.status, 201);
    assert.deepEqual(issued.body.token.roles, [{ id: role, name: 'operator' }]);
    assert.equal((await identity.authenticate(login, { project: { id: parent } })).status, 401, 'only below');
    const effective = await call('GET', `/role_assignments?effective&include_names&user.id=${user}`);
    assert.equal(effective.body.role_assignments.length, 1);
    assert.equal(effective.body.role_assignments[0].scope.project.name, 'c');
    assert.equal((await call('GET', `/users/${user}/projects`)).body.projects[0].id, child);

    assert.equal((await call('DELETE', grant)).status, 204);
    assert.equal((await call('DELETE', grant)).status, 404);
    assert.equal((await identity.authenticate(login, scope)).status, 401);
    assert.equal((await call('DELETE', `/projects/${parent}`)).status, 403, 'not a leaf');
    assert.equal((await call('DELETE', `/domains/${domain_id}`)).status, 403, 'enabled');
    assert.equal((await call('PATCH', `/domains/${domain_id}`, { domain: { enabled: false } })).status, 200);
    assert.equal((await identity.authenticate(login)).status, 401);
    assert.equal((await call('DELETE', `/domains/${domain_id}`)).status, 204);
    for (const url of [`/projects/${child}`, `/users/${user}`, `/groups/${group}`]) {
      assert.equal((await call('GET', url)).status, 404);
    }
  });

  test(`${engine}: trusts, filters, limits, options and consumers go with what they are of`, async () => {
    await using identity = await start();
    const login = await identity.authenticate(passwordOf('admin', ADMIN_PASSWORD), onProject('admin'));
    const token = login.headers['x-subject-token'] ?? '';
    const call = async (method: string, url: string, body?: unknown, expected = 201): Promise<Answer> => {
      const answer = await identity.call(method, `/v3${url}`, { token, body });
      assert.equal(answer.status, expected, `${method} ${url} ${JSON.stringify(answer.body)}`);
      return answer;
    };
    const domain = (await call('POST', '/domains', { domain: { name: 'd' } })).body.domain.id as string;
    const project = (await call('POST', '/projects', { project: { name: 'p', domain_id: domain } })).body
      .project.id as string;
    const user = (await call('POST', '/users', { user: { name: 'u', domain_id: domain } })).body.user
      .id as string;
    const nova = (await call('GET', '/services?name=nova', undefined, 200)).body.services[0].id as string;
    const trust = { trustor_user_id: login.body.token.user.id, trustee_user_id: user, impersonation: true };
    await call('POST', '/OS-TRUST/trusts', { trust: { ...trust, expires_at: '2999-01-01T00:00:00Z' } });
    const of = { service_id: nova, resource_name: 'cores' };
    await call('POST', '/registered_limits', { registered_limits: [{ ...of, default_limit: 9 }] });
    const limits = [
      { ...of, project_id: project, resource_limit: 1 },
      { ...of, domain_id: domain, resource_limit: 2 },
    ];
    await call('POST', '/limits', { limits });
    await call('POST', '/limits', { limits: limits.slice(0, 1) }, 409);
    const group = { name: 'g', filters: { interface: 'public' } };
    const { id } = (await call('POST', '/OS-EP-FILTER/endpoint_groups', { endpoint_group: group })).body
      .endpoint_group as { id: string };
    const tie = `/OS-EP-FILTER/endpoint_groups/${id}/projects/${project}`;
    await call('PUT', tie, undefined, 204);
    await call('PUT', tie, undefined, 409);
    await call('PUT', `/domains/${domain}/config`, { config: { ldap: { url: 'x', password: 'y' } } });
    const consumer = (await call('POST', '/OS-OAUTH1/consumers', { consumer: {} })).body.consumer
      .id as string;
    await call('DELETE', `/OS-OAUTH1/consumers/${consumer}`, undefined, 204);
    await call('PATCH', `/domains/${domain}`, { domain: { enabled: false } }, 200);
    await call('DELETE', `/domains/${domain}`, undefined, 204);
    const { kysely } = identity.service.deps.db;
    for (const table of ['trusts', 'limits', 'project_endpoints', 'domain_options'] as const) {
      assert.deepEqual(await kysely.selectFrom(table).selectAll().execute(), [], table);
    }
  });

  test(`${engine}: hostile ids and names are refused or not found, never a failure`, async () => {
    await using identity = await start();
    const token = await identity.admin();
    const ids = ['%00', 'a%00b', 'x'.repeat(300), '%2e%2e%2f', "'%3bdrop", '%F0%9F%98%80'];
    for (const kind of [
      'users',
      'projects',
      'domains',
      'groups',
      'roles',
      'services',
      'endpoints',
      'regions',
      'credentials',
      'policies',
      'limits',
      'registered_limits',
      'OS-TRUST/trusts',
      'OS-EP-FILTER/endpoint_groups',
      'OS-OAUTH1/consumers',
    ]) {
      for (const id of ids) {
        const { status } = await identity.call('GET', `/v3/${kind}/${id}`, { token });
        assert.ok([400, 404].includes(status), `${kind}/${id}: ${status}`);
      }
      for (const name of ids) {
        const { status } = await identity.call('GET', `/v3/${kind}?name=${name}&domain_id=${name}`, {
          token,
        });
        assert.ok([200, 400].includes(status), `${kind}?name=${name}: ${status}`);
      }
    }
    for (const name of ['', ' ', 'a\u0000b', 'x'.repeat(256), 7, null]) {
      for (const [key, url] of [
        ['user', 'users'],
        ['project', 'projects'],
        ['domain', 'domains'],
        ['group', 'groups'],
        ['role', 'roles'],
      ]) {
        const body = { [key ?? '']: { name } };
        assert.equal(
          (await identity.call('POST', `/v3/${url}`, { token, body })).status,
          400,
          `${key} ${name}`,
        );
      }
    }
  });
}

test('discovery: 300 with the versions, 200 for the version, both open', async () => {
  await using identity = await startIdentity();
  const versions = await identity.call('GET', '/');
  assert.equal(versions.status, 300);
  assert.equal(versions.body.versions.values[0].id, 'v3.14');
  const version = await identity.call('GET', '/v3');
  assert.equal(version.status, 200);
  assert.equal(version.body.version['media-types'][0].type, 'application/vnd.openstack.identity-v3+json');
});

test('members and readers of a project manage nothing in identity', async () => {
  await using identity = await startIdentity();
  const token = await identity.logIn('demo', identity.passwords['demo'] ?? '', onProject('demo'));
  const status = async (method: string, url: string, body?: unknown): Promise<number> =>
    (await identity.call(method, `/v3${url}`, { token, body })).status;
  for (const url of [
    '/users',
    '/projects',
    '/domains',
    '/groups',
    '/roles',
    '/services',
    '/endpoints',
    '/role_assignments',
  ]) {
    assert.equal(await status('GET', url), 403, url);
  }
  assert.equal(await status('POST', '/users', { user: { name: 'x' } }), 403);
  assert.equal(await status('POST', '/domains', { domain: { name: 'x' } }), 403);
  assert.equal(await status('POST', '/regions', { region: { id: 'x' } }), 403);
  const admin = await identity.admin();
  const users = (await identity.call('GET', '/v3/users', { token: admin })).body.users as Array<{
    id: string;
    name: string;
  }>;
  const idOf = (name: string): string => users.find((user) => user.name === name)?.id ?? '';
  assert.equal(await status('GET', `/users/${idOf('demo')}`), 200, 'oneself');
  assert.equal(await status('GET', `/users/${idOf('admin')}`), 403);
  assert.equal(await status('GET', '/users/absent'), 403, 'absent looks like forbidden');
  assert.equal(await status('GET', `/users/${idOf('admin')}/application_credentials`), 403);
  assert.equal(await status('GET', '/auth/projects'), 200);
  assert.equal(await status('GET', '/auth/catalog'), 200);
  assert.equal(await status('GET', '/regions'), 200);
});

test('a reader on the system sees all and changes nothing', async () => {
  await using identity = await startIdentity();
  const admin = await identity.admin();
  const call = async (method: string, url: string, body?: unknown, token = admin): Promise<Answer> =>
    identity.call(method, `/v3${url}`, { token, body });
  const user = (await call('POST', '/users', { user: { name: 'auditor', password: 'pw' } })).body.user
    .id as string;
  const role = (await call('GET', '/roles?name=reader')).body.roles[0].id as string;
  assert.equal((await call('PUT', `/system/users/${user}/roles/${role}`)).status, 204);
  const token = await identity.logIn('auditor', 'pw', { system: { all: true } });
  for (const url of ['/users', '/projects', '/domains', '/roles', '/role_assignments', '/services']) {
    assert.equal((await call('GET', url, undefined, token)).status, 200, url);
  }
  assert.equal((await call('POST', '/projects', { project: { name: 'x' } }, token)).status, 403);
  assert.equal((await call('DELETE', `/users/${user}`, undefined, token)).status, 403);
});

test('a manager of a domain manages its users and roles up to manager, and nothing outside', async () => {
  await using identity = await startIdentity();
  const admin = await identity.admin();
  const as = async (token: string, method: string, url: string, body?: unknown): Promise<Answer> =>
    identity.call(method, `/v3${url}`, { token, body });
  const domain_id = (await as(admin, 'POST', '/domains', { domain: { name: 'd' } })).body.domain.id as string;
  const boss = (await as(admin, 'POST', '/users', { user: { name: 'boss', domain_id, password: 'pw' } })).body
    .user.id;
  const roles = (await as(admin, 'GET', '/roles')).body.roles as Array<{ id: string; name: string }>;
  const role = (name: string): string => roles.find((each) => each.name === name)?.id ?? '';
  await as(admin, 'PUT', `/domains/${domain_id}/users/${boss}/roles/${role('manager')}`);
  const login = await identity.authenticate(passwordOf('boss', 'pw', domain_id), {
    domain: { id: domain_id },
  });
  const token = login.headers['x-subject-token'] ?? '';

  const user = (await as(token, 'POST', '/users', { user: { name: 'worker' } })).body.user;
  assert.equal(user.domain_id, domain_id);
  const project = (await as(token, 'POST', '/projects', { project: { name: 'work' } })).body.project
    .id as string;
  const give = async (name: string): Promise<number> =>
    (await as(token, 'PUT', `/projects/${project}/users/${user.id}/roles/${role(name)}`)).status;
  assert.equal(await give('member'), 204);
  assert.equal(await give('admin'), 403, 'no way up');
  assert.equal(await give('service'), 403);
  assert.equal((await as(token, 'GET', '/users')).body.users.length, 2, 'only its own');
  assert.equal((await as(token, 'GET', '/users?domain_id=default')).status, 403);
  assert.equal(
    (await as(token, 'POST', '/users', { user: { name: 'x', domain_id: 'default' } })).status,
    403,
  );
  const demo = (await as(admin, 'GET', '/users?name=demo')).body.users[0].id as string;
  assert.equal((await as(token, 'PATCH', `/users/${demo}`, { user: { password: 'mine' } })).status, 403);
  assert.equal(
    (await as(token, 'PUT', `/projects/${project}/users/${demo}/roles/${role('member')}`)).status,
    403,
  );
});

test('application credentials: limited roles, access rules, no offspring, gone at once', async () => {
  await using identity = await startIdentity();
  const admin = await identity.admin();
  const me = (await identity.call('GET', '/v3/users?name=admin', { token: admin })).body.users[0]
    .id as string;
  const url = `/v3/users/${me}/application_credentials`;
  const create = async (attributes: object, token = admin): Promise<Answer> =>
    identity.call('POST', url, { token, body: { application_credential: attributes } });
  const made = await create({
    name: 'robot',
    roles: [{ name: 'reader' }],
    access_rules: [
      { service: 'identity', method: 'GET', path: '/v3/regions' },
      { service: 'identity', method: 'POST', path: '/v3/users/**' },
    ],
  });
  assert.equal(made.status, 201);
  const { id, secret } = made.body.application_credential as { id: string; secret: string };
  assert.equal((await create({ name: 'robot' })).status, 409);
  assert.equal((await create({ name: 'too much', roles: [{ name: 'service' }] })).status, 400);
  const later = await create({ name: 'later', expires_at: '2999-01-01T00:00:00.229991' });
  assert.equal(
    later.body.application_credential.expires_at,
    '2999-01-01T00:00:00.229991',
    'as it was asked for',
  );
  assert.equal((await create({ name: 'late', expires_at: '2001-01-01T00:00:00' })).status, 400);
  const part = { methods: ['application_credential'], application_credential: { id, secret } };
  const login = await identity.authenticate(part);
  assert.equal(login.status, 201);
  assert.deepEqual(
    login.body.token.roles.map((role: { name: string }) => role.name),
    ['reader'],
  );
  const token = login.headers['x-subject-token'] ?? '';
  assert.equal((await identity.call('GET', '/v3/regions', { token })).status, 200);
  assert.equal((await identity.call('GET', '/v3/auth/catalog', { token })).status, 401, 'no rule allows it');
  assert.equal((await create({ name: 'child' }, token)).status, 403);
  assert.equal((await identity.authenticate({ methods: ['token'], token: { id: token } })).status, 403);
  const byName = { name: 'robot', secret, user: { id: me } };
  assert.equal(
    (await identity.authenticate({ methods: ['application_credential'], application_credential: byName }))
      .status,
    201,
  );
  const rules = await identity.call('GET', `/v3/users/${me}/access_rules`, { token: admin });
  assert.equal(rules.body.access_rules.length, 2);
  const rule = `/v3/users/${me}/access_rules/${rules.body.access_rules[0].id}`;
  const shown = await identity.call('GET', rule, { token: admin });
  assert.deepEqual(shown.body.access_rule, rules.body.access_rules[0]);
  const robot = (await identity.call('GET', `${url}/${id}`, { token: admin })).body.application_credential;
  assert.deepEqual([robot.name, 'secret' in robot], ['robot', false]);
  assert.equal((await identity.call('DELETE', rule, { token: admin })).status, 403, 'in use');
  assert.equal((await identity.call('DELETE', `${url}/${id}`, { token: admin })).status, 204);
  assert.equal((await identity.call('GET', '/v3/regions', { token })).status, 401);
  assert.equal((await identity.call('DELETE', rule, { token: admin })).status, 204);
  assert.equal((await identity.authenticate(part)).status, 401);
});

test('a role stops where its implication is removed; circles are refused', async () => {
  await using identity = await startIdentity();
  const admin = await identity.admin();
  const roles = (await identity.call('GET', '/v3/roles', { token: admin })).body.roles as Array<{
    id: string;
    name: string;
  }>;
  const role = (name: string): string => roles.find((each) => each.name === name)?.id ?? '';
  const implied = `/v3/roles/${role('member')}/implies/${role('reader')}`;
  const circle = `/v3/roles/${role('reader')}/implies/${role('member')}`;
  assert.equal((await identity.call('PUT', circle, { token: admin })).status, 400);
  assert.equal((await identity.call('HEAD', implied, { token: admin })).status, 204);
  assert.equal((await identity.call('DELETE', implied, { token: admin })).status, 204);
  const demo = await identity.authenticate(passwordOf('demo', identity.passwords['demo'] ?? ''));
  assert.deepEqual(
    demo.body.token.roles.map((each: { name: string }) => each.name),
    ['member'],
  );
  assert.equal((await identity.call('PUT', implied, { token: admin })).status, 201);
});

test('the credential blob is not in the database as it was given', async () => {
  await using identity = await startIdentity();
  const token = await identity.admin();
  const body = { credential: { type: 'totp', blob: 'JBSWY3DPEHPK3PXP' } };
  const made = await identity.call('POST', '/v3/credentials', { token, body });
  assert.equal(made.body.credential.blob, 'JBSWY3DPEHPK3PXP');
  const rows = await identity.service.deps.db.kysely.selectFrom('credentials').selectAll().execute();
  assert.ok(!JSON.stringify(rows).includes('JBSWY3DPEHPK3PXP'));
  const demo = await identity.logIn('demo', identity.passwords['demo'] ?? '');
  const foreign = await identity.call('GET', `/v3/credentials/${made.body.credential.id}`, { token: demo });
  assert.equal(foreign.status, 403);
  assert.equal((await identity.call('GET', '/v3/credentials', { token: demo })).body.credentials.length, 0);
});

test('lists cost the same number of statements whatever their length', async () => {
  await using identity = await startIdentity();
  const token = await identity.admin();
  const cost = async (url: string): Promise<number> => {
    await identity.call('GET', url, { token });
    const before = identity.service.deps.db.statements;
    assert.equal((await identity.call('GET', url, { token })).status, 200);
    return identity.service.deps.db.statements - before;
  };
  const urls = [
    '/v3/users',
    '/v3/projects',
    '/v3/role_assignments?include_names',
    '/v3/role_assignments?effective',
    '/v3/auth/projects',
  ];
  const costs = async (): Promise<number[]> => {
    const found: number[] = [];
    for (const url of urls) found.push(await cost(url));
    return found;
  };
  const few = await costs();
  for (let i = 0; i < 10; i++) {
    await identity.call('POST', '/v3/users', { token, body: { user: { name: `u${i}` } } });
    await identity.call('POST', '/v3/projects', { token, body: { project: { name: `p${i}` } } });
  }
  assert.deepEqual(await costs(), few);
  assert.equal((await identity.authenticate(passwordOf('admin', ADMIN_PASSWORD))).status, 201);
});

test('pages: limit, marker and the link to the next', async () => {
  await using identity = await startIdentity();
  const token = await identity.admin();
  const first = await identity.call('GET', '/v3/users?limit=2', { token });
  assert.equal(first.body.users.length, 2);
  const next = new URL(first.body.links.next as string);
  const second = await identity.call('GET', `${next.pathname.slice('/identity'.length)}${next.search}`, {
    token,
  });
  assert.equal(second.body.users.length, 2);
  assert.notEqual(second.body.users[0].id, first.body.users[1].id);
  assert.equal((await identity.call('GET', '/v3/users?limit=-1', { token })).status, 400);
  assert.equal((await identity.call('GET', '/v3/users?marker=none', { token })).status, 400);
  assert.equal((await identity.call('GET', '/v3/users?name__contains=dem', { token })).body.users.length, 1);
});
