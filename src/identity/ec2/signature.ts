// The signature of a request in the manner of AWS, recomputed from its parts: versions 0, 1, 2 and 4 of EC2's, 1 and 4 of
// S3's. Asked by `exchange.ts`.
import { createHmac, hash } from 'node:crypto';

export interface SignedRequest {
  readonly verb: string;
  readonly host: string;
  readonly path: string;
  readonly params: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
  /** SHA-256 of the request's body in hex; version 4 only. */
  readonly bodyHash: string;
}

const V4 = 'AWS4-HMAC-SHA256';
const S3_SERVICES = ['s3', 'iam', 'sts'];

/** Undefined for requests signed in no way that is known here. */
export function signatureOf(request: SignedRequest, secret: string): string | undefined {
  const { params, headers } = request;
  switch (params['SignatureVersion']) {
    case '0':
      return hmac('sha1', secret, (params['Action'] ?? '') + (params['Timestamp'] ?? '')).toString('base64');
    case '1':
      return version1(params, secret);
    case '2':
      return version2(request, secret);
  }
  const authorization = headers['Authorization'];
  if (authorization?.startsWith(V4) || params['X-Amz-Algorithm'] === V4) return version4(request, secret);
  return undefined;
}

/** Of the text that an S3 request says was signed. Undefined when it is none of version 4 and says so. */
export function s3SignatureOf(signed: Buffer, secret: string): string | undefined {
  if (!signed.subarray(0, 4).equals(Buffer.from('AWS4'))) {
    return hmac('sha1', secret, signed).toString('base64');
  }
  const [algorithm, , scope, ...rest] = signed.toString('latin1').split('\n');
  const [day = '', region = '', service = '', ending, more] = scope?.split('/') ?? [];
  if (algorithm !== V4 || rest.length !== 1 || ending !== 'aws4_request' || more !== undefined) {
    return undefined;
  }
  if (!S3_SERVICES.includes(service)) return undefined;
  return hmac('sha256', signingKey(secret, day, region, service), signed).toString('hex');
}

/**
 * When the request says it was signed or, for one that was signed ahead, until when it holds, both covered by the
 * signature. Milliseconds since the epoch, NaN for what is no time, undefined when it says neither.
 */
export function timesOf(request: SignedRequest): { signedAt?: number; expires?: number } {
  const { params, headers } = request;
  const signed = params['Timestamp'] ?? headers['X-Amz-Date'] ?? params['X-Amz-Date'];
  if (signed !== undefined) return { signedAt: timeOf(signed) };
  const expires = params['Expires'];
  return expires === undefined ? {} : { expires: timeOf(expires) };
}

function timeOf(text: string): number {
  const compact = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/;
  const iso = text.replace(compact, '$1-$2-$3T$4:$5:$6Z');
  return Date.parse(/(Z|[+-]\d\d:?\d\d)$/.test(iso) ? iso : `${iso}Z`);
}

function version1(params: SignedRequest['params'], secret: string): string {
  const text = Object.keys(params)
    .filter((key) => key !== 'Signature')
    .toSorted((a, b) => order(a.toLowerCase(), b.toLowerCase()))
    .map((key) => key + (params[key] ?? ''))
    .join('');
  return hmac('sha1', secret, text).toString('base64');
}

function order(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}

function version2(request: SignedRequest, secret: string): string {
  const { Signature: _, ...rest } = request.params;
  const query = queryOf({ ...rest, SignatureMethod: 'HmacSHA256' });
  const text = [request.verb, request.host, request.path, query].join('\n');
  return hmac('sha256', secret, text).toString('base64');
}

function version4(request: SignedRequest, secret: string): string | undefined {
  const authorization = request.headers['Authorization'];
  const part = (name: string): string =>
    (authorization === undefined
      ? request.params[`X-Amz-${name}`]
      : authorization.split(`${name}=`)[1]?.split(',')[0]) ?? '';
  const [, day = '', region = '', service = '', ending] = part('Credential').split('/');
  const date = request.headers['X-Amz-Date'] ?? request.params['X-Amz-Date'] ?? '';
  if (day === '' || !date.startsWith(day) || ending === undefined) return undefined;
  const { 'X-Amz-Signature': _, ...params } = request.params;
  const verb = request.verb.toUpperCase();
  const canonical = [
    verb,
    request.path,
    verb === 'POST' ? '' : queryOf(params),
    headersOf(request.headers, part('SignedHeaders')),
    part('SignedHeaders'),
    request.bodyHash,
  ].join('\n');
  const scope = [day, region, service, ending].join('/');
  const text = [V4, date, scope, hash('sha256', canonical, 'hex')].join('\n');
  return hmac('sha256', signingKey(secret, day, region, service), text).toString('hex');
}

function signingKey(secret: string, day: string, region: string, service: string): Buffer {
  let key: Buffer = Buffer.from(`AWS4${secret}`);
  for (const each of [day, region, service, 'aws4_request']) key = hmac('sha256', key, each);
  return key;
}

function headersOf(headers: Readonly<Record<string, string>>, signed: string): string {
  const lower = new Map(
    Object.entries(headers).map(([key, value]) => [key.toLowerCase().trim(), value.trim()]),
  );
  const lines = signed.split(';').flatMap((name) => {
    const value = lower.get(name);
    return value === undefined ? [] : [`${name}:${value}`];
  });
  return `${lines.join('\n')}\n`;
}

function queryOf(params: Readonly<Record<string, string>>): string {
  return Object.keys(params)
    .toSorted()
    .map((key) => `${quoted(key)}=${quoted(params[key] ?? '')}`)
    .join('&');
}

/** RFC 3986: all but letters, digits and `-_.~`. */
export function quoted(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replace(
    /[!'()*]/g,
    (each) => `%${each.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function hmac(algorithm: 'sha1' | 'sha256', key: string | Buffer, text: string | Buffer): Buffer {
  return createHmac(algorithm, key).update(text).digest();
}
