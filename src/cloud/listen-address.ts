// The address that a cloud listens on, with its port known before anything is started: the catalog names it.
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { ListenImpossible } from './errors.ts';

/**
 * Tries the address, and answers it with its port: of `127.0.0.1:0` with one that is free now.
 * Another program may take the port before the cloud does; then listening fails and says so.
 * Throws ListenImpossible.
 */
export async function settlePort(listen: string): Promise<string> {
  const colon = listen.lastIndexOf(':');
  const server = createServer().listen({
    host: listen.slice(0, colon).replace(/^\[|\]$/g, ''),
    port: Number(listen.slice(colon + 1)),
  });
  try {
    await once(server, 'listening');
  } catch (error) {
    throw new ListenImpossible(listen, explainCode(error));
  }
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return `${listen.slice(0, colon)}:${port}`;
}

function explainCode(error: unknown): string {
  const known: Record<string, string> = {
    EADDRINUSE: 'another program listens there',
    EADDRNOTAVAIL: 'this machine does not have the address',
    EACCES: 'ports below 1024 need root',
  };
  const { code = '', message } = error as NodeJS.ErrnoException;
  return known[code] ?? message;
}
