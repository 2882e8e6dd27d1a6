// Requests that come all at once, over sockets: each round of the loop begins one that takes long, so that answers are written on
// between them; what a request asks of a service in the same process is not put off.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { inProcessTransport } from '#platform/clients/transport.ts';
import { mountForTest } from '#test/support/service-harness.ts';
import type { Api, Handler } from './api.ts';
import { Enforcer } from '#platform/policy/enforcer.ts';

const api = (handlers: Readonly<Record<string, Handler<object>>>): Api<object> => ({
  name: 'test',
  prefix: '/test',
  routes: Object.entries(handlers).map(([path, handler]) => ({ method: 'GET', path, handler, auth: 'none' })),
  deps: {},
  enforcer: new Enforcer([], {}),
  faults: {},
  renderFault: ({ message }) => ({ body: { message } }),
});

function work(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

test('long requests that come at once begin in rounds of their own, and what they ask within goes on', async () => {
  let round = 0;
  let counting = true;
  const count = (): void => {
    round += 1;
    if (counting) setImmediate(count);
  };
  const begun: Array<readonly [string, number]> = [];
  const note = (what: string): void => void begun.push([what, round]);
  const mounted = await mountForTest(
    api({
      '/warm': async () => ({}),
      '/outer': async () => {
        note('outer');
        work(10);
        await inner.send({ method: 'GET', path: '/inner' });
        return {};
      },
      '/inner': async () => {
        note('inner');
        work(10);
        return {};
      },
    }),
  );
  const inner = inProcessTransport(mounted.app, '/test');
  try {
    await mounted.app.listen({ host: '127.0.0.1', port: 0 });
    const { port } = mounted.app.server.address() as AddressInfo;
    count();
    const REQUESTS = 8;
    const sockets = Array.from({ length: REQUESTS }, () => connect(port, '127.0.0.1'));
    // Connections that were used before: all are looked at in one round.
    for (const socket of sockets) {
      socket.write(`GET /test/warm HTTP/1.1\r\nhost: cloud\r\n\r\n`);
      await once(socket, 'data');
    }
    const answers = sockets.map(async (socket) => text(socket));
    for (const socket of sockets)
      socket.write('GET /test/outer HTTP/1.1\r\nhost: cloud\r\nconnection: close\r\n\r\n');
    for (const answer of await Promise.all(answers)) assert.match(answer, /^HTTP\/1\.1 200 /);
    const outer = begun.filter(([what]) => what === 'outer').map(([, at]) => at);
    assert.equal(new Set(outer).size, REQUESTS, `begun in the rounds ${outer.join()}`);
    assert.deepEqual(
      begun.map(([what]) => what),
      Array.from({ length: REQUESTS }, () => ['outer', 'inner']).flat(),
    );
  } finally {
    counting = false;
    await mounted.app.close();
  }
});
