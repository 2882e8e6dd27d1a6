// `POST /v3/ec2tokens` and `/v3/s3tokens`: a service that got a request signed with an EC2 credential asks who signed it, and
// gets a token of theirs. Only services and administrators may ask: whoever sees a signature could else become its user.
import { timingSafeEqual } from 'node:crypto';
import { Reply, type Call } from '#platform/http/api.ts';
import type { CredentialRow } from '../database.ts';
import type { IdentityDeps } from '../deps.ts';
import { Invalid, NotFound, Unauthorized } from '../errors.ts';
import { findCredential } from '../credentials/store.ts';
import { trustChain } from '../tokens/delegation.ts';
import type { Grant } from '../tokens/provider.ts';
import { isUsable } from '../trusts/usable.ts';
import { idOfAccess, keysOf, type Keys } from './keys.ts';
import type { ExchangeBody } from './routes.ts';
import { s3SignatureOf, signatureOf, timesOf, type SignedRequest } from './signature.ts';

/** How old a signature may be, as upstream by default; and how far ahead a clock may go. */
const MAX_AGE_MS = 15 * 60_000;

type Given = NonNullable<ExchangeBody['credentials']>;

export async function exchangeEc2(call: Call, deps: IdentityDeps): Promise<Reply> {
  const given = givenOf(call);
  const { row, keys } = await credentialOf(deps, given);
  const request: SignedRequest = {
    verb: given.verb ?? '',
    host: given.host ?? '',
    path: given.path ?? '',
    params: texts(given.params),
    headers: texts(given.headers),
    bodyHash: given.body_hash ?? '',
  };
  if (!given.signature) throw new Unauthorized('EC2 signature not supplied');
  const withoutPort = { ...request, host: request.host.replace(/:\d*$/, '') }; // some sign without it
  const right = [request, withoutPort].some((each) =>
    isSame(given.signature ?? '', signatureOf(each, keys.secret)),
  );
  if (!right) throw new Unauthorized('invalid EC2 signature');
  checkTime(request, deps.clock.now());
  const { token, body } = await deps.tokens.issue(await grantOf(deps, row, keys));
  return new Reply(200, { token: body }, { 'x-subject-token': token });
}

export async function exchangeS3(call: Call, deps: IdentityDeps): Promise<Reply> {
  const given = givenOf(call);
  const { row, keys } = await credentialOf(deps, given);
  const expected = s3SignatureOf(Buffer.from(given.token ?? '', 'base64url'), keys.secret);
  if (!given.token || !isSame(given.signature ?? '', expected)) {
    throw new Unauthorized('credential signature mismatch');
  }
  const { body } = await deps.tokens.issue(await grantOf(deps, row, keys));
  return new Reply(200, { token: body });
}

function givenOf(call: Call): Given {
  const body = call.body as ExchangeBody;
  if (Object.keys(body).length === 0) throw new Invalid('request must include a request body');
  return body.credentials ?? body.credential ?? body.ec2Credentials ?? {};
}

function texts(given: Given['params']): Record<string, string> {
  return Object.fromEntries(Object.entries(given ?? {}).map(([key, value]) => [key, String(value)]));
}

async function credentialOf(deps: IdentityDeps, given: Given): Promise<{ row: CredentialRow; keys: Keys }> {
  if (given.access === undefined) throw new Unauthorized('EC2 signature not supplied');
  const row = await findCredential(deps.db.kysely, idOfAccess(given.access));
  const keys = row?.type === 'ec2' ? keysOf(row, deps) : undefined;
  if (!row || keys?.access !== given.access) throw new NotFound('EC2 access key', given.access);
  return { row, keys };
}

function isSame(given: string, expected: string | undefined): boolean {
  if (expected === undefined || given === '') return false;
  const [a, b] = [Buffer.from(given), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}

/** One that says no time at all could be shown again for ever. */
function checkTime(request: SignedRequest, now: number): void {
  const { signedAt, expires } = timesOf(request);
  const fits =
    signedAt === undefined
      ? expires !== undefined && expires > now
      : signedAt + MAX_AGE_MS >= now && signedAt - MAX_AGE_MS <= now;
  if (!fits) throw new Unauthorized('the credential is expired, or its time is none');
}

/** What the credential was made with limits what it gives. @throws Unauthorized when that is gone or was another's */
async function grantOf(deps: IdentityDeps, row: CredentialRow, keys: Keys): Promise<Grant> {
  const { user_id: userId, project_id: projectId } = row;
  if (projectId === null) throw new Unauthorized('the credential is for no project');
  const base = { userId, methods: ['ec2credential'], scope: { kind: 'project', id: projectId } } as const;
  if (keys.trust_id !== undefined) return { ...base, ...(await byTrust(deps, row, keys.trust_id)) };
  if (keys.app_cred_id !== undefined) {
    const own = await deps.directory.applicationCredential(keys.app_cred_id);
    if (own?.user_id !== userId || own.project_id !== projectId) {
      throw new Unauthorized('the application credential is gone, or for another project');
    }
    return {
      ...base,
      applicationCredentialId: own.id,
      ...(own.expires_at === null ? {} : { notAfter: Date.parse(own.expires_at) }),
    };
  }
  if (keys.access_token_id !== undefined) {
    const token = await deps.directory.accessToken(keys.access_token_id);
    if (token?.user_id !== userId || token.project_id !== projectId) {
      throw new Unauthorized('the access token is gone, or for another project');
    }
    return { ...base, accessTokenId: token.id, notAfter: Date.parse(token.expires_at) };
  }
  return base;
}

/** Its user was what the trust's tokens say: the trustor when the trustee goes by that name. */
async function byTrust(
  deps: IdentityDeps,
  row: CredentialRow,
  trustId: string,
): Promise<Pick<Grant, 'userId' | 'trustId' | 'notAfter'>> {
  const [trust] = await trustChain(deps.directory, trustId);
  const owner = trust?.impersonation === 1 ? trust.trustor_user_id : trust?.trustee_user_id;
  if (
    !trust ||
    !isUsable(trust, deps.clock) ||
    owner !== row.user_id ||
    trust.project_id !== row.project_id
  ) {
    throw new Unauthorized('the trust is gone, or for another project');
  }
  return {
    userId: trust.trustee_user_id,
    trustId: trust.id,
    ...(trust.expires_at === null ? {} : { notAfter: Date.parse(trust.expires_at) }),
  };
}
