// Rows of the volume service's microversions about what operators do with its services: clusters, clean-up, levels of logs.
import assert from 'node:assert/strict';
import { message, newPath, shown, statuses, unknownField, type Row } from './row.ts';
import type { Client } from './world.ts';

const step = (version: Row['version'], change: string, check: Row['check']): Row => ({
  version,
  change,
  proof: 'steps',
  check,
});

export const operatorRows: readonly Row[] = [
  step('3.7', 'clusters, and the cluster of services', async (given) => {
    for (const path of ['/clusters', '/clusters/detail', '/clusters/c@memory'])
      await newPath(() => path, 'admin')(given);
    const body = { name: 'c@memory' };
    for (const verb of ['disable', 'enable'])
      await statuses(given, [404, 200], 'PUT', `/clusters/${verb}`, body, 'admin');
    const clusterOf = async (client: Client): Promise<unknown> =>
      (await client.get('/os-services?host=host-1@memory', 'admin')).services[0].cluster;
    assert.deepEqual([await clusterOf(given.below), await clusterOf(given.from)], [undefined, 'c@memory']);
  }),
  step('3.16', 'cluster in os-migrate_volume, and where volumes are managed in', async (given) => {
    const { below, from, world } = given;
    const id = await world.newVolume();
    const move = async (client: Client) =>
      client.send('POST', `/volumes/${id}/action`, { 'os-migrate_volume': { cluster: 'c@second' } }, 'admin');
    unknownField(await move(below), 'cluster');
    const answer = await move(from);
    assert.equal(answer.status, 202, JSON.stringify(answer.body));
    await world.settled(`/volumes/${id}`, 'available');
    const moved = (await from.get(`/volumes/${id}`, 'admin')).volume;
    assert.equal(moved['os-vol-host-attr:host'], 'host-1@second#second');
    const volume = { cluster: 'c@memory', ref: { 'source-name': 'volume-nothing' } };
    const manage = async (client: Client) => client.send('POST', '/os-volume-manage', { volume }, 'admin');
    assert.equal((await manage(below)).status, 400);
    assert.match(message(await manage(from)), /holds no volume/);
  }),
  step('3.17', 'cluster in lists of what can be managed', async (given) => {
    for (const kind of ['volume', 'snapshot'])
      await statuses(given, [400, 200], 'GET', `/os-${kind}-manage?cluster=c@memory`, undefined, 'admin');
  }),
  step('3.24', 'clean-up of what services have left', async (given) => {
    await statuses(given, [404, 202], 'POST', '/workers/cleanup', { binary: 'cinder-volume' }, 'admin');
    const up = { host: 'host-1@memory', is_up: true };
    const { body } = await given.from.send('POST', '/workers/cleanup', up, 'admin');
    assert.deepEqual(
      body.cleaning.map((each: Record<string, unknown>) => [each['host'], each['cluster_name']]),
      [['host-1@memory', 'c@memory']],
    );
  }),
  step('3.26', 'replication and freezing of clusters', async (given) => {
    const { below, from } = given;
    for (const name of ['replication_status', 'frozen', 'active_backend_id'])
      if (below.minor >= 7) await shown(() => '/clusters/c@memory', 'cluster', name, 'admin')(given);
    const body = { cluster: 'c@memory' };
    for (const verb of ['freeze', 'thaw'])
      await statuses(given, [400, 200], 'PUT', `/os-services/${verb}`, body, 'admin');
    assert.equal((await below.send('PUT', '/os-services/failover', body, 'admin')).status, 404);
    assert.match(message(await from.send('PUT', '/os-services/failover', body, 'admin')), /replicat/);
  }),
  step('3.32', 'levels of logs', async (given) => {
    const prefix = 'volume.outbox';
    const set = { binary: 'cinder-api', prefix, level: 'ERROR' };
    await statuses(given, [404, 202], 'PUT', '/os-services/set-log', set, 'admin');
    const get = { binary: 'cinder-api', prefix };
    await statuses(given, [404, 200], 'PUT', '/os-services/get-log', get, 'admin');
    const { body } = await given.from.send('PUT', '/os-services/get-log', get, 'admin');
    assert.deepEqual(body.log_levels[0].levels, { [prefix]: 'ERROR' });
  }),
  step('3.61', 'cluster_name of volumes, for administrators', async (given) => {
    const path = `/volumes/${given.world.volume}`;
    await shown(() => path, 'volume', 'cluster_name', 'admin')(given);
    assert.equal((await given.from.get(path, 'admin')).volume.cluster_name, 'c@memory#memory');
    assert.equal('cluster_name' in (await given.from.get(path)).volume, false, 'for a member');
  }),
];
