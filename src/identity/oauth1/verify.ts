// Whether a request is signed by a consumer and, for later steps, with a token's secret: each request once, and lately.
import { hash } from 'node:crypto';
import type { Clock } from '#platform/context/clock.ts';
import type { Call } from '#platform/http/api.ts';
import type { IdentityDatabase } from '../database.ts';
import { Invalid, Unauthorized } from '../errors.ts';
import { isSignedWith, parametersOf, type OAuthParameters, type Secrets } from './signature.ts';
import { insertRequest } from './store.ts';

/** How far the clocks of client and service may be apart, as upstream. */
const MAX_SKEW_MS = 600_000;

/** Which requests were sent before: the database knows them until their time has passed. */
export class SeenRequests {
  readonly #clock: Clock;
  readonly #db: IdentityDatabase;

  constructor(clock: Clock, db: IdentityDatabase) {
    this.#clock = clock;
    this.#db = db;
  }

  /** False when it was seen before. Of several at once one is new. */
  async isNew(parameters: OAuthParameters): Promise<boolean> {
    const { oauth_consumer_key: consumer, oauth_token: token } = parameters;
    const { oauth_timestamp: time, oauth_nonce: nonce } = parameters;
    const digest = hash('sha256', JSON.stringify([consumer, token, time, nonce]));
    const now = this.#clock.now();
    return insertRequest(this.#db.kysely, { digest, forget_at: now + 2 * MAX_SKEW_MS }, now);
  }
}

/** @throws Invalid without an OAuth header, or without one of `needed` in it */
export function oauthParameters<N extends string>(
  call: Call,
  needed: readonly N[],
): OAuthParameters & Record<N, string> {
  const parameters = parametersOf(call.headers['authorization']);
  for (const name of needed) {
    if (!parameters?.[name]) throw new Invalid(`Expecting to find ${name} in request.`);
  }
  return parameters as OAuthParameters & Record<N, string>;
}

/** @throws Unauthorized */
export async function verifySigned(
  call: Call,
  clock: Clock,
  seen: SeenRequests,
  parameters: OAuthParameters,
  secrets: Secrets,
): Promise<void> {
  const { oauth_timestamp: time = '', oauth_nonce: nonce = '', oauth_version: version } = parameters;
  const signed = { method: call.method, url: call.baseUrl + call.path, query: call.query, parameters };
  const lately =
    /^\d{1,12}$/.test(time) && Math.abs(Number(time) * 1000 - clock.now()) <= MAX_SKEW_MS && nonce !== '';
  if (!lately || (version !== undefined && version !== '1.0') || !isSignedWith(signed, secrets)) {
    throw new Unauthorized('invalid OAuth signature');
  }
  if (!(await seen.isNew(parameters))) throw new Unauthorized('the OAuth request was sent before');
}
