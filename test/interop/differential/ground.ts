// What every conversation stands on: two projects, a member and a reader of the first, a stranger in the second, and tokens of
// all kinds of callers. Made over the identity API of any cloud.
import { randomBytes } from 'node:crypto';
import { CALLERS, type Caller } from './conversation.ts';

export interface CloudAddress {
  /** Of the identity service: `http://127.0.0.1:5000/v3`. */
  readonly authUrl: string;
  readonly username: string;
  readonly password: string;
  readonly project: string;
}

export interface Ground {
  readonly run: string;
  readonly tokens: Readonly<Partial<Record<Caller, string>>>;
  /** What steps may refer to: `{run}`, which all names should hold, `{RUN}`, `{project}`, `{other_project}`, `{member_id}`, `{password}`… */
  readonly names: Readonly<Record<string, string>>;
  readonly roots: ReadonlyArray<readonly [service: string, root: string]>;
  rootOf(service: string): string;
  endpointOf(service: string, caller: Caller): string;
}

const TYPES: Readonly<Record<string, readonly string[]>> = {
  identity: ['identity'],
  compute: ['compute'],
  placement: ['placement'],
  image: ['image'],
  network: ['network'],
  volume: ['volumev3', 'block-storage', 'volume'],
};

const PASSWORD = 'differential-secret';

interface Token {
  readonly project?: { readonly id: string };
  readonly user: { readonly id: string };
  readonly catalog?: ReadonlyArray<{
    readonly type: string;
    readonly endpoints: ReadonlyArray<{ readonly interface: string; readonly url: string }>;
  }>;
}

interface Login {
  readonly token: string;
  readonly body: Token;
}

export async function layGround(cloud: CloudAddress): Promise<Ground> {
  const run = `d${randomBytes(3).toString('hex').slice(1)}`; // has a letter, so that RUN differs

  const admin = await logIn(cloud, cloud.username, cloud.password, { project: cloud.project });
  const identity = peer(cloud.authUrl, admin.token);
  const [mine, others] = [await identity.project(`mine-${run}`), await identity.project(`others-${run}`)];
  const people: Record<string, Login> = { admin };
  const ids: Record<string, string> = {};
  for (const [name, project, role] of [
    ['member', mine, 'member'],
    ['reader', mine, 'reader'],
    ['stranger', others, 'member'],
  ] as const) {
    ids[name] = await identity.user(`${name}-${run}`);
    await identity.grant(project, ids[name], role);
    const scope = project === mine ? `mine-${run}` : `others-${run}`;
    people[name] = await logIn(cloud, `${name}-${run}`, PASSWORD, { project: scope });
  }
  people['unscoped'] = await logIn(cloud, `member-${run}`, PASSWORD, 'unscoped');
  people['system'] = await logIn(cloud, cloud.username, cloud.password, { system: true });
  people['revoked'] = await logIn(cloud, `member-${run}`, PASSWORD, { project: `mine-${run}` });
  await identity.revoke(people['revoked'].token);
  const tokens: Partial<Record<Caller, string>> = { bogus: 'gAAAAABbogus' };
  for (const caller of CALLERS) if (people[caller]) tokens[caller] = people[caller].token;
  return {
    run,
    tokens,
    names: {
      run,
      RUN: run.toUpperCase(),
      project: mine,
      other_project: others,
      admin_project: admin.body.project?.id ?? '',
      admin_id: admin.body.user.id,
      admin_name: cloud.username,
      admin_password: cloud.password,
      admin_project_name: cloud.project,
      member_id: ids['member'] ?? '',
      reader_id: ids['reader'] ?? '',
      stranger_id: ids['stranger'] ?? '',
      password: PASSWORD,
      ...Object.fromEntries(Object.entries(tokens).map(([caller, token]) => [`${caller}_token`, token])),
      ...(await identity.roles()),
    },
    ...addressBook(cloud, people),
  };
}

/** The endpoints by caller: a volume endpoint may hold the caller's project. */
function addressBook(
  cloud: CloudAddress,
  people: Readonly<Record<string, Login>>,
): Pick<Ground, 'roots' | 'rootOf' | 'endpointOf'> {
  const endpointOf = (service: string, caller: Caller): string => {
    const catalog = people[caller]?.body.catalog ?? people['member']?.body.catalog ?? [];
    const found = catalog.find(({ type }) => TYPES[service]?.includes(type));
    const url = found?.endpoints.find((each) => each.interface === 'public')?.url;
    if (url === undefined && caller !== 'member') return endpointOf(service, 'member');
    if (service === 'identity') return cloud.authUrl.replace(/\/$/, '');
    if (url === undefined) throw new Error(`the cloud has no ${service} service`);
    return url.replace(/\/$/, '');
  };
  const rootOf = (service: string): string =>
    endpointOf(service, 'member').replace(/\/v\d[\d.]*(\/[0-9a-f]+)?$/, '');
  const roots = Object.keys(TYPES)
    .map((service) => [service, rootOf(service)] as const)
    .toSorted(([, a], [, b]) => b.length - a.length);
  return { roots, rootOf, endpointOf };
}

type Scope = 'unscoped' | { readonly project: string } | { readonly system: true };

async function logIn(
  { authUrl }: CloudAddress,
  user: string,
  password: string,
  scope: Scope,
): Promise<Login> {
  const domain = { id: 'default' };
  const answer = await sendJson('POST', `${authUrl}/auth/tokens`, undefined, {
    auth: {
      identity: { methods: ['password'], password: { user: { name: user, domain, password } } },
      scope:
        scope === 'unscoped'
          ? 'unscoped'
          : 'system' in scope
            ? { system: { all: true } }
            : { project: { name: scope.project, domain } },
    },
  });
  const token = answer.headers.get('x-subject-token');
  if (token === null) throw new Error(`${user} could not log in: ${answer.status}`);
  return { token, body: answer.body['token'] as Token };
}

function peer(authUrl: string, token: string) {
  const make = async (path: string, key: string, body: object): Promise<string> => {
    const answer = await sendJson('POST', `${authUrl}/${path}`, token, { [key]: body });
    if (answer.status !== 201) throw new Error(`${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return (answer.body[key] as { id: string }).id;
  };
  const listRoles = async () =>
    (await sendJson('GET', `${authUrl}/roles`, token)).body['roles'] as Array<{ id: string; name: string }>;
  return {
    project: async (name: string) => make('projects', 'project', { name, domain_id: 'default' }),
    user: async (name: string) => make('users', 'user', { name, domain_id: 'default', password: PASSWORD }),
    grant: async (project: string, user: string, role: string) => {
      const id = (await listRoles()).find((each) => each.name === role)?.id;
      await sendJson('PUT', `${authUrl}/projects/${project}/users/${user}/roles/${id}`, token);
    },
    roles: async () => Object.fromEntries((await listRoles()).map(({ id, name }) => [`role_${name}`, id])),
    revoke: async (subject: string) =>
      sendJson('DELETE', `${authUrl}/auth/tokens`, token, undefined, { 'x-subject-token': subject }),
  };
}

async function sendJson(
  method: string,
  url: string,
  token: string | undefined,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
) {
  const answer = await fetch(url, {
    method,
    headers: {
      'content-type': 'application/json',
      ...(token === undefined ? {} : { 'x-auth-token': token }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  const parsed = (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>;
  return { status: answer.status, headers: answer.headers, body: parsed };
}
