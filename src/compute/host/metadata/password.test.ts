// The password of a guest, from the metadata service to the API, on a real conductor.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { startConductor } from '#compute/conductor/conductor.ts';
import { CONDUCTOR_QUEUE, type ConductorRpc } from '#compute/rpc.ts';
import type { Vif } from '#compute/tables.ts';
import { rpcClient } from '#platform/bus/bus.ts';
import { startComputeHarness } from '#test/support/compute-harness.ts';
import { createMetadataServer } from './server.ts';

test('a guest tells its password once, its owner reads it, and may let it tell another', async () => {
  await using stack = new AsyncDisposableStack();
  const cloud = stack.use(await startComputeHarness());
  const { deps } = cloud.service;
  const conductor = await startConductor(deps);
  stack.defer(async () => conductor.close());
  const id = await cloud.create();
  await cloud.activate(id);
  const metadata = createMetadataServer({
    conductor: rpcClient<ConductorRpc>(cloud.bus, CONDUCTOR_QUEUE),
    clock: deps.clock,
    log: deps.log,
  });
  metadata.register(id, [
    { network_id: 'n', mac: 'fa:16:3e:00:00:01', fixed_ips: [{ address: '127.0.0.1' }] } as unknown as Vif,
  ]);
  const server = createServer((request, response) => metadata.listener('n', request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  stack.defer(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/openstack`;
  const path = `${url}/2013-10-17/password`;
  const post = async (body: string | Uint8Array<ArrayBuffer>): Promise<number> =>
    (await fetch(path, { method: 'POST', body })).status;
  const shown = async (): Promise<string> =>
    (await cloud.call('GET', `/v2.1/servers/${id}/os-server-password`)).body.password;

  assert.equal(await (await fetch(path)).text(), '');
  assert.match(await (await fetch(`${url}/latest`)).text(), /^password$/m);
  assert.equal(await post('x'.repeat(1025)), 400);
  assert.equal(await post('x'.repeat(100_000)), 400);
  assert.equal(await post(Uint8Array.of(0xff, 0xfe)), 400);
  assert.equal(await post('a\0b'), 400);
  assert.equal(await shown(), '');
  assert.equal(await post('secret'), 200);
  assert.equal(await post('another'), 409);
  assert.deepEqual([await shown(), await (await fetch(path)).text()], ['secret', 'secret']);
  assert.equal((await fetch(path, { method: 'PUT', body: 'x' })).status, 400);
  assert.equal((await fetch(`${url}/latest/meta_data.json`, { method: 'POST', body: 'x' })).status, 405);
  assert.equal((await cloud.call('DELETE', `/v2.1/servers/${id}/os-server-password`)).status, 204);
  assert.equal(await post('y'.repeat(1024)), 200);
  assert.equal((await shown()).length, 1024);
});
