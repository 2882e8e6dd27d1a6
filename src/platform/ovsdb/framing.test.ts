// Messages are cut out of the byte stream wherever the network split it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { JsonFramer } from './framing.ts';

const messages = [
  { id: 0, method: 'echo', params: [] },
  { text: 'braces } { in "strings", \\ and ünïcode 🚀', nested: { a: [{}, { b: '\\"' }] } },
  {},
];
const bytes = Buffer.from(messages.map((message) => JSON.stringify(message)).join(''));

test('messages are the same for every size of chunk', () => {
  for (let size = 1; size <= bytes.length; size++) {
    const framer = new JsonFramer();
    const found: unknown[] = [];
    for (let at = 0; at < bytes.length; at += size) found.push(...framer.push(bytes.subarray(at, at + size)));
    assert.deepEqual(found, messages);
  }
});

test('white space between messages is no message', () => {
  assert.deepEqual(new JsonFramer().push(Buffer.from(' {"a":1}\r\n\t{"b":2} ')), [{ a: 1 }, { b: 2 }]);
});

test('bytes that belong to no object end the stream', () => {
  assert.throws(() => new JsonFramer().push(Buffer.from('HTTP/1.1 400')), { code: 'protocol error' });
  assert.throws(() => new JsonFramer().push(Buffer.from('}')), { code: 'protocol error' });
  assert.throws(() => new JsonFramer().push(Buffer.from('{"a":}')), { code: 'protocol error' });
});

test('a message without an end is given up at the limit', () => {
  const framer = new JsonFramer(1000);
  assert.throws(
    () => {
      for (let i = 0; i < 100; i++) framer.push(Buffer.from(`{"a":"${'x'.repeat(50)}`));
    },
    { code: 'protocol error' },
  );
});
