// What every bus promises. Each variant is a way to make one; all tests run on each.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { newContext, currentContext, runInContext } from '#platform/context/request-context.ts';
import { DomainError, RemoteFailure } from '#platform/errors/domain-error.ts';
import { until as untilTrue } from '#test/support/until.ts';
import { newMessage, rpcClient, serveRpc, type Bus } from './bus.ts';
import { createInProcessBus } from './in-process.ts';

type Echo = {
  echo: (args: { text: string; more?: unknown }) => { text: string };
  fail: (args: { how: 'domain' | 'bug' | 'circle' }) => null;
  wait: (args: { name: string }) => null;
};

const VARIANTS: Readonly<Record<string, () => Promise<Bus>>> = {
  'in-process': async () => createInProcessBus(),
};

const until = async (holds: () => boolean, what: string): Promise<true> =>
  untilTrue(async () => holds(), { deadlineMs: 30_000, everyMs: 2, what });

function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { opened: promise, open: resolve };
}

const kindOf = (kind: string, code: string) => (error: unknown) =>
  error instanceof DomainError && error.kind === kind && error.code === code;

async function serveEcho(bus: Bus, queue: string, during: () => Promise<void> = async () => undefined) {
  return serveRpc<Echo>(bus, queue, {
    echo: async ({ text }) => ({ text }),
    fail: async ({ how }) => {
      if (how === 'bug') throw new TypeError('x is undefined');
      if (how === 'circle') {
        const circle: { self?: unknown } = {};
        circle.self = circle;
        return circle as unknown as null;
      }
      throw new DomainError('conflict', 'busy', 'it is busy', { fields: { thing: 7 } });
    },
    wait: async () => {
      await during();
      return null;
    },
  });
}

for (const [name, open] of Object.entries(VARIANTS)) {
  describe(name, () => {
    test('a call brings the answer of the method, as plain JSON', async () => {
      await using bus = await open();
      await serveEcho(bus, 'q');
      const client = rpcClient<Echo>(bus, 'q');
      assert.deepEqual(await client.call('echo', { text: 'ü', more: { at: new Date(0), none: undefined } }), {
        text: 'ü',
      });
    });

    test('a call waits in the queue until somebody serves it', async () => {
      await using bus = await open();
      const answer = rpcClient<Echo>(bus, 'q').call('echo', { text: 'early' });
      await serveEcho(bus, 'q');
      assert.deepEqual(await answer, { text: 'early' });
    });

    test('sender and handler share no object', async () => {
      await using bus = await open();
      const seen: unknown[] = [];
      const args = { text: 'a', more: { list: [1] } };
      const message = newMessage('q', 'echo', args);
      const answer = bus.call(message, 1000);
      args.more.list.push(2);
      await bus.serve('q', async ({ payload }) => {
        seen.push(payload);
        return payload;
      });
      assert.deepEqual(await answer, { text: 'a', more: { list: [1] } });
      assert.notEqual(seen[0], args);
    });

    test('a refusal crosses with its kind, code, words and fields', async () => {
      await using bus = await open();
      await serveEcho(bus, 'q');
      await assert.rejects(rpcClient<Echo>(bus, 'q').call('fail', { how: 'domain' }), (error: unknown) => {
        assert.ok(error instanceof DomainError);
        assert.deepEqual(
          [error.kind, error.code, error.message, error.fields],
          ['conflict', 'busy', 'it is busy', { thing: 7 }],
        );
        return true;
      });
    });

    test('a bug on the other side, or an answer that is no JSON, is a failure, and the queue lives on', async () => {
      await using bus = await open();
      await serveEcho(bus, 'q');
      const client = rpcClient<Echo>(bus, 'q');
      for (let i = 0; i < 40; i++) {
        await assert.rejects(client.call('fail', { how: i % 2 ? 'bug' : 'circle' }), RemoteFailure);
      }
      assert.deepEqual(await client.call('echo', { text: 'still' }), { text: 'still' });
    });

    test('an unknown method is refused, also one that every object has', async () => {
      await using bus = await open();
      await serveEcho(bus, 'q');
      for (const method of ['nothing', 'toString', '__proto__', 'constructor'])
        await assert.rejects(
          bus.call(newMessage('q', method, {}), 1000),
          kindOf('not-supported', 'unknown-method'),
        );
    });

    test('a call ends at its deadline, whether nobody serves or the handler takes too long', async () => {
      await using bus = await open();
      await assert.rejects(
        rpcClient<Echo>(bus, 'nobody').call('echo', { text: '' }, { deadlineMs: 20 }),
        kindOf('timeout', 'rpc-timeout'),
      );
      const slow = gate();
      await serveEcho(bus, 'q', async () => slow.opened);
      await assert.rejects(
        rpcClient<Echo>(bus, 'q').call('wait', { name: 'x' }, { deadlineMs: 20 }),
        kindOf('timeout', 'rpc-timeout'),
      );
      slow.open();
    });

    test('a call that nobody waits for any more is not begun', async () => {
      await using bus = await open();
      const client = rpcClient<Echo>(bus, 'q');
      await assert.rejects(
        client.call('wait', { name: 'x' }, { deadlineMs: 20 }),
        kindOf('timeout', 'rpc-timeout'),
      );
      let begun = 0;
      await serveEcho(bus, 'q', async () => void (begun += 1));
      await client.call('echo', { text: 'next' });
      assert.equal(begun, 0);
    });

    test('no more messages than the concurrency are handled at once, and all are in the end', async () => {
      await using bus = await open();
      let running = 0;
      let most = 0;
      const first = gate();
      await bus.serve(
        'q',
        async () => {
          most = Math.max(most, (running += 1));
          await first.opened;
          running -= 1;
        },
        { concurrency: 3 },
      );
      const all = Array.from({ length: 50 }, async () => bus.call(newMessage('q', 'm', {}), 5000));
      await until(() => running === 3, 'three handlers');
      first.open();
      await Promise.all(all);
      assert.equal(most, 3);
    });

    test('casts begin in the order in which they were sent', async () => {
      await using bus = await open();
      const seen: unknown[] = [];
      const sent = Array.from({ length: 100 }, (_, i) => i);
      await bus.serve('q', async ({ payload }) => void seen.push(payload), { concurrency: 1 });
      await Promise.all(sent.map(async (i) => bus.cast(newMessage('q', 'm', i))));
      await until(() => seen.length === 100, 'all casts');
      assert.deepEqual(seen, sent);
    });

    test('what is sent again says so', async () => {
      await using bus = await open();
      const flags: boolean[] = [];
      await bus.serve('q', async (_message, { redelivered }) => void flags.push(redelivered));
      const message = newMessage('q', 'm', {});
      await bus.cast(message);
      await bus.cast({ ...message, redelivered: true });
      await until(() => flags.length === 2, 'both');
      assert.deepEqual(flags, [false, true]);
    });

    test('request id and trace cross with a message', async () => {
      await using bus = await open();
      const request = newContext({ globalRequestId: 'req-global' });
      let seen: ReturnType<typeof currentContext>;
      await serveEcho(bus, 'q', async () => void (seen = currentContext()));
      await runInContext(request, async () => rpcClient<Echo>(bus, 'q').call('wait', { name: '' }));
      assert.equal(seen?.requestId, request.requestId);
      assert.equal(seen?.traceId, request.traceId);
      assert.equal(seen?.globalRequestId, 'req-global');
      assert.equal(seen?.parentSpanId, request.spanId);
    });

    test('a topic is heard by those of its name and of the patterns above it, once each', async () => {
      await using bus = await open();
      const heard: string[] = [];
      for (const pattern of ['port.up', 'port.*', '*', 'port.down', 'por.*', 'port.up.*'])
        await bus.subscribe(
          pattern,
          (payload, topic) => void heard.push(`${pattern} ${topic} ${JSON.stringify(payload)}`),
        );
      await bus.publish('port.up', { id: 1 });
      await until(() => heard.length >= 3, 'three listeners');
      await bus.publish('other', null);
      await until(() => heard.length >= 4, 'the last');
      assert.deepEqual(heard.toSorted(), [
        '* other null',
        '* port.up {"id":1}',
        'port.* port.up {"id":1}',
        'port.up port.up {"id":1}',
      ]);
    });

    test('a listener that throws disturbs nobody, and one that closed hears nothing', async () => {
      await using bus = await open();
      const heard: number[] = [];
      const closing = await bus.subscribe('t', () => assert.fail('closed'));
      await bus.subscribe('t', () => {
        throw new Error('listener bug');
      });
      await bus.subscribe('t', (payload) => void heard.push(payload as number));
      await closing.close();
      await bus.publish('t', 1);
      await bus.publish('t', 2);
      await until(() => heard.length === 2, 'both');
    });

    test('a queue whose server closed keeps messages for the next one', async () => {
      await using bus = await open();
      const first = await serveEcho(bus, 'q');
      await first.close();
      const answer = rpcClient<Echo>(bus, 'q').call('echo', { text: 'later' });
      await serveEcho(bus, 'q');
      await first.close(); // closing again does not end the second
      assert.deepEqual(await answer, { text: 'later' });
      assert.deepEqual(await rpcClient<Echo>(bus, 'q').call('echo', { text: 'b' }), { text: 'b' });
    });

    test('a closed bus refuses, and ends those who wait', async () => {
      const bus = await open();
      const waiting = assert.rejects(
        rpcClient<Echo>(bus, 'q').call('echo', { text: '' }),
        kindOf('unavailable', 'bus-closed'),
      );
      await bus[Symbol.asyncDispose]();
      await waiting;
      await assert.rejects(
        rpcClient<Echo>(bus, 'q').call('echo', { text: '' }),
        kindOf('unavailable', 'bus-closed'),
      );
    });
  });
}

test('in-process: a queue that is full refuses at once', async () => {
  await using bus = createInProcessBus();
  const casts = Array.from({ length: 10_001 }, async () => bus.cast(newMessage('q', 'm', {})));
  const outcomes = Promise.allSettled(casts);
  await assert.rejects(casts.at(-1) as Promise<void>, kindOf('unavailable', 'queue-full'));
  await bus[Symbol.asyncDispose]();
  assert.equal((await outcomes).filter((each) => each.status === 'rejected').length, 10_001);
});
