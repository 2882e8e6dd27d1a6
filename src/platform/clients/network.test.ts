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

test('prepares a port on a host once, however often it is asked, and anew where it was left', async () => {
  const bindings = new Map([
    ['here', { host: 'here', status: 'ACTIVE', vif_type: 'ovs' }],
    ['left', { host: 'left', status: 'INACTIVE', vif_type: 'unbound' }],
  ]);
  const asked: string[] = [];
  const client = createNetworkClient({
    send: async ({ method, path, body }) => {
      asked.push(`${method} ${path.replace('/v2.0/ports/p/bindings', '')}`);
      const host = (body as { binding?: { host?: string } } | undefined)?.binding?.host ?? '';
      const named = bindings.get(path.split('/')[5] ?? '');
      const answer = (status: number, json: unknown) => ({ status, headers: {}, body: json });
      if (method === 'GET')
        return answer(200, named ? { binding: named } : { bindings: [...bindings.values()] });
      if (method === 'PUT' && path.endsWith('/activate')) return answer(409, {});
      if (method === 'PUT' && named) {
        named.vif_type = 'ovs';
        return answer(200, { binding: named });
      }
      if (bindings.has(host) || host === 'unknown') return answer(409, {});
      bindings.set(host, { host, status: 'INACTIVE', vif_type: 'ovs' });
      return answer(201, { binding: bindings.get(host) });
    },
  });
  for (let n = 0; n < 2; n++)
    assert.equal((await client.createBinding('token', 'p', { host: 'new' })).status, 'INACTIVE');
  assert.equal((await client.createBinding('token', 'p', { host: 'left' })).vif_type, 'ovs');
  assert.ok(asked.includes('PUT /left'));
  assert.equal((await client.createBinding('token', 'p', { host: 'here' })).status, 'ACTIVE');
  await assert.rejects(client.createBinding('token', 'p', { host: 'unknown' }));
  await client.activateBinding('token', 'p', 'here');
  await assert.rejects(client.activateBinding('token', 'p', 'new'));
});
