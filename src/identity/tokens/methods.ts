// The ways to prove who one is: password, an earlier token, an application credential. Each yields who it is and what
// that limits; every failure but of a token is the same 401.
import type { Call } from '#platform/http/api.ts';
import type { AccessTokenRow, ApplicationCredentialRow, UserRow } from '../database.ts';
import type { IdentityDeps } from '../deps.ts';
import { Forbidden, Invalid, NotFound, Unauthorized } from '../errors.ts';
import { listCredentialRows } from '../credentials/store.ts';
import { accessTokenOf } from '../oauth1/method.ts';
import { enabledUser } from './context.ts';
import { METHODS, type AuthMethod, type TokenPayload } from './payload.ts';
import { receiptOf } from './receipts.ts';
import type { DomainReference, IdentityPart } from './schema.ts';

export interface Proof {
  readonly userId: string;
  readonly methods: readonly AuthMethod[];
  readonly parent?: TokenPayload;
  readonly credential?: ApplicationCredentialRow;
  readonly accessToken?: AccessTokenRow;
}

/** @throws Unauthorized @throws Invalid when a method is named but its part is absent */
export async function prove(call: Call, deps: IdentityDeps, identity: IdentityPart): Promise<Proof> {
  const receipt = receiptOf(call, deps);
  const proofs: Proof[] = [];
  for (const method of new Set(identity.methods)) proofs.push(await proveBy(call, deps, method, identity));
  const [first] = proofs;
  if (!first || [...proofs, receipt].some((each) => each && each.userId !== first.userId)) {
    throw new Unauthorized('the methods name different users');
  }
  const parent = proofs.find((proof) => proof.parent)?.parent;
  const credential = proofs.find((proof) => proof.credential)?.credential;
  const accessToken = proofs.find((proof) => proof.accessToken)?.accessToken;
  const used = new Set([...proofs, ...(receipt ? [receipt] : [])].flatMap((each) => each.methods));
  return {
    userId: first.userId,
    methods: METHODS.filter((method) => used.has(method)),
    ...(parent ? { parent } : {}),
    ...(credential ? { credential } : {}),
    ...(accessToken ? { accessToken } : {}),
  };
}

async function proveBy(
  call: Call,
  deps: IdentityDeps,
  method: string,
  identity: IdentityPart,
): Promise<Proof> {
  switch (method) {
    case 'password':
      return byPassword(deps, part(identity.password, method));
    case 'token':
      return byToken(deps, part(identity.token, method).id);
    case 'application_credential':
      return byCredential(deps, part(identity.application_credential, method));
    case 'totp':
      return byPasscode(deps, part(identity.totp, method));
    case 'oauth1':
      part(identity.oauth1, method);
      return byAccessToken(call, deps);
    default:
      part((identity as Readonly<Record<string, unknown>>)[method], method);
      throw new Unauthorized('no such authentication method');
  }
}

function part<T>(value: T | undefined, method: string): T {
  if (value === undefined) throw new Invalid(`Expecting to find ${method} in identity.`);
  return value;
}

async function byPassword(deps: IdentityDeps, given: NonNullable<IdentityPart['password']>): Promise<Proof> {
  const { password, ...reference } = given.user;
  const user = await findReferencedUser(deps, reference);
  await deps.passwords.check(user, password);
  if (!user) throw new Unauthorized('no such user');
  await enabledUser(deps.directory, user.id);
  return { userId: user.id, methods: ['password'] };
}

/** @throws Unauthorized, whatever was wrong */
async function byPasscode(deps: IdentityDeps, given: NonNullable<IdentityPart['totp']>): Promise<Proof> {
  const { passcode, ...reference } = given.user;
  const user = await findReferencedUser(deps, reference);
  if (!user) throw new Unauthorized('no such user');
  const rows = await listCredentialRows(deps.db.kysely, { user_id: user.id, type: 'totp' });
  const secrets = rows.map(
    (row) => [row.id, deps.credentialKeys.open(row.encrypted_blob)?.toString('utf8') ?? ''] as const,
  );
  const right = await deps.passcodes.take(user.id, new Map(secrets), passcode);
  if (!right) throw new Unauthorized('wrong passcode');
  await enabledUser(deps.directory, user.id);
  return { userId: user.id, methods: ['totp'] };
}

interface UserReference {
  readonly id?: string;
  readonly name?: string;
  readonly domain?: DomainReference;
}

/** @throws Invalid for a reference that can name no one */
async function findReferencedUser(
  deps: IdentityDeps,
  reference: UserReference,
): Promise<UserRow | undefined> {
  if (reference.id !== undefined) return deps.directory.user(reference.id);
  if (reference.name === undefined) throw new Invalid('Expecting to find id or name in user.');
  const domainId = await domainIdOf(deps, reference.domain);
  return domainId === undefined ? undefined : deps.directory.userByName(reference.name, domainId);
}

/** @throws Invalid when there is no reference, or it is empty */
export async function domainIdOf(
  deps: IdentityDeps,
  reference: DomainReference | undefined,
): Promise<string | undefined> {
  if (reference?.id !== undefined) return reference.id;
  if (reference?.name === undefined) throw new Invalid('Expecting to find id or name in domain.');
  return (await deps.directory.domainByName(reference.name))?.id;
}

/** @throws NotFound for a token that holds no more, as upstream: the one failure that is no 401 */
async function byToken(deps: IdentityDeps, id: string): Promise<Proof> {
  const { payload } = await deps.tokens.validate(id).catch((error: unknown) => {
    if (error instanceof Unauthorized) throw new NotFound('token', 'the one to log in with');
    throw error;
  });
  if (payload.applicationCredentialId !== undefined) {
    throw new Forbidden('a token of an application credential cannot be rescoped.');
  }
  if (payload.trustId !== undefined || payload.accessTokenId !== undefined) {
    throw new Forbidden('a token that was delegated makes no other: log in with the trust or access token.');
  }
  return {
    userId: payload.userId,
    methods: [...new Set<AuthMethod>(['token', ...payload.methods])],
    parent: payload,
  };
}

async function byAccessToken(call: Call, deps: IdentityDeps): Promise<Proof> {
  const accessToken = await accessTokenOf(call, deps);
  await enabledUser(deps.directory, accessToken.user_id);
  return { userId: accessToken.user_id, methods: ['oauth1'], accessToken };
}

async function byCredential(
  deps: IdentityDeps,
  given: NonNullable<IdentityPart['application_credential']>,
): Promise<Proof> {
  const { secret = '' } = given;
  const credential = await findCredential(deps, given);
  const right = credential
    ? await deps.passwords.isSecret(secret, credential.secret_hash)
    : await deps.passwords.isSecret(secret, undefined);
  if (!right || !credential) throw new Unauthorized('no such application credential, or a wrong secret');
  if (credential.expires_at !== null && Date.parse(credential.expires_at) <= deps.clock.now()) {
    throw new Unauthorized('the application credential has expired');
  }
  await enabledUser(deps.directory, credential.user_id);
  return { userId: credential.user_id, methods: ['application_credential'], credential };
}

async function findCredential(
  deps: IdentityDeps,
  given: NonNullable<IdentityPart['application_credential']>,
): Promise<ApplicationCredentialRow | undefined> {
  if (given.id !== undefined) return deps.directory.applicationCredential(given.id);
  if (given.name === undefined || given.user === undefined) {
    throw new Invalid('Expecting to find id, or name and user, in application_credential.');
  }
  const user = await findReferencedUser(deps, given.user);
  return user && deps.directory.applicationCredentialByName(given.name, user.id);
}
