// Signatures of OAuth 1.0 (RFC 5849, section 3): read from the Authorization header, recomputed with HMAC. The URL's query is
// part of what is signed; bodies here are JSON or empty and are not. Asked by `verify.ts`.
import { createHmac, timingSafeEqual } from 'node:crypto';
import { quoted } from '../ec2/signature.ts';

export interface OAuthParameters {
  readonly oauth_consumer_key?: string;
  readonly oauth_token?: string;
  readonly oauth_signature_method?: string;
  readonly oauth_signature?: string;
  readonly oauth_timestamp?: string;
  readonly oauth_nonce?: string;
  readonly oauth_version?: string;
  readonly oauth_verifier?: string;
  readonly [name: string]: string | undefined;
}

const HASHES: Readonly<Record<string, string>> = {
  'HMAC-SHA1': 'sha1',
  'HMAC-SHA256': 'sha256',
  'HMAC-SHA512': 'sha512',
};

/** Undefined for a header of another scheme, or one that names a parameter twice or badly. */
export function parametersOf(header: string | undefined): OAuthParameters | undefined {
  const list = /^OAuth\s+(.*)$/is.exec(header ?? '')?.[1];
  if (list === undefined || list.length > 8192) return undefined;
  const found: Record<string, string> = {};
  for (const part of list.split(',')) {
    const [, name, value] = /^\s*([\w.~%-]+)="([^"]*)"\s*$/.exec(part) ?? [];
    if (name === undefined || value === undefined) return undefined;
    const [key, text] = [decoded(name), decoded(value)];
    if (key === undefined || text === undefined || Object.hasOwn(found, key)) return undefined;
    found[key] = text;
  }
  return found;
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

export interface SignedCall {
  readonly method: string;
  /** Without the query: `http://127.0.0.1:8790/identity/v3/auth/tokens`. */
  readonly url: string;
  readonly query: URLSearchParams;
  readonly parameters: OAuthParameters;
}

export interface Secrets {
  readonly consumer: string;
  /** Of the request or access token; empty for none. */
  readonly token: string;
}

export function isSignedWith(call: SignedCall, secrets: Secrets): boolean {
  const algorithm = HASHES[call.parameters.oauth_signature_method ?? ''];
  const given = Buffer.from(call.parameters.oauth_signature ?? '');
  if (algorithm === undefined) return false;
  const key = `${quoted(secrets.consumer)}&${quoted(secrets.token)}`;
  return addressesOf(call.url).some((url) => {
    const expected = Buffer.from(
      createHmac(algorithm, key)
        .update(baseString({ ...call, url }))
        .digest('base64'),
    );
    return given.length === expected.length && timingSafeEqual(given, expected);
  });
}

/** As it came, and as it was before a proxy took TLS off. */
function addressesOf(url: string): string[] {
  const { protocol, host, pathname } = new URL(url);
  const bare = (scheme: string): string =>
    `${scheme}//${host.replace(scheme === 'https:' ? /:443$/ : /:80$/, '')}${pathname}`;
  return protocol === 'https:' ? [bare('https:')] : [bare('http:'), bare('https:')];
}

export function baseString(call: SignedCall): string {
  const pairs = [
    ...Object.entries(call.parameters).filter(([name]) => name !== 'oauth_signature' && name !== 'realm'),
    ...call.query,
  ].map(([name, value]) => [quoted(name), quoted(value ?? '')] as const);
  const sorted = pairs.toSorted(([a, x], [b, y]) => order(a, b) || order(x, y));
  const query = sorted.map(([name, value]) => `${name}=${value}`).join('&');
  return [call.method.toUpperCase(), quoted(call.url), quoted(query)].join('&');
}

/** By bytes; all is ASCII here. */
function order(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}
