// Clusters of volume services, what operators clean up after services that are gone, and the levels of services' logs.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../../../test/support/until.ts';
import { CALLERS, PROJECT, type Answer } from '../../../test/support/service-harness.ts';
import { startVolumes, untilStatus, type VolumeHarness } from '../../../test/support/volume-harness.ts';
import { beginOperation, findOperation } from '../operations/store.ts';
import { saveReport } from '../scheduler/store.ts';
import type { VolumeServiceRow } from '../tables.ts';

const LONG_AGO = '2020-01-01T00:00:00.000Z';

const admin = async (
  volumes: VolumeHarness,
  method: string,
  path: string,
  body?: unknown,
  version = '3.70',
): Promise<Answer> =>
  volumes.call(method, `/v3${path}`, { token: 'admin', version, ...(body === undefined ? {} : { body }) });

const twoHosts = async (cluster: string | null = 'c'): Promise<VolumeHarness> =>
  startVolumes({
    config: { cluster },
    backends: [{ name: 'memory' }, { name: 'memory', host: 'host-2' }],
  });

/** A service that was heard of long ago. */
async function addDown(
  volumes: VolumeHarness,
  host: string,
  { cluster, binary = 'cinder-volume' }: { cluster: string | null; binary?: VolumeServiceRow['binary'] },
): Promise<void> {
  const { db } = volumes.service.deps;
  const report = null;
  await saveReport(db.kysely, { host, binary, availability_zone: 'nova', cluster, report, now: LONG_AGO });
}

/** A deletion that nobody works on, of a volume that stays `deleting`. @returns ids of volume and operation */
async function interrupt(volumes: VolumeHarness, host: string | null): Promise<[string, string]> {
  const { deps } = volumes.service;
  const { body } = await volumes.call('POST', '/v3/volumes', {
    token: 'member',
    body: { volume: { size: 1 } },
  });
  const id = body.volume.id as string;
  await untilStatus(volumes, `/v3/volumes/${id}`, 'available');
  await deps.db.kysely.updateTable('volumes').set({ lifecycle: 'deleting' }).where('id', '=', id).execute();
  const who = { requestId: 'req-1', principal: CALLERS['member'] ?? { userId: 'u' } };
  const operation = await beginOperation(deps.db.kysely, who, deps, {
    resource_type: 'volume',
    resource_id: id,
    operation: 'delete',
    project_id: PROJECT,
    host,
    deadlineMs: 3_600_000,
  });
  return [id, operation];
}

async function ended(volumes: VolumeHarness, operation: string): Promise<void> {
  const { db } = volumes.service.deps;
  await until(async () => (await findOperation(db.kysely, operation))?.state === 'failed', {
    deadlineMs: 10_000,
    what: 'the operation to be ended',
  });
}

test('services of one cluster are told with it, and switched off with it', async () => {
  await using volumes = await twoHosts();
  await addDown(volumes, 'host-3@memory', { cluster: 'c@memory' });
  const { services } = (await admin(volumes, 'GET', '/os-services?binary=cinder-volume')).body;
  assert.deepEqual(
    services.map((each: Record<string, unknown>) => [each['host'], each['cluster']]),
    [1, 2, 3].map((at) => [`host-${at}@memory`, 'c@memory']),
  );
  const { cluster } = (await admin(volumes, 'GET', '/clusters/c@memory')).body;
  assert.deepEqual(
    [cluster.name, cluster.state, cluster.status, cluster.num_hosts, cluster.num_down_hosts],
    ['c@memory', 'up', 'enabled', 3, 1],
  );
  assert.deepEqual([cluster.replication_status, cluster.frozen], ['not-capable', false]);
  const old = (await admin(volumes, 'GET', '/clusters/c@memory', undefined, '3.25')).body.cluster;
  assert.equal('frozen' in old || 'replication_status' in old, false);
  const names = async (query: string): Promise<string[]> =>
    (await admin(volumes, 'GET', `/clusters?${query}`)).body.clusters.map(
      (each: { name: string }) => each.name,
    );
  for (const query of ['name=c', 'is_up=true', 'disabled=0', 'num_hosts=3', 'frozen=false'])
    assert.deepEqual(await names(query), ['c@memory'], query);
  for (const query of ['name=d', 'is_up=false', 'disabled=1', 'num_down_hosts=0', 'frozen=true'])
    assert.deepEqual(await names(query), [], query);
  assert.equal((await admin(volumes, 'GET', '/clusters?colour=blue')).status, 400);
  assert.equal((await admin(volumes, 'GET', '/clusters?frozen=true', undefined, '3.25')).status, 400);
  assert.equal((await admin(volumes, 'PUT', '/clusters/disable', { name: 'nothing' })).status, 404);
  const member = await volumes.call('GET', '/v3/clusters', { token: 'member', version: '3.7' });
  assert.equal(member.status, 403);
  const off = { name: 'c@memory', disabled_reason: ' repair ' };
  const disabled = (await admin(volumes, 'PUT', '/clusters/disable', off)).body.cluster;
  assert.deepEqual([disabled.status, disabled.disabled_reason], ['disabled', 'repair']);
  const make = async (): Promise<string> =>
    (await volumes.call('POST', '/v3/volumes', { token: 'member', body: { volume: { size: 1 } } })).body
      .volume.id;
  await untilStatus(volumes, `/v3/volumes/${await make()}`, 'error');
  const enabled = (await admin(volumes, 'PUT', '/clusters/enable', { name: 'c@memory' })).body.cluster;
  assert.deepEqual([enabled.status, enabled.disabled_reason], ['enabled', null]);
  const made = await make();
  await untilStatus(volumes, `/v3/volumes/${made}`, 'available');
  assert.equal((await admin(volumes, 'GET', `/volumes/${made}`)).body.volume.cluster_name, 'c@memory#memory');
  const cluster_ = { cluster: 'c@memory' };
  assert.equal((await admin(volumes, 'PUT', '/os-services/freeze', cluster_, '3.25')).status, 400);
  assert.equal((await admin(volumes, 'PUT', '/os-services/freeze', cluster_)).status, 200);
  assert.equal((await admin(volumes, 'PUT', '/os-services/freeze', { host: 'host-1@memory' })).status, 400);
  assert.deepEqual(await names('frozen=true'), ['c@memory']);
  assert.equal((await admin(volumes, 'PUT', '/os-services/thaw', { host: 'host-1@memory' })).status, 200);
  assert.deepEqual(await names('frozen=true'), []);
  assert.equal((await admin(volumes, 'PUT', '/os-services/failover', cluster_)).status, 400);
  const { body: held } = await admin(volumes, 'GET', '/manageable_volumes?cluster=c@memory');
  assert.ok(Array.isArray(held['manageable-volumes']), JSON.stringify(held));
});

test('without the option there are no clusters', async () => {
  await using volumes = await twoHosts(null);
  assert.deepEqual((await admin(volumes, 'GET', '/clusters/detail')).body, { clusters: [] });
  assert.equal((await admin(volumes, 'GET', '/clusters/c@memory')).status, 404);
  assert.equal((await admin(volumes, 'PUT', '/clusters/enable', { name: 'c' })).status, 404);
});

test('what a service that is down has left is ended by another of its cluster', async () => {
  await using volumes = await twoHosts();
  await addDown(volumes, 'host-3@memory', { cluster: 'c@memory' });
  await addDown(volumes, 'host-4@alone', { cluster: null });
  const [volume, operation] = await interrupt(volumes, 'host-3@memory');
  const [, other] = await interrupt(volumes, 'host-4@alone');
  const { status, body } = await admin(volumes, 'POST', '/workers/cleanup', {});
  assert.equal(status, 202, JSON.stringify(body));
  const told = (list: Array<Record<string, unknown>>) =>
    list.map((each) => [each['host'], each['cluster_name']]);
  assert.deepEqual(told(body.cleaning), [['host-3@memory', 'c@memory']]);
  assert.deepEqual(told(body.unavailable), [['host-4@alone', null]]);
  await ended(volumes, operation);
  await untilStatus(volumes, `/v3/volumes/${volume}`, 'error_deleting');
  assert.equal((await findOperation(volumes.service.deps.db.kysely, other))?.state, 'running');
  const ofService = async (fields: object): Promise<number> =>
    (await admin(volumes, 'POST', '/workers/cleanup', fields)).body.unavailable.length;
  const [{ id }] = body.unavailable;
  assert.deepEqual([await ofService({ service_id: id }), await ofService({ service_id: id + 9 })], [1, 0]);
  assert.deepEqual([await ofService({ host: 'host-4' }), await ofService({ host: 'host-' })], [1, 0]);
  assert.deepEqual([await ofService({ disabled: false }), await ofService({ disabled: true })], [1, 0]);
});

test('what a service that is up does not work on any more is ended, what is on its way is not', async () => {
  await using volumes = await twoHosts(null);
  await addDown(volumes, 'gone', { cluster: null, binary: 'cinder-scheduler' });
  const [volume, operation] = await interrupt(volumes, 'host-1@memory');
  const [, unplaced] = await interrupt(volumes, null);
  const send = async (body: object): Promise<Answer> => admin(volumes, 'POST', '/workers/cleanup', body);
  const empty = await send({ binary: 'cinder-volume' });
  assert.deepEqual(empty.body, { cleaning: [], unavailable: [] }, 'what is up is not asked unasked');
  assert.equal((await send({ resource_id: PROJECT.replace(/.$/, '0').slice(0, 36) })).status, 400);
  assert.equal((await send({ resource_type: 'flavor' })).status, 400);
  assert.equal((await send({ binary: 'nova' })).status, 400);
  const one = await send({ resource_type: 'Volume', resource_id: volume, is_up: true });
  assert.deepEqual(
    one.body.cleaning.map(({ host }: { host: string }) => host),
    ['host-1@memory'],
  );
  await ended(volumes, operation);
  assert.equal((await findOperation(volumes.service.deps.db.kysely, unplaced))?.state, 'running');
  await send({ binary: 'cinder-scheduler' });
  await ended(volumes, unplaced);
});

test('levels of logs are shown and set by binary, server and prefix', async () => {
  await using volumes = await twoHosts(null);
  const get = async (body: object): Promise<Array<Record<string, unknown>>> => {
    const answer = await admin(volumes, 'PUT', '/os-services/get-log', body);
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    return answer.body.log_levels;
  };
  const binaries = async (body: object): Promise<unknown[]> =>
    (await get(body)).map((each) => each['binary']);
  const volume = 'cinder-volume';
  assert.deepEqual(await binaries({}), ['cinder-api', 'cinder-scheduler', volume, volume]);
  assert.deepEqual(await binaries({ binary: 'cinder-api' }), ['cinder-api']);
  assert.deepEqual(await binaries({ binary: 'cinder-backup' }), []);
  assert.deepEqual(await binaries({ server: 'host-2' }), [volume]);
  const set = async (body: object): Promise<number> =>
    (await admin(volumes, 'PUT', '/os-services/set-log', body)).status;
  assert.equal(await set({ level: 'loud' }), 400);
  assert.equal(await set({}), 400);
  assert.equal(await set({ level: 'ERROR', binary: 'nova' }), 400);
  assert.equal(await set({ level: 'error', binary: volume, server: 'host-2', prefix: 'volume.back' }), 202);
  const levels = async (host: string): Promise<unknown> =>
    (await get({ server: host, prefix: 'volume.backend' }))[0]?.['levels'];
  assert.deepEqual(await levels('host-2'), { 'volume.backend': 'ERROR' });
  assert.deepEqual(await levels('host-1@memory'), { 'volume.backend': 'CRITICAL' }, 'as it was');
  assert.equal(await set({ level: 'WARNING', binary: 'cinder-api' }), 202);
  assert.deepEqual((await get({ binary: 'cinder-api', prefix: 'volume.api' }))[0]?.['levels'], {
    'volume.api': 'WARNING',
  });
});

test('hosts are switched off and on', async () => {
  await using volumes = await twoHosts(null);
  const put = async (host: string, body: object): Promise<Answer> =>
    admin(volumes, 'PUT', `/os-hosts/${host}`, body);
  assert.equal((await put('nobody', { status: 'enable' })).status, 404);
  for (const bad of [{ status: 'dance' }, { power: 'off' }, {}])
    assert.equal((await put('host-2@memory', bad)).status, 400);
  for (const [verb, status] of [
    ['Disable', 'disabled'],
    ['enable', 'enabled'],
  ] as const) {
    const { body } = await put('host-2@memory', { status: verb });
    assert.deepEqual(body, { host: 'host-2@memory', status });
    const { services } = (await admin(volumes, 'GET', '/os-services?host=host-2')).body;
    assert.equal(services[0].status, status);
  }
});
