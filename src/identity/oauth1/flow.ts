// How a consumer comes to an access token: it asks for a request token, a user authorizes that with some of its roles and
// passes the verifier on, and the consumer exchanges both. Its own requests are signed and carry no token of identity.
import { randomInt } from 'node:crypto';
import { Type, type Static } from 'typebox';
import { Reply, type Call } from '#platform/http/api.ts';
import type { ConsumerRow, RequestTokenRow } from '../database.ts';
import { isDelegated } from '../delegated.ts';
import { newId, type IdentityDeps } from '../deps.ts';
import { rolesAt } from '../directory/role-graph.ts';
import { Forbidden, Invalid, NotFound, Unauthorized } from '../errors.ts';
import { Id, lookUp, Name } from '../resource.ts';
import { tokenTime } from '../tokens/provider.ts';
import {
  authorizeRequestToken,
  findConsumer,
  findRequestToken,
  insertAccessToken,
  insertRequestToken,
  removeRequestToken,
} from './store.ts';
import { oauthParameters, verifySigned } from './verify.ts';

/** As upstream by default. */
const REQUEST_TOKEN_MS = 28_800_000;
const ACCESS_TOKEN_MS = 86_400_000;
const VERIFIER_CHARACTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

export const authorizeBody = Type.Object({
  roles: Type.Optional(
    Type.Array(
      Type.Union([
        Type.Object({ id: Id }, { additionalProperties: false }),
        Type.Object({ name: Name }, { additionalProperties: false }),
      ]),
      { maxItems: 100 },
    ),
  ),
});

export async function createRequestToken(call: Call, deps: IdentityDeps): Promise<Reply> {
  const parameters = oauthParameters(call, ['oauth_consumer_key']);
  const projectId = call.headers['requested-project-id'];
  if (typeof projectId !== 'string' || projectId === '') {
    throw new Invalid('Expecting to find Requested-Project-Id in request.');
  }
  const consumer = await consumerOf(deps, parameters.oauth_consumer_key);
  const secrets = { consumer: secretOf(deps, consumer), token: '' };
  await verifySigned(call, deps.clock, deps.seenRequests, parameters, secrets);
  const project = await deps.directory.project(projectId);
  if (!project || project.is_domain === 1) throw new NotFound('project', projectId);
  const secret = newId();
  const row: RequestTokenRow = {
    id: newId(),
    sealed_secret: sealed(deps, secret),
    consumer_id: consumer.id,
    project_id: project.id,
    verifier: null,
    user_id: null,
    roles: null,
    expires_at: tokenTime(deps.clock.now() + REQUEST_TOKEN_MS),
  };
  await deps.db.transaction(async (trx) => insertRequestToken(trx, row, tokenTime(deps.clock.now())));
  return tokenAnswer(row.id, secret, row.expires_at);
}

/** The verifier is for the user to hand to the consumer. */
export async function authorize(call: Call, deps: IdentityDeps): Promise<unknown> {
  const { roles = [] } = call.body as Static<typeof authorizeBody>;
  if (isDelegated(call.principal)) {
    throw new Forbidden('Cannot authorize a request token with a token issued via delegation.');
  }
  const id = call.params['id'] ?? '';
  const token = await lookUp(id, async (key) => findRequestToken(deps.db.kysely, key));
  if (!token) throw new NotFound('request token', id);
  refuseExpired(deps, token);
  const graph = await deps.directory.roleGraph();
  const held = await heldOn(deps, call.principal.userId, token.project_id);
  const ids = roles.map((asked) => {
    const role = [...graph.roles.values()].find((each) =>
      'id' in asked ? each.id === asked.id : each.name === asked.name && each.domain_id === '',
    );
    if (!role) throw new NotFound('role', 'id' in asked ? asked.id : asked.name);
    if (!held.includes(role.id)) throw new Unauthorized('authorizing user does not have role required');
    return role.id;
  });
  const verifier = Array.from(
    { length: 8 },
    () => VERIFIER_CHARACTERS[randomInt(VERIFIER_CHARACTERS.length)],
  );
  const changes = {
    verifier: verifier.join(''),
    user_id: call.principal.userId,
    roles: JSON.stringify([...new Set(ids)]),
  };
  await deps.db.transaction(async (trx) => authorizeRequestToken(trx, token.id, changes));
  return { token: { oauth_verifier: changes.verifier } };
}

async function heldOn(deps: IdentityDeps, userId: string, projectId: string): Promise<readonly string[]> {
  const project = await deps.directory.project(projectId);
  if (!project) throw new NotFound('project', projectId);
  const place = await deps.directory.placeOfProject(project);
  return rolesAt(await deps.directory.roleGraph(), await deps.directory.assignments(userId), place);
}

export async function createAccessToken(call: Call, deps: IdentityDeps): Promise<Reply> {
  const parameters = oauthParameters(call, ['oauth_consumer_key', 'oauth_token', 'oauth_verifier']);
  const consumer = await consumerOf(deps, parameters.oauth_consumer_key);
  const token = await lookUp(parameters.oauth_token, async (key) => findRequestToken(deps.db.kysely, key));
  if (token?.consumer_id !== consumer.id) throw new Unauthorized('no such request token of the consumer');
  refuseExpired(deps, token);
  const secrets = { consumer: secretOf(deps, consumer), token: secretOf(deps, token) };
  await verifySigned(call, deps.clock, deps.seenRequests, parameters, secrets);
  const { user_id: userId, roles, verifier } = token;
  if (userId === null || roles === null || verifier !== parameters.oauth_verifier) {
    throw new Unauthorized('the request token is not authorized, or another verifier was given');
  }
  const secret = newId();
  const row = {
    id: newId(),
    sealed_secret: sealed(deps, secret),
    consumer_id: consumer.id,
    project_id: token.project_id,
    user_id: userId,
    roles,
    expires_at: tokenTime(deps.clock.now() + ACCESS_TOKEN_MS),
  };
  await deps.db.transaction(async (trx) => {
    if (!(await removeRequestToken(trx, token.id))) throw new Unauthorized('the request token was used');
    await insertAccessToken(trx, row);
  });
  return tokenAnswer(row.id, secret, row.expires_at);
}

function tokenAnswer(id: string, secret: string, expiresAt: string): Reply {
  const text = `oauth_token=${id}&oauth_token_secret=${secret}&oauth_expires_at=${expiresAt}`;
  return new Reply(201, text, { 'content-type': 'application/x-www-form-urlencoded' });
}

/** @throws Unauthorized: who may be a consumer is not told to strangers */
export async function consumerOf(deps: IdentityDeps, id: string): Promise<ConsumerRow> {
  const row = await lookUp(id, async (key) => findConsumer(deps.db.kysely, key));
  if (!row) throw new Unauthorized('no such consumer');
  return row;
}

export function secretOf(deps: IdentityDeps, row: { readonly sealed_secret: string }): string {
  const secret = deps.credentialKeys.open(row.sealed_secret)?.toString('utf8');
  if (secret === undefined) throw new Unauthorized('the secret was sealed with a key that is gone');
  return secret;
}

function sealed(deps: IdentityDeps, secret: string): string {
  return deps.credentialKeys.seal(Buffer.from(secret, 'utf8'), deps.clock.now());
}

function refuseExpired(deps: IdentityDeps, token: { readonly expires_at: string }): void {
  if (Date.parse(token.expires_at) <= deps.clock.now()) throw new Unauthorized('Request token is expired');
}
