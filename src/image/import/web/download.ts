// Opens a URL on behalf of a tenant. Every name on the way is resolved once, all that it resolves to is checked, and the
// connection goes to the checked address: a name that changes its mind in between (DNS rebinding) changes nothing.
import { lookup } from 'node:dns/promises';
import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import type { Readable } from 'node:stream';
import { DomainError } from '#platform/errors/domain-error.ts';
import { mayReach } from './address-rules.ts';
import { checkUri, hostOf, inside, portOf, type WebRules } from './check-uri.ts';

export interface WebOptions extends WebRules {
  readonly maxRedirects: number;
  /** For the connection and the head of the answer. */
  readonly answerMs: number;
}

export interface WebData {
  /** To be read to its end or destroyed. */
  readonly stream: Readable;
  /** Bytes, where the server says so. */
  readonly size: number | undefined;
}

export class DownloadFailed extends DomainError {
  constructor(message: string, cause?: unknown) {
    super('bad-request', 'download-failed', message, { cause });
  }
}

/** Resolves a name to all of its addresses; tests bring their own. */
export type Resolve = (host: string) => Promise<readonly string[]>;

const resolveByDns: Resolve = async (host) => {
  const found = await lookup(host, { all: true });
  return found.map(({ address }) => address);
};

/** @throws Invalid for what may not be reached, DownloadFailed for what does not answer with data */
export async function openWeb(
  uri: string,
  options: WebOptions,
  signal: AbortSignal,
  resolve: Resolve = resolveByDns,
): Promise<WebData> {
  let url = checkUri(uri, options);
  for (let hops = 0; ; hops++) {
    const address = await checkedAddress(url, options, resolve);
    const answer = await get(url, address, options.answerMs, signal);
    const next = redirectOf(answer, url);
    if (next === undefined) return dataOf(answer, url);
    answer.destroy();
    if (hops >= options.maxRedirects) throw new DownloadFailed('The server redirects too often.');
    url = checkUri(next, options);
  }
}

/** The first address of the host, after all of them were found fit: one that is not would be taken at another time. */
async function checkedAddress(url: URL, { allowed }: WebRules, resolve: Resolve): Promise<string> {
  const host = hostOf(url);
  if (isIP(host) !== 0) return host; // checked by checkUri
  const addresses = await resolve(host).catch((cause: unknown) => {
    throw new DownloadFailed(`The name ${host} cannot be resolved.`, cause);
  });
  const [first] = addresses;
  if (first === undefined) throw new DownloadFailed(`The name ${host} has no address.`);
  if (!addresses.every((address) => mayReach(address, allowed))) throw inside(host);
  return first;
}

async function get(
  url: URL,
  address: string,
  answerMs: number,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const family = isIP(address);
  const toChecked: LookupFunction = (_host, { all }, done) => {
    if (all) done(null, [{ address, family }]);
    else done(null, address, family);
  };
  const options: RequestOptions = {
    method: 'GET',
    host: hostOf(url),
    port: portOf(url),
    path: url.pathname + url.search,
    lookup: toChecked,
    agent: false, // no connection that somebody else has opened, nor one left open
    signal,
    headers: { host: url.host, accept: '*/*', 'accept-encoding': 'identity', 'user-agent': 'pileus-image' },
  };
  return new Promise((resolve, reject) => {
    const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
    const outgoing = send(options, (answer) => {
      clearTimeout(timer);
      resolve(answer);
    });
    const timer = setTimeout(
      () => outgoing.destroy(new DownloadFailed(`${url.host} gave no answer within ${answerMs / 1000} s.`)),
      answerMs,
    );
    outgoing.on('error', (cause) => {
      clearTimeout(timer);
      const told = cause instanceof DomainError || signal.aborted;
      reject(told ? cause : new DownloadFailed(`${url.host} could not be reached.`, cause));
    });
    outgoing.end();
  });
}

const REDIRECTS: ReadonlySet<number | undefined> = new Set([301, 302, 303, 307, 308]);

function redirectOf({ statusCode, headers }: IncomingMessage, from: URL): string | undefined {
  if (!REDIRECTS.has(statusCode) || headers.location === undefined) return undefined;
  return URL.parse(headers.location, from)?.href ?? headers.location;
}

function dataOf(answer: IncomingMessage, url: URL): WebData {
  if (answer.statusCode !== 200) {
    answer.destroy();
    throw new DownloadFailed(`${url.host} answered ${answer.statusCode}.`);
  }
  const announced = answer.headers['content-length'];
  return { stream: answer, size: announced === undefined ? undefined : Number(announced) };
}
