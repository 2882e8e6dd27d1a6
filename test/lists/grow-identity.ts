// Number `n` of everything that identity lists, with what hangs on it; also on the first of each, whose own lists grow so.
import { passwordOf } from '#identity/testing/identity-harness.ts';
import type { ListWorld } from './world.ts';

export async function growIdentity(world: ListWorld, n: number): Promise<void> {
  const { ids } = world;
  const make = async (key: string, fields: object, collection = `${key}s`): Promise<string> => {
    const made = await world.ok('identity', 'POST', `/v3/${collection}`, { body: { [key]: fields } });
    const id = made[key].id as string;
    ids[key] ??= id;
    return id;
  };
  const put = async (path: string): Promise<void> => {
    await world.ok('identity', 'PUT', `/v3/${path}`);
  };
  const domain = await make('domain', { name: `domain-${n}` });
  const project = await make('project', { name: `project-${n}`, domain_id: domain, tags: [`tag-${n}`] });
  const user = await make('user', { name: `user-${n}`, password: 'secret-secret', email: `${n}@example` });
  const group = await make('group', { name: `group-${n}` });
  const role = await make('role', { name: `role-${n}` });
  const service = await make('service', { name: `service-${n}`, type: `type-${n}` });
  await make('region', { id: `region-${n}`, description: 'r' });
  const endpoint = await make('endpoint', {
    service_id: service,
    interface: 'public',
    url: `http://${n}/`,
    region_id: ids['region'],
  });
  await make('endpoint', { service_id: ids['service'], interface: 'public', url: `http://more-${n}/` });
  await make('policy', { type: 'text/plain', blob: String(n) }, 'policies');
  await make('credential', {
    type: 'cert',
    blob: String(n),
    user_id: ids['user'],
    project_id: ids['project'],
  });
  const policy = `policies/${ids['policy']}/OS-ENDPOINT-POLICY`;
  await put(`${policy}/endpoints/${endpoint}`);
  await put(`${policy}/services/${service}`);
  await put(`${policy}/services/${service}/regions/${ids['region']}`);
  await put(`projects/${ids['project']}/tags/more-${n}`);
  await put(`groups/${ids['group']}/users/${user}`);
  await put(`groups/${group}/users/${ids['user']}`);
  if (n > 0) {
    ids['implied'] ??= role;
    await put(`roles/${ids['role']}/implies/${role}`);
  }
  for (const actor of [`users/${ids['user']}`, `groups/${ids['group']}`]) {
    await put(`projects/${ids['project']}/${actor}/roles/${role}`);
    await put(`OS-INHERIT/projects/${ids['project']}/${actor}/roles/${role}/inherited_to_projects`);
    await put(`domains/${ids['domain']}/${actor}/roles/${role}`);
    await put(`OS-INHERIT/domains/${ids['domain']}/${actor}/roles/${role}/inherited_to_projects`);
    await put(`system/${actor}/roles/${role}`);
    await put(`projects/${project}/${actor}/roles/${ids['role']}`);
    await put(`domains/${domain}/${actor}/roles/${ids['role']}`);
  }
  await growExtensions(world, n, { project, service, endpoint });
  await growCredentials(world, n);
}

/** Filters of the catalog, unified limits, options of a domain and OAuth. */
async function growExtensions(
  world: ListWorld,
  n: number,
  made: { readonly project: string; readonly service: string; readonly endpoint: string },
): Promise<void> {
  const { ids } = world;
  const send = async (method: string, path: string, body?: unknown) =>
    world.ok('identity', method, `/v3/${path}`, { as: 'system', ...(body === undefined ? {} : { body }) });
  const filters = { interface: 'public', service_id: made.service };
  const { endpoint_group } = await send('POST', 'OS-EP-FILTER/endpoint_groups', {
    endpoint_group: { name: `endpoints-${n}`, filters },
  });
  ids['endpoint_group'] ??= endpoint_group.id;
  const tie = async (group: string, project: string, endpoint: string): Promise<void> => {
    await send('PUT', `OS-EP-FILTER/endpoint_groups/${group}/projects/${project}`);
    await send('PUT', `OS-EP-FILTER/projects/${project}/endpoints/${endpoint}`);
  };
  await tie(String(ids['endpoint_group']), made.project, String(ids['endpoint']));
  if (n > 0) await tie(endpoint_group.id, String(ids['project']), made.endpoint);
  const resource = { service_id: ids['service'], resource_name: `resource-${n}` };
  const { registered_limits } = await send('POST', 'registered_limits', {
    registered_limits: [{ ...resource, default_limit: 1 }],
  });
  ids['registered_limit'] ??= registered_limits[0].id;
  const { limits } = await send('POST', 'limits', {
    limits: [{ ...resource, project_id: ids['project'], resource_limit: 1 }],
  });
  ids['limit'] ??= limits[0].id;
  if (n === 0)
    await send('PUT', `domains/${ids['domain']}/config`, {
      config: { identity: { driver: 'ldap' }, ldap: { url: 'ldap://example' } },
    });
  const { consumer } = await send('POST', 'OS-OAUTH1/consumers', { consumer: { description: String(n) } });
  ids['consumer_of_tokens'] ??= consumer.id;
  await addAccessToken(world, n);
}

/** As a row: a consumer would come to it by three signed requests. */
async function addAccessToken({ identity, ids }: ListWorld, n: number): Promise<void> {
  ids['access_token'] = `access-${n}`; // the one with most roles
  const { kysely } = identity.service.deps.db;
  const roles = await kysely.selectFrom('roles').select('id').execute();
  await kysely
    .insertInto('oauth_access_tokens')
    .values({
      id: `access-${n}`,
      sealed_secret: '',
      consumer_id: String(ids['consumer_of_tokens']),
      project_id: String(ids['project']),
      user_id: String(ids['user']),
      roles: JSON.stringify(roles.map((role) => role.id)),
      expires_at: '2999-01-01T00:00:00.000Z',
    })
    .execute();
}

/** What users make for themselves, as the first user. */
async function growCredentials(world: ListWorld, n: number): Promise<void> {
  const { ids, tokens } = world;
  const user = `/v3/users/${ids['user']}`;
  tokens['user'] = await logIn(world);
  const made = await world.ok('identity', 'POST', `${user}/application_credentials`, {
    as: 'user',
    body: {
      application_credential: {
        name: `app-${n}`,
        access_rules: [{ service: 'compute', method: 'GET', path: `/v2.1/${n}` }],
      },
    },
  });
  ids['application_credential'] ??= made.application_credential.id;
  ids['access_rule'] ??= made.application_credential.access_rules[0].id;
  const { trust } = await world.ok('identity', 'POST', '/v3/OS-TRUST/trusts', {
    as: 'user',
    body: {
      trust: {
        trustor_user_id: ids['user'],
        trustee_user_id: ids['user'],
        project_id: ids['project'],
        impersonation: true,
        roles: Array.from({ length: n + 1 }, (_, each) => ({ name: `role-${each}` })),
      },
    },
  });
  ids['trust'] = trust.id; // the one with most roles
  const ec2 = await world.ok('identity', 'POST', `${user}/credentials/OS-EC2`, {
    body: { tenant_id: ids['project'] },
  });
  ids['ec2'] ??= ec2.credential.access;
  await world.ok('identity', 'DELETE', '/v3/auth/tokens', {
    headers: { 'x-subject-token': await logIn(world) },
  });
}

/** Grants to a user end the user's tokens, so each number takes a new one. */
async function logIn(world: ListWorld): Promise<string> {
  const answer = await world.ask('identity', 'POST', '/v3/auth/tokens', {
    as: 'nobody',
    body: {
      auth: {
        identity: passwordOf('user-0', 'secret-secret'),
        scope: { project: { id: world.ids['project'] } },
      },
    },
  });
  return String(answer.headers['x-subject-token']);
}
