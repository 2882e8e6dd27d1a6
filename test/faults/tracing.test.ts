// The spans of a launch arrive at a collector under the traceparent that the caller sent.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { apiSession } from '#test/support/api-session.ts';
import { startCloud } from '#test/support/cloud.ts';

interface Span {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
}

interface Export {
  readonly resourceSpans: ReadonlyArray<{
    readonly scopeSpans: ReadonlyArray<{ readonly spans: readonly Span[] }>;
  }>;
}

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const CALLER = 'b7ad6b7169203331';

test('a launch is one trace, below its caller', async () => {
  const spans: Span[] = [];
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
    } // what is left is sent when the cloud ends
    const own = spans.filter((span) => span.traceId === TRACE);
    const names = new Set(own.map((span) => span.name));
    for (const hop of ['image.locate', 'image.load', 'network.allocate', 'network.bind', 'spawn', 'activate'])
      assert.ok(names.has(hop), `${hop} in ${[...names].join(', ')}`);
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
