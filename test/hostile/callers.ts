// Who attacks: a member and a reader of project A, a member of project B, administrators of several scopes.
import type { HostileClient } from './client.ts';
import { join } from 'node:path';
import { readCloud } from '#cli/cloud-access.ts';
import { KeyRepository } from '#identity/tokens/key-repository.ts';
import { decodePayload, encodePayload, newAuditId } from '#identity/tokens/payload.ts';
import type { TestCloud } from '#test/support/cloud.ts';

export interface Caller {
  readonly userId: string;
  readonly name: string;
  readonly password: string;
  readonly token: string;
}

export interface Callers {
  readonly admin: string;
  readonly projectA: string;
  readonly projectB: string;
  /** Member of A: owns what is attacked. */
  readonly alice: Caller;
  /** Reader of A. */
  readonly rita: Caller;
  /** Member of B. */
  readonly bob: Caller;
  readonly roles: Readonly<Record<string, string>>;
}

export type Scope = Readonly<Record<string, unknown>> | 'unscoped';

/** @returns the token's text */
export async function logIn(
  client: HostileClient,
  user: Readonly<{ id?: string; name?: string; password: string }>,
  scope?: Scope,
): Promise<string> {
  const { id, name, password } = user;
  const who = id === undefined ? { name, domain: { id: 'default' } } : { id };
  const outcome = await client.send({
    method: 'POST',
    path: '/identity/v3/auth/tokens',
    body: {
      auth: {
        identity: { methods: ['password'], password: { user: { ...who, password } } },
        ...(scope === undefined ? {} : { scope }),
      },
    },
  });
  const token = outcome.headers['x-subject-token'];
  if (typeof token !== 'string') throw new Error(`no token: ${outcome.status} ${outcome.text}`);
  return token;
}

export async function makeCallers(cloud: TestCloud, client: HostileClient): Promise<Callers> {
  const { token: admin } = await readCloud(cloud.running.data.path, 'pileus-admin');
  const v3 = '/identity/v3';
  const project = async (name: string): Promise<string> => {
    const made = await client.ok({
      method: 'POST',
      path: `${v3}/projects`,
      token: admin,
      body: { project: { name } },
    });
    return String(made['project']?.['id']);
  };
  const listed = await client.ok({ method: 'GET', path: `${v3}/roles`, token: admin });
  const roles = Object.fromEntries(
    (listed['roles'] as unknown as Array<{ id: string; name: string }>).map(({ id, name }) => [name, id]),
  );
  const caller = async (name: string, projectId: string, role: string): Promise<Caller> => {
    const password = `secret-of-${name}-4711`;
    const made = await client.ok({
      method: 'POST',
      path: `${v3}/users`,
      token: admin,
      body: { user: { name, password } },
    });
    const userId = String(made['user']?.['id']);
    await client.ok({
      method: 'PUT',
      path: `${v3}/projects/${projectId}/users/${userId}/roles/${roles[role]}`,
      token: admin,
    });
    const token = await logIn(client, { id: userId, password }, { project: { id: projectId } });
    return { userId, name, password, token };
  };
  const projectA = await project('hostile-a');
  const projectB = await project('hostile-b');
  return {
    admin,
    projectA,
    projectB,
    roles,
    alice: await caller('alice', projectA, 'member'),
    rita: await caller('rita', projectA, 'reader'),
    bob: await caller('bob', projectB, 'member'),
  };
}

export interface Newcomer {
  readonly user: string;
  readonly project: string;
  readonly role: string;
  readonly token: string;
}

let newcomers = 0;

/** A member of a project of their own, whom every service has seen. */
export async function newcomer(client: HostileClient, { admin, roles }: Callers): Promise<Newcomer> {
  const v3 = '/identity/v3';
  const name = `newcomer-${++newcomers}`;
  const make = async (key: 'user' | 'project', body: object): Promise<string> => {
    const made = await client.ok({
      method: 'POST',
      path: `${v3}/${key}s`,
      token: admin,
      body: { [key]: body },
    });
    return String(made[key]?.['id']);
  };
  const password = `secret-of-${name}-4711`;
  const user = await make('user', { name, password });
  const project = await make('project', { name });
  const role = String(roles['member']);
  await client.ok({
    method: 'PUT',
    path: `${v3}/projects/${project}/users/${user}/roles/${role}`,
    token: admin,
  });
  const token = await logIn(client, { id: user, password }, { project: { id: project } });
  for (const path of ['compute/v2.1/servers', 'network/v2.0/ports', 'image/v2/images', 'volume/v3/volumes'])
    await client.ok({ method: 'GET', path: `/${path}`, token }); // each has it in its memory
  return { user, project, role, token };
}

/** A copy of `token` that expired a second ago, sealed with the cloud's own key. */
export function expiredToken(cloud: TestCloud, token: string): string {
  const keys = new KeyRepository(join(cloud.running.data.path, 'services/identity/fernet-keys'), 3);
  const payload = decodePayload(keys.open(token) ?? Buffer.alloc(0));
  if (payload === undefined) throw new Error('the cloud has other keys');
  const expiresAt = Date.now() - 1000;
  const issuedAt = expiresAt - 3_600_000;
  return keys.seal(encodePayload({ ...payload, issuedAt, expiresAt, auditIds: [newAuditId()] }), issuedAt);
}

/** The administrator's token of the whole cloud, made from that of a project. */
export async function systemToken(client: HostileClient, admin: string): Promise<string> {
  const answer = await client.send({
    method: 'POST',
    path: '/identity/v3/auth/tokens',
    body: {
      auth: { identity: { methods: ['token'], token: { id: admin } }, scope: { system: { all: true } } },
    },
  });
  return String(answer.headers['x-subject-token']);
}
