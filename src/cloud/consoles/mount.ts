// Consoles on the cloud's own origin: pages for noVNC and the serial console, and the WebSockets behind them.
// Whoever has a console's token may use it until it expires; compute's API gives tokens out.
import { hash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { connect } from 'node:net';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import websocket from '@fastify/websocket';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { WebSocket } from 'ws';
import { isoTime } from '#platform/context/clock.ts';
import type { ComputeDeps } from '#compute/deps.ts';
import type { World } from '../world.ts';
import { SCRIPTS, serialPage, vncPage } from './pages.ts';

type Kind = 'novnc' | 'serial';

const MODULES = fileURLToPath(new URL('../../../node_modules/', import.meta.url));
/** What the pages load, and from which package. */
const ASSETS: ReadonlyMap<string, string> = new Map([
  ['novnc', join(MODULES, '@novnc/novnc')],
  ['xterm', join(MODULES, '@xterm/xterm')],
]);
const TYPES: Readonly<Record<string, string>> = {
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.css': 'text/css',
  '.html': 'text/html',
  '.svg': 'image/svg+xml',
};

/** Nothing but our own origin: a console page must not be steered by others, nor frame or be framed. */
const PAGE_HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy':
    "default-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self' ws: wss:; img-src 'self' data:; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-store',
} as const;

export async function mountConsoles(
  app: FastifyInstance,
  deps: ComputeDeps,
  world: World,
): Promise<{ close(): void }> {
  const open = new Set<WebSocket>();
  await app.register(websocket, {
    options: {
      maxPayload: 1024 * 1024,
      handleProtocols: (protocols: Set<string>) => (protocols.has('binary') ? 'binary' : false),
    },
  });
  await app.register(async (scope) => {
    scope.get('/console/assets/:package/*', async (request, reply) => {
      const { package: name, '*': rest } = request.params as { package: string; '*': string };
      const file = assetFile(name, rest);
      if (file === undefined) return reply.code(404).send();
      return reply
        .header('content-type', TYPES[extname(file)] ?? 'application/octet-stream')
        .header('x-content-type-options', 'nosniff')
        .send(createReadStream(file));
    });
    scope.get('/console/scripts/:name', async (request, reply) => {
      const { name } = request.params as { name: string };
      const script = Object.hasOwn(SCRIPTS, name.replace(/\.js$/, ''))
        ? SCRIPTS[name.replace(/\.js$/, '')]
        : undefined;
      return script === undefined
        ? reply.code(404).send()
        : reply.header('content-type', 'text/javascript').send(script);
    });
    for (const [kind, path, page] of [
      ['novnc', '/console/vnc', vncPage],
      ['serial', '/console/serial', serialPage],
    ] as const) {
      scope.route({
        method: 'GET',
        url: path,
        handler: async (_request, reply) => reply.headers(PAGE_HEADERS).send(page()),
        wsHandler: (socket, request) => {
          open.add(socket);
          socket.once('close', () => open.delete(socket));
          bridge(socket, request, kind, deps, world).catch((error: unknown) => {
            deps.log.info({ err: error, kind }, 'console refused');
            socket.close(1011, 'The console is not available.');
          });
        },
      });
    }
  });
  return {
    close: () => {
      for (const socket of open) socket.terminate();
    },
  };
}

/** A file of one of the known packages, never outside it. */
export function assetFile(name: string, rest: string): string | undefined {
  const root = ASSETS.get(name);
  if (root === undefined || rest.includes('\0')) return undefined;
  const file = normalize(join(root, rest));
  return file.startsWith(`${root}/`) && extname(file) in TYPES && existsSync(file) ? file : undefined;
}

async function bridge(
  socket: WebSocket,
  request: FastifyRequest,
  kind: Kind,
  deps: ComputeDeps,
  world: World,
): Promise<void> {
  const early: Buffer[] = [];
  const collect = (data: Buffer): void => void early.push(data);
  socket.on('message', collect); // a client may speak before its token is looked up
  if (!sameOrigin(request)) return refuse(socket, kind, 4403, 'Opened from another origin.');
  const path = await endpointOf(request, kind, deps, world);
  if (path === undefined)
    return refuse(socket, kind, 4401, 'The token is wrong or has expired, or the server does not run.');
  if (socket.readyState !== socket.OPEN) return; // it has gone meanwhile: a console held for nobody is silent to others
  const guest = connect(path);
  guest.on('data', (data) => {
    socket.send(data, { binary: true });
    if (socket.bufferedAmount > 4 * 1024 * 1024) guest.pause(); // a slow browser must not fill our memory
  });
  const drain = setInterval(() => {
    if (socket.bufferedAmount < 1024 * 1024) guest.resume();
  }, 50);
  socket.off('message', collect);
  for (const data of early) guest.write(data);
  socket.on('message', (data: Buffer) => void guest.write(data));
  guest.once('close', () => socket.close(1000));
  guest.once('error', () => socket.close(1011, 'The console is not available.'));
  socket.once('close', () => {
    clearInterval(drain);
    guest.destroy();
  });
}

/** Clients of screens take each byte that comes for the guest's: websockify ends them without a word, and so does this. */
function refuse(socket: WebSocket, kind: Kind, code: number, why: string): void {
  if (kind === 'serial') socket.close(code, why);
  else socket.terminate();
}

/** Browsers name the page's origin; other clients name none. */
function sameOrigin({ headers }: FastifyRequest): boolean {
  if (headers.origin === undefined) return true;
  try {
    return new URL(headers.origin).host === headers.host;
  } catch {
    return false;
  }
}

async function endpointOf(
  request: FastifyRequest,
  kind: Kind,
  { db, clock }: ComputeDeps,
  world: World,
): Promise<string | undefined> {
  const query = new URL(request.url, 'http://console').searchParams;
  // A page's own address names its WebSocket's, which some clients open as it is.
  const [, inPath = ''] = query.get('path')?.split('?') ?? [];
  const token = query.get('token') ?? new URLSearchParams(inPath).get('token') ?? '';
  const row = await db.kysely
    .selectFrom('console_tokens')
    .innerJoin('instances', 'instances.id', 'console_tokens.instance_id')
    .select(['instances.id', 'instances.host'])
    .where('token_hash', '=', hash('sha256', token))
    .where('kind', '=', kind)
    .where('expires_at', '>', isoTime(clock))
    .where('instances.deleted', '=', 0)
    .executeTakeFirst();
  if (!row) return undefined;
  const host = (await world.hosts()).find((each) => each.name === row.host);
  const endpoints = await host?.hypervisor.consoleEndpoints(row.id);
  return kind === 'novnc' ? endpoints?.vncSocketPath : endpoints?.serialSocketPath;
}
