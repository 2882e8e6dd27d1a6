// Number `n` of everything that identity lists, with what hangs on it; also on the first of each, whose own lists grow so.
import { onProject, passwordOf } from '#identity/testing/identity-harness.ts';
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
  const project = await make('project', { name: `project-${n}`, tags: [`tag-${n}`] });
  const user = await make('user', { name: `user-${n}`, password: 'secret-secret', email: `${n}@example` });
  const group = await make('group', { name: `group-${n}` });
  const role = await make('role', { name: `role-${n}` });
  const service = await make('service', { name: `service-${n}`, type: `type-${n}` });
  await make('region', { id: `region-${n}`, description: 'r' });
  await make('endpoint', {
    service_id: service,
    interface: 'public',
    url: `http://${n}/`,
    region_id: ids['region'],
  });
  await make('policy', { type: 'text/plain', blob: String(n) }, 'policies');
  await make('credential', {
    type: 'cert',
    blob: String(n),
    user_id: ids['user'],
    project_id: ids['project'],
  });
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
  await growCredentials(world, n);
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
}

/** Grants to a user end the user's tokens, so each number takes a new one. */
async function logIn(world: ListWorld): Promise<string> {
  const answer = await world.ask('identity', 'POST', '/v3/auth/tokens', {
    as: 'nobody',
    body: {
      auth: { identity: passwordOf('user-0', 'secret-secret'), scope: onProject('project-0') },
    },
  });
  return String(answer.headers['x-subject-token']);
}
