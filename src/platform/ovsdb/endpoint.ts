// Where a database is: unix:/path, tcp:host:port, several of them separated by commas, or an object that makes the
// stream itself (in-process servers, TLS).
import { connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { OvsdbError, OvsdbTimeoutError } from './errors.ts';

export interface StreamEndpoint {
  /** For messages. */
  readonly name: string;
  connect(): Duplex | Promise<Duplex>;
}

export type Endpoint = string | StreamEndpoint;

const TCP = /^tcp:(?:\[(?<v6>[0-9a-fA-F:.]+)\]|(?<host>[^:[\]]+)):(?<port>\d{1,5})$/;

/** The remotes of an endpoint, to be tried in turn. Throws 'invalid value'. */
export function remotesOf(endpoint: Endpoint): StreamEndpoint[] {
  return typeof endpoint === 'string'
    ? endpoint.split(',').map((part) => parseRemote(part.trim()))
    : [endpoint];
}

function parseRemote(text: string): StreamEndpoint {
  if (text.startsWith('unix:/')) {
    const path = text.slice('unix:'.length);
    return { name: text, connect: () => connect({ path }) };
  }
  const { v6, host = v6, port } = TCP.exec(text)?.groups ?? {};
  if (!host || Number(port) > 65535) {
    throw new OvsdbError('invalid value', {
      details: `endpoint ${text}: expected unix:/path or tcp:host:port`,
    });
  }
  return { name: text, connect: () => connect({ host, port: Number(port), noDelay: true, keepAlive: true }) };
}

/** Opens the stream. Rejects with OvsdbTimeoutError or 'connection lost'. */
export async function dial(remote: StreamEndpoint, deadlineMs: number, signal: AbortSignal): Promise<Duplex> {
  const stream = await remote.connect();
  if (!('connecting' in stream) || !(stream as Socket).connecting) return stream;
  const { promise, resolve, reject } = Promise.withResolvers<Duplex>();
  const fail = (error: Error): void => {
    reject(error);
    stream.destroy();
  };
  const timer = setTimeout(
    () => fail(new OvsdbTimeoutError(deadlineMs, { details: remote.name })),
    deadlineMs,
  );
  const onAbort = (): void => fail(new OvsdbError('closed'));
  signal.addEventListener('abort', onAbort);
  stream.once('connect', () => resolve(stream));
  stream.once('error', (cause) => fail(new OvsdbError('connection lost', { details: remote.name, cause })));
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  }
}
