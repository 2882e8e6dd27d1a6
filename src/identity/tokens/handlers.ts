// Logins, and the life of a token: `POST`, `GET`, `HEAD` and `DELETE /v3/auth/tokens`.
import { Reply, type Call } from '#platform/http/api.ts';
import type { TokenBody } from '#platform/auth/token-body.ts';
import type { IdentityDeps } from '../deps.ts';
import type { TrustRow } from '../database.ts';
import { Forbidden, NotFound, Unauthorized } from '../errors.ts';
import { takeUse } from '../trusts/store.ts';
import { prove, type Proof } from './methods.ts';
import type { TokenScope } from './payload.ts';
import type { ValidToken } from './provider.ts';
import { askForMore } from './receipts.ts';
import type { CreateToken } from './schema.ts';
import { wantedScope } from './scope.ts';

export async function createToken(call: Call, deps: IdentityDeps): Promise<Reply> {
  const { auth } = call.body as CreateToken;
  const proof = await prove(call, deps, auth.identity);
  const more = await askForMore(deps, proof.userId, proof.methods);
  if (more) return more;
  const wanted = await wantedScope(deps, proof, auth.scope);
  const issued = wanted.byDefault
    ? await issueByDefault(deps, proof, wanted.scope)
    : await issue(deps, proof, wanted.scope, wanted.trust);
  if (wanted.trust) await useOnce(deps, wanted.trust);
  return new Reply(201, { token: withoutCatalog(call, issued.body) }, { 'x-subject-token': issued.token });
}

async function issue(
  deps: IdentityDeps,
  proof: Proof,
  scope: TokenScope,
  trust?: TrustRow,
): Promise<{ token: string; body: TokenBody }> {
  const { credential, accessToken } = proof;
  const ends = (trust ?? credential ?? accessToken)?.expires_at ?? undefined;
  const notAfter = ends === undefined ? undefined : Date.parse(ends);
  return deps.tokens.issue({
    userId: proof.userId,
    methods: proof.methods,
    scope,
    ...(proof.parent ? { parent: proof.parent } : {}),
    ...(credential ? { applicationCredentialId: credential.id } : {}),
    ...(trust ? { trustId: trust.id } : {}),
    ...(accessToken ? { accessTokenId: accessToken.id } : {}),
    ...(notAfter === undefined ? {} : { notAfter }),
  });
}

/** @throws Forbidden when others were faster and none is left */
async function useOnce(deps: IdentityDeps, trust: TrustRow): Promise<void> {
  if (trust.remaining_uses === null) return;
  const taken = await deps.db.transaction(async (trx) => takeUse(trx, trust.id));
  if (!taken) throw new Forbidden(`no remaining uses for trust: ${trust.id}`);
}

/** A default project that is gone, or where the user has no role, gives an unscoped token instead of a refusal. */
async function issueByDefault(
  deps: IdentityDeps,
  proof: Proof,
  scope: TokenScope,
): Promise<{ token: string; body: TokenBody }> {
  try {
    return await issue(deps, proof, scope);
  } catch (error) {
    if (scope.kind === 'unscoped' || !(error instanceof Unauthorized)) throw error;
    return issue(deps, proof, { kind: 'unscoped' });
  }
}

export async function showToken(call: Call, deps: IdentityDeps): Promise<Reply> {
  const allowExpired = isTrue(call.query.get('allow_expired'));
  const { body } = await subject(call, deps, 'identity:validate_token', allowExpired);
  return new Reply(200, { token: withoutCatalog(call, body) }, { 'x-subject-token': subjectText(call) });
}

export async function checkToken(call: Call, deps: IdentityDeps): Promise<Reply> {
  await subject(call, deps, 'identity:check_token', isTrue(call.query.get('allow_expired')));
  return new Reply(200, undefined, { 'x-subject-token': subjectText(call) });
}

export async function revokeToken(call: Call, deps: IdentityDeps): Promise<Reply> {
  const { payload } = await subject(call, deps, 'identity:revoke_token', false);
  await deps.revocations.revokeToken(payload);
  return new Reply(204);
}

function subjectText(call: Call): string {
  const header = call.headers['x-subject-token'];
  return typeof header === 'string' ? header : '';
}

/**
 * Who asks of a token that does not hold hears so whatever they may ask: clients wait for this 404 after a revocation.
 * @throws NotFound for a subject that is no token, or holds no more: a 401 would mean the caller's own.
 */
async function subject(
  call: Call,
  deps: IdentityDeps,
  rule: string,
  allowExpired: boolean,
): Promise<ValidToken> {
  const valid = await deps.tokens.validate(subjectText(call), { allowExpired }).catch((error: unknown) => {
    if (error instanceof Unauthorized) return undefined;
    throw error;
  });
  if (!valid) throw new NotFound('token', 'the subject token');
  call.enforce(rule, { 'target.token.user_id': valid.payload.userId });
  return valid;
}

function withoutCatalog(call: Call, body: TokenBody): TokenBody {
  if (!call.query.has('nocatalog')) return body;
  const { catalog: _, ...rest } = body;
  return rest;
}

function isTrue(text: string | null): boolean {
  return text !== null && !['0', 'false', 'no', 'off'].includes(text.toLowerCase());
}
