// Both ways to a peer behave alike: over a socket and within the process.
import assert from 'node:assert/strict';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import Fastify from 'fastify';
import { newContext, runInContext, traceparentOf } from '#platform/context/request-context.ts';
import { DomainError } from '#platform/errors/domain-error.ts';
import { Reply, type Api } from '#platform/http/api.ts';
import { mountApi } from '#platform/http/mount.ts';
import { silentLog } from '#platform/log/log.ts';
import { Enforcer } from '#platform/policy/enforcer.ts';
import { namedTokens } from '#test/support/service-harness.ts';
import { expectOk, httpTransport, inProcessTransport, type Transport } from './transport.ts';

const api: Api<null> = {
  name: 'peer',
  prefix: '/peer',
  deps: null,
  enforcer: new Enforcer([]),
  renderFault: ({ status, message }) => ({ body: { fault: { code: status, message } } }),
  routes: [
    {
      method: 'POST',
      path: '/echo',
      handler: async (call) =>
        new Reply(
          201,
          {
            body: call.body,
            query: call.query.get('q'),
            user: call.principal.userName,
            traceparent: call.headers['traceparent'],
            forwarded: call.headers['x-openstack-request-id'],
            service: call.headers['x-service-token'],
            extra: call.headers['x-extra'],
          },
          { 'x-answer': 'yes' },
        ),
    },
    { method: 'DELETE', path: '/thing', success: 204, handler: async () => undefined },
    {
      method: 'GET',
      path: '/text',
      handler: async () => new Reply(200, 'plain', { 'content-type': 'text/plain' }),
    },
    {
      method: 'GET',
      path: '/broken',
      handler: async () => new Reply(200, '{"half":', { 'content-type': 'application/json' }),
    },
    { method: 'GET', path: '/never', handler: async () => new Promise(() => undefined) },
    {
      method: 'GET',
      path: '/busy',
      handler: async () => Promise.reject(new DomainError('conflict', 'busy', 'It is busy.')),
    },
    {
      method: 'GET',
      path: '/moved',
      handler: async () => new Reply(302, undefined, { location: '/peer/text' }),
    },
  ],
};

const app = Fastify({ forceCloseConnections: true });
let variants: Record<string, Transport> = {};
before(async () => {
  await mountApi(app, api, { authenticator: namedTokens(), log: silentLog });
  await app.listen({ host: '127.0.0.1', port: 0 });
  variants = {
    http: httpTransport(`http://127.0.0.1:${(app.server.address() as AddressInfo).port}/peer`),
    'in-process': inProcessTransport(app, '/peer'),
  };
});
after(async () => app.close());

const codeOf = (code: string) => (error: unknown) => error instanceof DomainError && error.code === code;

for (const name of ['http', 'in-process']) {
  describe(name, () => {
    const transport = (): Transport => variants[name] as Transport;

    test('a request carries token, body, query, headers and the context; the answer comes parsed', async () => {
      const context = newContext({ globalRequestId: `req-${crypto.randomUUID()}` });
      const answer = await runInContext(context, async () =>
        transport().send({
          method: 'POST',
          path: '/echo?q=%C3%BC%26',
          token: 'member',
          serviceToken: 'service',
          headers: { 'x-extra': 'x' },
          body: { a: ['ü', null] },
        }),
      );
      assert.equal(answer.status, 201);
      assert.equal(answer.headers['x-answer'], 'yes');
      assert.deepEqual(answer.body, {
        body: { a: ['ü', null] },
        query: 'ü&',
        user: 'member',
        traceparent: traceparentOf(context),
        forwarded: context.globalRequestId,
        service: 'service',
        extra: 'x',
      });
    });

    test('answers without a body, of text and of redirection come as they are', async () => {
      const get = async (path: string) => transport().send({ method: 'GET', path, token: 'member' });
      const gone = await transport().send({ method: 'DELETE', path: '/thing', token: 'member' });
      assert.deepEqual([gone.status, gone.body], [204, undefined]);
      assert.equal((await get('/text')).body, 'plain');
      assert.equal((await get('/moved')).status, 302);
    });

    test('a refusal is an error of its kind with the words of the peer', async () => {
      await assert.rejects(
        expectOk('peer', transport(), { method: 'GET', path: '/busy', token: 'member' }),
        (error: unknown) => {
          assert.ok(error instanceof DomainError);
          assert.deepEqual([error.kind, error.code, error.message], ['conflict', 'peer-409', 'It is busy.']);
          return true;
        },
      );
      await assert.rejects(
        expectOk('peer', transport(), { method: 'GET', path: '/text' }),
        codeOf('peer-401'),
      );
    });

    test('a peer that never answers is a timeout, one whose answer cannot be read is unreachable', async () => {
      const never = { method: 'GET', path: '/never', token: 'member', deadlineMs: 50 } as const;
      await assert.rejects(transport().send(never), codeOf('peer-timeout'));
      await assert.rejects(
        transport().send({ method: 'GET', path: '/broken', token: 'member' }),
        codeOf('peer-unreachable'),
      );
    });
  });
}

test('a peer that is not there is unreachable', async () => {
  const closed = Fastify();
  await closed.close();
  const request = { method: 'GET', path: '/text' } as const;
  await assert.rejects(inProcessTransport(closed, '/peer').send(request), codeOf('peer-unreachable'));
  await assert.rejects(httpTransport('http://127.0.0.1:1').send(request), codeOf('peer-unreachable'));
});
