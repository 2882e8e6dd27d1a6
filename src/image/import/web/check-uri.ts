// What of a URL can be judged before its name is resolved: scheme, port, credentials, and an address written into it. Pure.
import { isIP, type BlockList } from 'node:net';
import { Invalid } from '../../errors.ts';
import { mayReach } from './address-rules.ts';

export interface WebRules {
  readonly ports: readonly number[];
  /** Inside networks that may be reached. */
  readonly allowed: BlockList;
}

const MAX_LENGTH = 2048;

/** @throws Invalid */
export function checkUri(text: string, { ports, allowed }: WebRules): URL {
  const url = text.length <= MAX_LENGTH && !text.includes('\0') ? parse(text) : undefined;
  if (!url) throw new Invalid('The URI cannot be read.', 'bad-uri');
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw new Invalid(`URIs of ${url.protocol} are not allowed: use http: or https:.`, 'bad-uri');
  if (url.username !== '' || url.password !== '')
    throw new Invalid('A URI with a user name or password is not allowed.', 'bad-uri');
  if (!ports.includes(portOf(url)))
    throw new Invalid(`Port ${portOf(url)} is not allowed: only ${ports.join(', ')}.`, 'bad-uri');
  const host = hostOf(url);
  if (/(^|\.)localhost$/i.test(host) && !mayReach('127.0.0.1', allowed)) throw inside(host);
  if (isIP(host) !== 0 && !mayReach(host, allowed)) throw inside(host);
  return url;
}

export function portOf(url: URL): number {
  return url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port);
}

/** Without the brackets of IPv6 and the dot of a name's root. */
export function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '');
}

/** The message names what the caller wrote, never what it resolved to: that would be a map of the inside. */
export function inside(host: string): Invalid {
  return new Invalid(`${host} may not be reached from here.`, 'inside-address');
}

function parse(text: string): URL | undefined {
  try {
    return new URL(text);
  } catch {
    return undefined;
  }
}
