// The spans of a launch arrive at a collector under the traceparent that the caller sent.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { LAUNCH_HOPS } from '#compute/servers/launch-trace/hops.ts';
import { apiSession, type TraceView } from '#test/support/api-session.ts';
import { startCloud } from '#test/support/cloud.ts';
import { until } from '#test/support/until.ts';

interface Span {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes?: ReadonlyArray<{
    readonly key: string;
    readonly value: { readonly stringValue?: string };
  }>;
}

/** Who a hop's span hangs below, in the order of cause. */
const PARENTS: Readonly<Record<string, string>> = {
  authenticate: 'POST /compute/v2.1/servers',
  request: 'POST /compute/v2.1/servers',
  record: 'POST /compute/v2.1/servers',
  schedule: 'POST /compute/v2.1/servers',
  select: 'rpc selectHost',
  dispatch: 'rpc selectHost',
  ready: 'POST /compute/v2.1/servers',
};

interface Export {
  readonly resourceSpans: ReadonlyArray<{
    readonly scopeSpans: ReadonlyArray<{ readonly spans: readonly Span[] }>;
  }>;
}

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const CALLER = 'b7ad6b7169203331';

test('a launch is one trace below its caller, each hop in it once with the times of the record', async () => {
  const spans: Span[] = [];
  let trace: TraceView;
  let serverId: string;
  const collector = createServer((request, response) => {
    let body = '';
    request.on('data', (data: Buffer) => (body += data.toString()));
    request.on('end', () => {
      const sent = JSON.parse(body) as Export;
      spans.push(...sent.resourceSpans.flatMap((each) => each.scopeSpans.flatMap((scope) => scope.spans)));
      response.end('{}');
    });
  }).listen(0, '127.0.0.1');
  await once(collector, 'listening');
  try {
    const endpoint = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`;
    {
      await using cloud = await startCloud({ simulated: true, traceEndpoint: endpoint });
      const demo = await apiSession(cloud.dataPath, 'pileus');
      const [image, flavor, network] = await Promise.all([
        demo.find('/image/v2/images', 'pileus-demo'),
        demo.find('/compute/v2.1/flavors', 'm1.nano'),
        demo.find('/network/v2.0/networks', 'private'),
      ]);
      const server = { name: 'traced', imageRef: image, flavorRef: flavor, networks: [{ uuid: network }] };
      const { status, body } = await demo.request(
        'POST',
        '/compute/v2.1/servers',
        { server },
        {
          traceparent: `00-${TRACE}-${CALLER}-01`,
        },
      );
      assert.equal(status, 202);
      const { id } = body['server'] as { id: string };
      assert.equal((await demo.settled(id))?.status, 'ACTIVE');
      serverId = id;
      trace = await until(
        async () => {
          const now = await demo.trace(id);
          return now.hops.every((hop) => hop.state === 'done') ? now : undefined;
        },
        { deadlineMs: 20_000, what: 'the launch record to be complete' },
      );
    } // what is left is sent when the cloud ends
    const own = spans.filter((span) => span.traceId === TRACE);
    const named = new Map(own.map((span) => [span.spanId, span.name]));
    const made = LAUNCH_HOPS.filter(({ name }) => trace.hops.some(({ hop }) => hop === name)); // it has no volumes
    assert.ok(made.length >= 16, `${made.length} hops`);
    for (const { name } of made) {
      const exported = spans.filter((span) => span.name.split(' ').includes(name));
      assert.equal(exported.length, 1, `${name} once, in ${spans.map((span) => span.name).join(', ')}`);
      const [span] = exported as [Span];
      assert.equal(span.traceId, TRACE, name);
      const parent = named.get(span.parentSpanId ?? '');
      assert.equal(parent, PARENTS[name] ?? 'rpc launchServer', `the parent of ${name}`);
      const server = span.attributes?.find(({ key }) => key === 'pileus.server_id')?.value.stringValue;
      assert.equal(server, serverId, name);
      const hop = trace.hops.find((each) => each.hop === name);
      const times = [span.startTimeUnixNano, span.endTimeUnixNano].map((nanos) =>
        Number(BigInt(nanos) / 1_000_000n),
      );
      assert.deepEqual(times, [Date.parse(hop?.started_at ?? ''), Date.parse(hop?.ended_at ?? '')], name);
    }
    assert.ok(
      own.some((span) => span.parentSpanId === CALLER),
      'the request is below the caller',
    );
    const known = new Set([CALLER, ...own.map((span) => span.spanId)]);
    const loose = own.filter((span) => !known.has(span.parentSpanId ?? ''));
    assert.deepEqual(
      loose.map((span) => span.name),
      [],
      'every span hangs below another of the trace',
    );
  } finally {
    collector.close();
  }
});
