// Whether a request is signed by a consumer and, for later steps, with a token's secret: each request once, and lately.
import type { Clock } from '#platform/context/clock.ts';
import type { Call } from '#platform/http/api.ts';
import { Invalid, Unauthorized } from '../errors.ts';
import { isSignedWith, parametersOf, type OAuthParameters, type Secrets } from './signature.ts';

/** How far the clocks of client and service may be apart, as upstream. */
const MAX_SKEW_MS = 600_000;
const MAX_REMEMBERED = 50_000;

export class SeenRequests {
  readonly #clock: Clock;
  /** Consumer, token, time and nonce → when it may be forgotten, oldest first. */
  readonly #seen = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** False when it was seen before, or too many others were lately. */
  isNew(parameters: OAuthParameters): boolean {
    const { oauth_consumer_key: consumer, oauth_token: token } = parameters;
    const { oauth_timestamp: time, oauth_nonce: nonce } = parameters;
    const now = this.#clock.now();
    for (const [key, until] of this.#seen) {
      if (until > now) break;
      this.#seen.delete(key);
    }
    const key = JSON.stringify([consumer, token, time, nonce]);
    if (this.#seen.has(key) || this.#seen.size >= MAX_REMEMBERED) return false;
    this.#seen.set(key, now + 2 * MAX_SKEW_MS);
    return true;
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
export function verifySigned(
  call: Call,
  clock: Clock,
  seen: SeenRequests,
  parameters: OAuthParameters,
  secrets: Secrets,
): void {
  const { oauth_timestamp: time = '', oauth_nonce: nonce = '', oauth_version: version } = parameters;
  const signed = { method: call.method, url: call.baseUrl + call.path, query: call.query, parameters };
  const lately =
    /^\d{1,12}$/.test(time) && Math.abs(Number(time) * 1000 - clock.now()) <= MAX_SKEW_MS && nonce !== '';
  if (!lately || (version !== undefined && version !== '1.0') || !isSignedWith(signed, secrets)) {
    throw new Unauthorized('invalid OAuth signature');
  }
  if (!seen.isNew(parameters)) throw new Unauthorized('the OAuth request was sent before');
}
