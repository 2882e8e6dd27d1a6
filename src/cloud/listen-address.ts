// The address that a cloud listens on, with its port known before anything is started: the catalog names it.
import { once } from 'node:events';
import { createServer } from 'node:net';

/**
 * Of `127.0.0.1:0` the same address with a port that is free now; every other address as it is.
 * Another program may take the port before the cloud does; then listening fails and says so.
 */
export async function settlePort(listen: string): Promise<string> {
  const colon = listen.lastIndexOf(':');
  if (listen.slice(colon + 1) !== '0') return listen;
  const server = createServer().listen({ host: listen.slice(0, colon).replace(/^\[|\]$/g, ''), port: 0 });
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return `${listen.slice(0, colon)}:${typeof address === 'object' ? (address?.port ?? 0) : 0}`;
}
