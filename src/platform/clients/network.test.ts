// The network client where it does more than pass on.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createNetworkClient } from './network.ts';

test('asks in parts for more ids than a request line holds', async () => {
  const lines: string[] = [];
  const client = createNetworkClient({
    send: async ({ path }) => {
      lines.push(path);
      const ports = new URLSearchParams(path.split('?')[1]).getAll('device_id').map((id) => ({ id }));
      return { status: 200, headers: {}, body: { ports } };
    },
  });
  const ids = Array.from({ length: 400 }, () => crypto.randomUUID());
  const found = await client.listPorts('token', { device_id: ids, fields: ['id'] });
  assert.deepEqual(
    found.map(({ id }) => id),
    ids,
  );
  assert.equal(lines.length, 3);
  assert.ok(lines.every((line) => line.length < 16_000 && line.endsWith('fields=id')));
  lines.length = 0;
  assert.deepEqual(await client.listPorts('token', { device_id: [] }), []);
  assert.deepEqual(lines, ['/v2.0/ports']);
});
