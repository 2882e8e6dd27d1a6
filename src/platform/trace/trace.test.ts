// A trace from a client's request through REST and RPC into a saga, exported to a small OTLP receiver.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { test } from 'node:test';
import Fastify from 'fastify';
import { rpcClient, serveRpc } from '#platform/bus/bus.ts';
import { createInProcessBus } from '#platform/bus/in-process.ts';
import { inProcessTransport } from '#platform/clients/transport.ts';
import { systemClock } from '#platform/context/clock.ts';
import {
  currentContext,
  newContext,
  parseTraceparent,
  traceparentOf,
} from '#platform/context/request-context.ts';
import type { Api } from '#platform/http/api.ts';
import { mountApi } from '#platform/http/mount.ts';
import { silentLog } from '#platform/log/log.ts';
import { Enforcer } from '#platform/policy/enforcer.ts';
import { runSaga } from '#platform/saga/run-saga.ts';
import { MemorySagaLog } from '#platform/saga/testing.ts';
import { namedTokens } from '#test/support/service-harness.ts';
import { startTracing } from './trace.ts';

interface ExportedSpan {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly status?: { readonly code?: number };
}

type Work = { launch: (args: { id: string }) => { traceId: string | undefined } };

/** Collects the spans that are posted to it. */
async function receiver() {
  const spans: ExportedSpan[] = [];
  const server = createServer(async (request, response) => {
    assert.equal(request.url, '/v1/traces');
    const body = (await json(request)) as {
      resourceSpans: Array<{ scopeSpans: Array<{ spans: ExportedSpan[] }> }>;
    };
    spans.push(...body.resourceSpans.flatMap((each) => each.scopeSpans.flatMap((scope) => scope.spans)));
    response.setHeader('content-type', 'application/json').end('{}');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    spans,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function launch(id: string): Promise<{ traceId: string | undefined }> {
  const outcome = await runSaga<null, { spawn: string | null }>(
    {
      name: 'launch',
      steps: [
        {
          name: 'spawn',
          needs: [],
          deadlineMs: 1000,
          do: async () => currentContext()?.traceId ?? null,
          undo: async () => undefined,
        },
      ],
    },
    {
      sagaId: id,
      attempt: 1,
      input: null,
      actor: 'test',
      log: new MemorySagaLog(),
      clock: systemClock,
      signal: new AbortController().signal,
    },
  );
  return { traceId: outcome.kind === 'done' ? (outcome.outputs.spawn ?? undefined) : undefined };
}

test('one trace leads from the client through REST and RPC into a saga, each span below its cause', async () => {
  await using collector = await receiver();
  const tracing = await startTracing(collector.url);
  await using bus = createInProcessBus();
  await serveRpc<Work>(bus, 'work', { launch: async ({ id }) => launch(id) });
  const app = Fastify();
  const self = inProcessTransport(app, '/t');
  const api: Api<null> = {
    name: 't',
    prefix: '/t',
    deps: null,
    enforcer: new Enforcer([]),
    renderFault: ({ status, message }) => ({ body: { status, message } }),
    routes: [
      {
        method: 'POST',
        path: '/outer',
        auth: 'none',
        handler: async () => (await self.send({ method: 'POST', path: '/inner/7' })).body,
      },
      {
        method: 'POST',
        path: '/inner/:id',
        auth: 'none',
        handler: async (call) => rpcClient<Work>(bus, 'work').call('launch', { id: call.params['id'] ?? '' }),
      },
    ],
  };
  await mountApi(app, api, { authenticator: namedTokens(), log: silentLog });
  const client = newContext();
  const answer = await app.inject({
    method: 'POST',
    url: '/t/outer',
    headers: { traceparent: traceparentOf(client) },
  });
  await app.inject({ method: 'POST', url: '/t/outer' });
  await app.close();
  await tracing[Symbol.asyncDispose]();

  assert.deepEqual(answer.json(), { traceId: client.traceId });
  const own = collector.spans.filter((each) => each.traceId === client.traceId);
  const names = ['POST /t/outer', 'POST /t/inner/:id', 'rpc launch', 'spawn'];
  assert.deepEqual(own.map((each) => each.name).toSorted(), names.toSorted());
  let parent = client.spanId;
  for (const name of names) {
    const each = own.find((span) => span.name === name);
    assert.equal(each?.parentSpanId, parent, name);
    parent = each?.spanId ?? '';
  }
  const others = collector.spans.filter((each) => each.traceId !== client.traceId);
  assert.equal(new Set(others.map((each) => each.traceId)).size, 1);
  assert.equal(others.find((each) => each.name === 'POST /t/outer')?.parentSpanId ?? '', '');
});

test('a traceparent is taken only when it is one', () => {
  const context = newContext();
  assert.deepEqual(parseTraceparent(traceparentOf(context)), {
    traceId: context.traceId,
    spanId: context.spanId,
  });
  for (const bad of [
    undefined,
    '',
    'x',
    `ff-${'a'.repeat(32)}-${'b'.repeat(16)}-01`,
    `00-${'0'.repeat(32)}-${'b'.repeat(16)}-01`,
    `00-${'a'.repeat(32)}-${'0'.repeat(16)}-01`,
    `00-${'A'.repeat(32)}-${'b'.repeat(16)}-01`,
  ])
    assert.equal(parseTraceparent(bad), undefined, bad ?? 'none');
});
