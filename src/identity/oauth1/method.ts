// The authentication method `oauth1`: a login that is signed with an access token's secret instead of telling a password.
import type { Call } from '#platform/http/api.ts';
import type { AccessTokenRow } from '../database.ts';
import type { IdentityDeps } from '../deps.ts';
import { Unauthorized } from '../errors.ts';
import { consumerOf, secretOf } from './flow.ts';
import { oauthParameters, verifySigned } from './verify.ts';

/** @throws Unauthorized @throws Invalid without the header */
export async function accessTokenOf(call: Call, deps: IdentityDeps): Promise<AccessTokenRow> {
  const parameters = oauthParameters(call, ['oauth_consumer_key', 'oauth_token']);
  const consumer = await consumerOf(deps, parameters.oauth_consumer_key);
  const token = await deps.directory.accessToken(parameters.oauth_token);
  if (token?.consumer_id !== consumer.id) throw new Unauthorized('no such access token of the consumer');
  if (Date.parse(token.expires_at) <= deps.clock.now()) throw new Unauthorized('Access token is expired');
  const secrets = { consumer: secretOf(deps, consumer), token: secretOf(deps, token) };
  await verifySigned(call, deps.clock, deps.seenRequests, parameters, secrets);
  return token;
}
