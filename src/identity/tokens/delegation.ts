// What a token may at most when somebody gave it to somebody else: by an application credential, a trust, an OAuth access
// token. Asked by `context.ts` at issue and at each validation.
import type { TokenBody } from '#platform/auth/token-body.ts';
import type { ApplicationCredentialRow, TrustRow, UserRow } from '../database.ts';
import type { Directory } from '../directory/directory.ts';
import type { RoleGraph } from '../directory/role-graph.ts';
import { Forbidden, Unauthorized } from '../errors.ts';
import type { TokenPayload } from './payload.ts';

export type Holder = Pick<
  TokenPayload,
  'userId' | 'scope' | 'applicationCredentialId' | 'trustId' | 'accessTokenId'
>;

/** Finds out that a user, or their domain, is absent or disabled. @throws Unauthorized */
export type EnabledUser = (directory: Directory, id: string) => Promise<UserRow>;

export interface Delegation {
  /** Whose token it says it is. */
  readonly user: UserRow;
  /** Whose roles count. */
  readonly rolesOf: string;
  /** From the roles that those have at the scope, those of the token. @throws Forbidden */
  readonly choose: (graph: RoleGraph, held: readonly string[]) => readonly string[];
  readonly part: Pick<TokenBody, 'application_credential' | 'OS-TRUST:trust' | 'OS-OAUTH1'>;
  readonly expiresAt: string | undefined;
}

/** @throws Unauthorized @throws Forbidden for a trust that does not hold for this user */
export async function delegationOf(
  directory: Directory,
  holder: Holder,
  enabledUser: EnabledUser,
): Promise<Delegation> {
  const user = await enabledUser(directory, holder.userId);
  if (holder.applicationCredentialId !== undefined) {
    return byCredential(directory, user, holder.applicationCredentialId);
  }
  if (holder.trustId !== undefined) return byTrust(directory, user, holder.trustId, enabledUser);
  if (holder.accessTokenId !== undefined) return byAccessToken(directory, user, holder.accessTokenId);
  return {
    user,
    rolesOf: user.id,
    choose: (_, held) => held,
    part: {},
    expiresAt: undefined,
  };
}

async function byCredential(directory: Directory, user: UserRow, id: string): Promise<Delegation> {
  const credential = await directory.applicationCredential(id);
  if (!credential || credential.user_id !== user.id) {
    throw new Unauthorized('the application credential is gone');
  }
  return {
    user,
    rolesOf: user.id,
    choose: (graph, held) => {
      const limit = graph.expand(JSON.parse(credential.roles) as string[]);
      return held.filter((role) => limit.includes(role));
    },
    part: { application_credential: await credentialView(directory, credential) },
    expiresAt: credential.expires_at ?? undefined,
  };
}

async function credentialView(
  directory: Directory,
  credential: ApplicationCredentialRow,
): Promise<NonNullable<TokenBody['application_credential']>> {
  const rules = credential.restricted_access === 1 ? await directory.accessRules(credential.id) : undefined;
  return {
    id: credential.id,
    name: credential.name,
    restricted: credential.unrestricted !== 1,
    ...(rules
      ? { access_rules: rules.map(({ id, service, method, path }) => ({ id, service, method, path })) }
      : {}),
  };
}

async function byAccessToken(directory: Directory, user: UserRow, id: string): Promise<Delegation> {
  const token = await directory.accessToken(id);
  if (token?.user_id !== user.id) throw new Unauthorized('the access token is gone');
  return {
    user,
    rolesOf: user.id,
    choose: (graph, held) => {
      const limit = graph.expand(JSON.parse(token.roles) as string[]);
      return held.filter((role) => limit.includes(role));
    },
    part: { 'OS-OAUTH1': { access_token_id: token.id, consumer_id: token.consumer_id } },
    expiresAt: token.expires_at,
  };
}

async function byTrust(
  directory: Directory,
  trustee: UserRow,
  id: string,
  enabledUser: EnabledUser,
): Promise<Delegation> {
  const chain = await trustChain(directory, id);
  const [trust] = chain;
  const origin = chain.at(-1);
  if (!trust || !origin) throw new Unauthorized('the trust is gone');
  if (trust.trustee_user_id !== trustee.id) throw new Forbidden('User is not a trustee.');
  const trustor = await agent(directory, trust.trustor_user_id, enabledUser, 'Trustor is disabled.');
  for (const each of chain.slice(1)) {
    const told = 'One of the trust agents is disabled or deleted';
    await agent(directory, each.trustee_user_id, enabledUser, told);
    await agent(directory, each.trustor_user_id, enabledUser, told);
  }
  return {
    user: trust.impersonation === 1 ? trustor : trustee,
    rolesOf: origin.trustor_user_id,
    choose: (graph, held) => rolesOfTrust(trust, graph, held),
    part: {
      'OS-TRUST:trust': {
        id: trust.id,
        impersonation: trust.impersonation === 1,
        trustor_user: { id: trust.trustor_user_id },
        trustee_user: { id: trust.trustee_user_id },
      },
    },
    expiresAt: trust.expires_at ?? undefined,
  };
}

/** The trust, the one that it was made from, and so on. @throws Unauthorized when a link is gone */
export async function trustChain(directory: Directory, id: string): Promise<TrustRow[]> {
  const chain: TrustRow[] = [];
  for (let next: string | null = id; next !== null;) {
    const trust: TrustRow | undefined = await directory.trust(next);
    if (!trust || chain.includes(trust)) throw new Unauthorized('the trust, or one it comes from, is gone');
    chain.push(trust);
    next = trust.redelegated_trust_id;
  }
  return chain;
}

async function agent(
  directory: Directory,
  id: string,
  enabledUser: EnabledUser,
  told: string,
): Promise<UserRow> {
  try {
    return await enabledUser(directory, id);
  } catch (error) {
    if (error instanceof Unauthorized) throw new Forbidden(told);
    throw error;
  }
}

/** All or nothing: a trust of which a part was taken back is void. */
function rolesOfTrust(trust: TrustRow, graph: RoleGraph, held: readonly string[]): readonly string[] {
  const given = JSON.parse(trust.roles) as string[];
  const wanted = graph.expand(given);
  if ([...given, ...wanted].some((role) => !held.includes(role))) {
    throw new Forbidden('Trustee has no delegated roles.');
  }
  return wanted;
}
