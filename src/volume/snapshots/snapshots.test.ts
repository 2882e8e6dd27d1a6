// Snapshots through the API: their names and metadata, and what an administrator says of them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Answer } from '../../../test/support/service-harness.ts';
import { startVolumes, untilStatus, type VolumeHarness } from '../../../test/support/volume-harness.ts';

/** A snapshot of a new volume. @returns its path */
async function newSnapshot(volumes: VolumeHarness): Promise<string> {
  const { volume } = (await volumes.call('POST', '/v3/volumes', { body: { volume: { size: 1 } } })).body;
  await untilStatus(volumes, `/v3/volumes/${volume.id}`, 'available');
  const body = { snapshot: { volume_id: volume.id, name: 's', metadata: { a: '1' } } };
  const { snapshot } = (await volumes.call('POST', '/v3/snapshots', { body })).body;
  await untilStatus(volumes, `/v3/snapshots/${snapshot.id}`, 'available');
  return `/v3/snapshots/${snapshot.id}`;
}

test('a snapshot is renamed, and keeps metadata', async () => {
  await using volumes = await startVolumes({ backends: [{ name: 'file' }] });
  const at = await newSnapshot(volumes);
  const call = async (method: string, path: string, body?: unknown, token = 'member'): Promise<Answer> =>
    volumes.call(method, at + path, { token, ...(body === undefined ? {} : { body }) });
  const renamed = (await call('PUT', '', { snapshot: { name: 't', description: 'd' } })).body.snapshot;
  assert.deepEqual([renamed.name, renamed.description], ['t', 'd']);
  assert.equal((await call('PUT', '', { snapshot: { name: 'x' } }, 'stranger')).status, 404);
  assert.equal((await call('PUT', '', { snapshot: { name: 'x' } }, 'reader')).status, 403);

  assert.deepEqual((await call('GET', '/metadata')).body, { metadata: { a: '1' } });
  const added = await call('POST', '/metadata', { metadata: { b: '2' } });
  assert.deepEqual(added.body, { metadata: { a: '1', b: '2' } });
  assert.deepEqual((await call('PUT', '/metadata', { metadata: { c: '3' } })).body, {
    metadata: { c: '3' },
  });
  assert.deepEqual((await call('PUT', '/metadata/c', { meta: { c: '4' } })).body, { meta: { c: '4' } });
  assert.deepEqual((await call('GET', '/metadata/c')).body, { meta: { c: '4' } });
  assert.equal((await call('PUT', '/metadata/c', { meta: { d: '4' } })).status, 400);
  assert.equal((await call('GET', '/metadata', undefined, 'stranger')).status, 404);
  assert.equal((await call('DELETE', '/metadata/c', undefined, 'reader')).status, 403);
  assert.equal((await call('DELETE', '/metadata/c')).status, 200);
  assert.equal((await call('GET', '/metadata/c')).status, 404);
});

test('an administrator says the status of a snapshot, and ends it by force', async () => {
  await using volumes = await startVolumes({ backends: [{ name: 'file' }] });
  const at = await newSnapshot(volumes);
  const act = async (body: unknown, token = 'admin'): Promise<number> =>
    (await volumes.call('POST', `${at}/action`, { token, body })).status;
  const reset = { 'os-reset_status': { status: 'creating' } };
  assert.equal(await act(reset, 'member'), 403);
  assert.equal(await act({ 'os-reset_status': { status: 'happy' } }), 400);
  assert.equal(await act(reset), 202);
  await untilStatus(volumes, at, 'creating');
  const told = { 'os-update_snapshot_status': { status: 'available', progress: '100%' } };
  assert.equal(await act(told), 202);
  await untilStatus(volumes, at, 'available');
  assert.equal(await act(told), 400, 'nothing is being made any longer');
  assert.equal(await act({ 'os-reset_status': { status: 'error_deleting' } }), 202);
  assert.equal(await act({ 'os-force_delete': null }, 'member'), 403);
  assert.equal(await act({ 'os-force_delete': null }), 202);
  await untilStatus(volumes, at, 'gone');
});
