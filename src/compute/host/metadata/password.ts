// `/openstack/<version>/password`: a guest tells the password it made, encrypted with its key pair, once. Asked by server.ts.
import type { IncomingMessage } from 'node:http';
import type { HostDeps } from '../deps.ts';
import { OPENSTACK_VERSIONS } from './documents.ts';

export const PASSWORD = 'password';
/** As upstream: four pieces of 256. */
const MAX_BYTES = 1024;

interface Answer {
  readonly status: number;
  readonly body: string;
}

export function isPassword(path: string): boolean {
  const [tree, version, name, ...rest] = path.split('/').filter(Boolean);
  const known = (OPENSTACK_VERSIONS as readonly string[]).includes(version ?? '');
  return tree === 'openstack' && known && name === PASSWORD && rest.length === 0;
}

export const isReading = ({ method }: IncomingMessage): boolean => method === 'GET' || method === 'HEAD';

export async function passwordOf(
  conductor: HostDeps['conductor'],
  instance_id: string,
  request: IncomingMessage,
): Promise<Answer> {
  if (isReading(request))
    return { status: 200, body: await conductor.call('getGuestPassword', { instance_id }) };
  if (request.method !== 'POST') return { status: 400, body: 'The password is read or posted.\n' };
  const password = await readText(request);
  if (password === undefined) return { status: 400, body: 'This is no text of up to 1024 bytes.\n' };
  const kept = await conductor.call('keepGuestPassword', { instance_id, password });
  return kept ? { status: 200, body: '' } : { status: 409, body: 'There is a password already.\n' };
}

/** Undefined for what is too long, no UTF-8, or holds a NUL. What is too long is read to its end and thrown away. */
async function readText(request: IncomingMessage): Promise<string | undefined> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.length;
    if (size <= MAX_BYTES) parts.push(part);
    else if (size > 64 * MAX_BYTES) break; // an honest client has long stopped
  }
  if (size > MAX_BYTES) return undefined;
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(parts));
    return text === '' || text.includes('\0') ? undefined : text;
  } catch {
    return undefined;
  }
}
