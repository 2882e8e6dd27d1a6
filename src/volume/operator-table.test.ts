// Types, QoS specs, limits, services, pools, messages and transfers through the REST API: bodies, policies, refusals, microversions.
import { ENGINES, urlOf } from '#test/support/engines.ts';
import { CALLERS, OTHER_PROJECT, PROJECT, type Answer } from '#test/support/service-harness.ts';
import { startVolumes, type VolumeHarness } from '#test/support/volume-harness.ts';
import { addService, addVolume } from '#test/support/volume-rows.ts';
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { tellOwner } from './operations/owner-message.ts';

const HOST = 'host-1@model';
const admin = { token: 'admin' } as const;

for (const engine of ENGINES)
  describe(`operator resources of volumes on ${engine}`, () => {
    let volumes: VolumeHarness;

    before(async () => {
      volumes = await startVolumes({ databaseUrl: await urlOf(engine) });
      await addService(volumes, HOST);
    });
    after(async () => {
      await volumes[Symbol.asyncDispose]();
    });

    const call = async (
      method: string,
      url: string,
      options: Parameters<VolumeHarness['call']>[2] = {},
    ): Promise<Answer> => volumes.call(method, `/v3${url}`, options);
    const asAdmin = async (method: string, url: string, body?: unknown, version?: string): Promise<Answer> =>
      call(method, url, {
        ...admin,
        ...(body === undefined ? {} : { body }),
        ...(version === undefined ? {} : { version }),
      });
    const newType = async (fields: Record<string, unknown> = {}): Promise<{ id: string; name: string }> => {
      const made = await asAdmin('POST', '/types', { volume_type: { name: `t-${randomUUID()}`, ...fields } });
      assert.equal(made.status, 200);
      return made.body.volume_type;
    };

    describe('types', () => {
      test('are made, shown, changed and removed by administrators, and read by everybody', async () => {
        const specs = { multiattach: '<is> True', volume_backend_name: 'model' };
        const made = await newType({ description: 'd', extra_specs: specs });
        const spec = await asAdmin('GET', `/types/${made.id}/extra_specs/multiattach`);
        assert.deepEqual(spec.body, { multiattach: '<is> True' });
        assert.equal((await asAdmin('GET', `/types/${made.id}/extra_specs/none`)).status, 404);
        const seen = (await call('GET', `/types/${made.id}`)).body.volume_type;
        assert.deepEqual(seen, {
          id: made.id,
          name: made.name,
          description: 'd',
          is_public: true,
          'os-volume-type-access:is_public': true,
          extra_specs: { multiattach: '<is> True' },
        });
        const whole = (await asAdmin('GET', `/types/${made.id}`)).body.volume_type;
        assert.deepEqual(whole.extra_specs, specs);
        assert.equal(whole.qos_specs_id, null);
        for (const token of ['member', 'reader'])
          for (const [method, url, body] of [
            ['POST', '/types', { volume_type: { name: 'x' } }],
            ['PUT', `/types/${made.id}`, { volume_type: { name: 'x' } }],
            ['DELETE', `/types/${made.id}`, {}],
            ['POST', `/types/${made.id}/extra_specs`, { extra_specs: { k: 'v' } }],
          ] as const)
            assert.equal((await call(method, url, { token, body })).status, 403, `${method} ${url}`);
        const again = await asAdmin('POST', '/types', { volume_type: { name: made.name } });
        assert.equal(again.status, 409);
        assert.match(again.body.conflictingRequest.message, /already exists/);
        for (const bad of [
          { name: '' },
          { name: '  ' },
          { name: 'x'.repeat(256) },
          { name: 'x', more: 1 },
          {},
        ])
          assert.equal((await asAdmin('POST', '/types', { volume_type: bad })).status, 400);
        const changed = await asAdmin('PUT', `/types/${made.id}`, {
          volume_type: { name: 'renamed', is_public: false },
        });
        assert.equal(changed.body.volume_type.is_public, false);
        assert.equal((await call('GET', `/types/${made.id}`)).status, 404);
        assert.equal((await asAdmin('PUT', `/types/${made.id}`, { volume_type: {} })).status, 400);
        assert.equal((await asAdmin('DELETE', `/types/${made.id}`)).status, 202);
        assert.equal((await asAdmin('DELETE', `/types/${made.id}`)).status, 404);
      });

      test('private ones are for projects that were given them', async () => {
        const { id } = await newType({ 'os-volume-type-access:is_public': false });
        const listed = async (token: string): Promise<boolean> =>
          (await call('GET', '/types', { token })).body.volume_types.some(
            (each: { id: string }) => each.id === id,
          );
        assert.equal(await listed('member'), false);
        const give = { addProjectAccess: { project: PROJECT } };
        assert.equal((await call('POST', `/types/${id}/action`, { body: give })).status, 403);
        assert.equal((await asAdmin('POST', `/types/${id}/action`, give)).status, 202);
        assert.equal((await asAdmin('POST', `/types/${id}/action`, give)).status, 409);
        assert.equal(await listed('member'), true);
        assert.equal(await listed('stranger'), false);
        assert.deepEqual(
          (await asAdmin('GET', `/types/${id}/os-volume-type-access`)).body.volume_type_access,
          [{ volume_type_id: id, project_id: PROJECT }],
        );
        const take = { removeProjectAccess: { project: PROJECT } };
        assert.equal((await asAdmin('POST', `/types/${id}/action`, take)).status, 202);
        assert.equal((await asAdmin('POST', `/types/${id}/action`, take)).status, 404);
        assert.equal(await listed('member'), false);
        const all = await asAdmin('GET', '/types?is_public=None');
        assert.ok(all.body.volume_types.some((each: { id: string }) => each.id === id));
        const { id: open } = await newType();
        assert.equal((await asAdmin('POST', `/types/${open}/action`, give)).status, 400);
        assert.equal((await asAdmin('GET', `/types/${open}/os-volume-type-access`)).status, 404);
      });

      test('extra specs are set one by one or several, and filter from 3.52 on', async () => {
        const { id } = await newType();
        const path = `/types/${id}/extra_specs`;
        const specs = { multiattach: '<is> True', tier: 'gold' };
        assert.deepEqual((await asAdmin('POST', path, { extra_specs: specs })).body, { extra_specs: specs });
        assert.deepEqual((await asAdmin('PUT', `${path}/tier`, { tier: 'iron' })).body, { tier: 'iron' });
        for (const bad of [{ other: 'x' }, { tier: 'x', b: 'y' }, 'x', null, { tier: 5 }])
          assert.equal((await asAdmin('PUT', `${path}/tier`, bad)).status, 400);
        assert.equal((await asAdmin('POST', path, { extra_specs: { 'a\u0000': 'x' } })).status, 400);
        assert.equal((await call('GET', `${path}/tier`)).status, 404);
        assert.deepEqual((await call('GET', path)).body.extra_specs, { multiattach: '<is> True' });
        const filter = `/types?extra_specs=${encodeURIComponent("{'tier': 'iron'}")}`;
        const found = async (version: string): Promise<number> =>
          (await asAdmin('GET', filter, undefined, version)).body.volume_types.length;
        assert.equal(await found('3.52'), 1);
        assert.ok((await found('3.51')) > 1);
        assert.equal((await asAdmin('GET', '/types?extra_specs=nonsense', undefined, '3.52')).status, 400);
        assert.equal((await asAdmin('DELETE', `${path}/tier`)).status, 202);
        assert.equal((await asAdmin('DELETE', `${path}/tier`)).status, 404);
      });

      test('a volume keeps its type, and the default one stays', async () => {
        const { id } = await newType();
        await addVolume(volumes, { volume_type_id: id });
        assert.equal((await asAdmin('DELETE', `/types/${id}`)).status, 400);
        const byDefault = (await call('GET', '/types/default')).body.volume_type;
        assert.equal(byDefault.name, '__DEFAULT__');
        assert.equal((await asAdmin('DELETE', `/types/${byDefault.id}`)).status, 400);
      });

      test('a project has its own default from 3.62 on', async () => {
        const { id, name } = await newType();
        const path = `/default-types/${PROJECT}`;
        const body = { default_type: { volume_type: name } };
        assert.equal((await asAdmin('PUT', path, body, '3.61')).status, 404);
        assert.deepEqual((await asAdmin('PUT', path, body, '3.62')).body.default_type, {
          project_id: PROJECT,
          volume_type_id: id,
        });
        assert.equal((await call('PUT', path, { body, version: '3.62' })).status, 403);
        assert.equal((await call('GET', '/types/default')).body.volume_type.id, id);
        assert.equal(
          (await asAdmin('GET', '/default-types', undefined, '3.62')).body.default_types.length,
          1,
        );
        assert.deepEqual((await asAdmin('GET', path, undefined, '3.62')).body.default_type, {
          project_id: PROJECT,
          volume_type_id: id,
        });
        assert.equal((await asAdmin('DELETE', path, undefined, '3.62')).status, 204);
        assert.equal((await asAdmin('GET', path, undefined, '3.62')).status, 404);
        const none = { default_type: { volume_type: 'nonsense' } };
        assert.equal((await asAdmin('PUT', path, none, '3.62')).status, 404);
      });

      test('encryption is kept and shown', async () => {
        const { id } = await newType();
        const path = `/types/${id}/encryption`;
        const encryption = {
          provider: 'luks',
          cipher: 'aes-xts-plain64',
          key_size: 256,
          control_location: 'front-end',
        };
        assert.deepEqual((await asAdmin('GET', path)).body, {});
        const made = await asAdmin('POST', path, { encryption });
        assert.deepEqual(
          { ...made.body.encryption, encryption_id: '' },
          { volume_type_id: id, encryption_id: '', ...encryption },
        );
        assert.equal((await asAdmin('POST', path, { encryption })).status, 400);
        assert.equal((await call('GET', path)).status, 403);
        await asAdmin('PUT', `${path}/provider`, { encryption: { key_size: 128 } });
        assert.deepEqual((await asAdmin('GET', `${path}/key_size`)).body, { key_size: 128 });
        assert.equal((await asAdmin('GET', `${path}/nonsense`)).status, 404);
        assert.equal((await asAdmin('DELETE', `${path}/provider`)).status, 202);
        assert.deepEqual((await asAdmin('GET', path)).body, {});
      });
    });

    test('QoS specs are kept, given to types and taken', async () => {
      const { id: typeId } = await newType();
      const body = { qos_specs: { name: `q-${randomUUID()}`, consumer: 'front-end', read_iops_sec: '2000' } };
      assert.equal((await call('POST', '/qos-specs', { body })).status, 403);
      const made = await asAdmin('POST', '/qos-specs', body);
      assert.equal(made.status, 200);
      const { id } = made.body.qos_specs;
      assert.deepEqual(made.body.qos_specs.specs, { read_iops_sec: '2000' });
      assert.equal((await asAdmin('POST', '/qos-specs', body)).status, 409);
      const bad = { qos_specs: { name: 'x', consumer: 'nobody' } };
      assert.equal((await asAdmin('POST', '/qos-specs', bad)).status, 400);
      const path = `/qos-specs/${id}`;
      assert.deepEqual((await asAdmin('GET', path)).body.qos_specs, made.body.qos_specs);
      const listed = (await asAdmin('GET', '/qos-specs')).body.qos_specs;
      assert.deepEqual(
        listed.filter((each: { id: string }) => each.id === id),
        [made.body.qos_specs],
      );
      assert.deepEqual((await asAdmin('PUT', path, { qos_specs: { total: '5' } })).body, {
        qos_specs: { total: '5' },
      });
      assert.equal((await asAdmin('PUT', `${path}/delete_keys`, { keys: ['total'] })).status, 202);
      assert.equal((await asAdmin('PUT', `${path}/delete_keys`, { keys: ['total'] })).status, 404);
      assert.equal((await asAdmin('GET', `${path}/associate?vol_type_id=${typeId}`)).status, 202);
      assert.equal((await asAdmin('GET', `${path}/associate`)).status, 400);
      assert.equal((await asAdmin('GET', `${path}/associate?vol_type_id=${randomUUID()}`)).status, 404);
      assert.equal((await asAdmin('GET', `${path}/associations`)).body.qos_associations[0].id, typeId);
      assert.equal((await asAdmin('GET', `/types/${typeId}`)).body.volume_type.qos_specs_id, id);
      assert.equal((await asAdmin('DELETE', path)).status, 400);
      assert.equal((await asAdmin('GET', `${path}/disassociate?vol_type_id=${typeId}`)).status, 202);
      assert.equal((await asAdmin('GET', `${path}/associate?vol_type_id=${typeId}`)).status, 202);
      assert.equal((await asAdmin('GET', `${path}/disassociate_all`)).status, 202);
      assert.equal((await asAdmin('GET', `${path}/associations`)).body.qos_associations.length, 0);
      assert.equal((await asAdmin('DELETE', path)).status, 202);
      assert.equal((await asAdmin('GET', path)).status, 404);
    });

    describe('limits', () => {
      const limitsOf = async (query = ''): Promise<Answer['body']> =>
        (await asAdmin('GET', `/os-quota-sets/${OTHER_PROJECT}${query}`)).body.quota_set;

      test('count what is there, and hold a create in its transaction', async () => {
        const { id: typeId, name } = await newType();
        await addVolume(volumes, { project_id: OTHER_PROJECT, size: 3, volume_type_id: typeId });
        const used = await limitsOf('?usage=True');
        assert.deepEqual(used.volumes, { limit: 10, in_use: 1, reserved: 0 });
        assert.equal(used.gigabytes.in_use, 3);
        assert.deepEqual(used[`gigabytes_${name}`], { limit: -1, in_use: 3, reserved: 0 });
        const path = `/os-quota-sets/${OTHER_PROJECT}`;
        const make = async (size: number, volume_type?: string): Promise<Answer> =>
          call('POST', '/volumes', {
            token: 'stranger',
            body: { volume: { size, ...(volume_type ? { volume_type } : {}) } },
          });
        const set = async (quota_set: Record<string, unknown>): Promise<Answer> =>
          asAdmin('PUT', path, { quota_set });
        for (const [limit, size, type] of [
          [{ volumes: 1 }, 1, undefined],
          [{ volumes: -1, gigabytes: 4 }, 2, undefined],
          [{ gigabytes: -1, per_volume_gigabytes: 5 }, 6, undefined],
          [{ per_volume_gigabytes: -1, [`volumes_${name}`]: 1 }, 1, name],
        ] as const) {
          assert.equal((await set(limit)).status, 200);
          const refused = await make(size, type);
          assert.equal(refused.status, 413, JSON.stringify(limit));
          assert.match(refused.body.overLimit.message, /exceed/);
        }
        assert.equal((await make(1)).status, 202);
        assert.equal((await set({ volumes: 1, skip_validation: false })).status, 400);
        for (const bad of [
          { nonsense: 1 },
          { volumes: -2 },
          { volumes: 'x' },
          { volumes: 2 ** 40 },
          { volumes: null },
        ])
          assert.equal((await set(bad)).status, 400, JSON.stringify(bad));
        assert.equal((await asAdmin('DELETE', path)).status, 200);
        assert.equal((await limitsOf()).volumes, 10);
      });

      test('are read by their project alone, and set by administrators', async () => {
        const path = `/os-quota-sets/${OTHER_PROJECT}`;
        assert.equal((await call('GET', path, { token: 'stranger' })).status, 200);
        assert.equal((await call('GET', path)).status, 403);
        const body = { quota_set: { volumes: 100 } };
        assert.equal((await call('PUT', path, { token: 'stranger', body })).status, 403);
        assert.equal((await call('DELETE', path, { token: 'stranger' })).status, 403);
        assert.equal((await call('GET', '/os-quota-class-sets/default')).status, 403);
      });

      test('of the default class hold for who has none', async () => {
        const path = '/os-quota-class-sets/default';
        assert.equal((await asAdmin('GET', path)).body.quota_class_set.id, 'default');
        const changed = await asAdmin('PUT', path, { quota_class_set: { snapshots: 33 } });
        assert.equal(changed.body.quota_class_set.snapshots, 33);
        assert.equal((await limitsOf('/defaults')).snapshots, 33);
        assert.equal((await limitsOf()).snapshots, 33);
        await asAdmin('PUT', path, { quota_class_set: { snapshots: 10 } });
      });

      test('show as absolute limits', async () => {
        const { limits } = (await call('GET', '/limits', { token: 'stranger' })).body;
        assert.deepEqual(limits.rate, []);
        assert.equal(limits.absolute.maxTotalVolumes, 10);
        assert.equal(limits.absolute.totalVolumesUsed, 2);
        const other = `/limits?project_id=${OTHER_PROJECT}`;
        assert.equal((await call('GET', other, { version: '3.39' })).status, 403);
        assert.equal(
          (await asAdmin('GET', other, undefined, '3.39')).body.limits.absolute.totalVolumesUsed,
          2,
        );
      });
    });

    describe('services', () => {
      test('list, switch off and on, freeze and thaw', async () => {
        const list = async (query = '', version = '3.0'): Promise<Answer['body']> =>
          (await asAdmin('GET', `/os-services${query}`, undefined, version)).body.services;
        const ofHost = `?host=${HOST}`;
        assert.equal((await call('GET', '/os-services')).status, 403);
        assert.equal((await list('?host=host-1&binary=cinder-volume'))[0].host, HOST);
        assert.equal((await list('?binary=nonsense')).length, 0);
        const [first] = await list(ofHost, '3.49');
        assert.deepEqual(
          [first.state, first.status, first.cluster, first.backend_state],
          ['up', 'enabled', null, 'up'],
        );
        assert.equal('cluster' in (await list(ofHost, '3.6'))[0], false);
        const named = { host: HOST, binary: 'cinder-volume' };
        const put = async (what: string, body: unknown): Promise<Answer> =>
          asAdmin('PUT', `/os-services/${what}`, body);
        const off = await put('disable-log-reason', { ...named, disabled_reason: 'repair' });
        assert.equal(off.body.disabled_reason, 'repair');
        assert.equal((await list(ofHost))[0].disabled_reason, 'repair');
        assert.equal((await put('disable-log-reason', { ...named, disabled_reason: '' })).status, 400);
        assert.equal((await put('disable-log-reason', named)).status, 400);
        assert.equal((await put('enable', named)).body.status, 'enabled');
        assert.equal((await put('disable', { ...named, host: 'nobody' })).status, 404);
        assert.equal((await put('freeze', { host: 'nobody' })).status, 400);
        assert.equal((await put('freeze', { host: HOST })).status, 200);
        assert.equal((await list(ofHost))[0].frozen, true);
        assert.equal((await put('thaw', { host: HOST })).status, 200);
        assert.equal((await put('failover_host', { host: HOST })).status, 400);
      });

      test('zones, hosts, pools and capabilities come from what backends report', async () => {
        assert.deepEqual((await call('GET', '/os-availability-zone')).body.availabilityZoneInfo, [
          { zoneName: 'nova', zoneState: { available: true } },
        ]);
        const { hosts } = (await asAdmin('GET', '/os-hosts')).body;
        assert.equal(hosts[0]['service-status'], 'available');
        await addService(volumes, 'quiet@model', { disabled: 1 });
        await addVolume(volumes, { host: 'quiet@model#model', size: 7 });
        const { host } = (await asAdmin('GET', '/os-hosts/quiet@model')).body;
        assert.deepEqual(host[0].resource, {
          host: 'quiet@model',
          project: '(total)',
          volume_count: '1',
          total_volume_gb: '7',
          snapshot_count: '0',
          total_snapshot_gb: '0',
        });
        assert.equal((await asAdmin('GET', '/os-hosts/nobody')).status, 404);
        const pools = (await asAdmin('GET', '/scheduler-stats/get_pools?detail=True')).body.pools;
        assert.equal(pools[0].name, `${HOST}#model`);
        assert.equal(pools[0].capabilities.simulated, true);
        assert.equal((await call('GET', '/scheduler-stats/get_pools')).status, 403);
        const shown = (await asAdmin('GET', `/capabilities/${encodeURIComponent(`${HOST}#model`)}`)).body;
        assert.equal(shown.storage_protocol, 'simulated');
        assert.equal((await asAdmin('GET', '/capabilities/nobody')).status, 404);
        assert.deepEqual((await asAdmin('GET', '/clusters', undefined, '3.7')).body, { clusters: [] });
      });
    });

    test('extensions and filters of lists are told', async () => {
      const { extensions } = (await call('GET', '/extensions')).body;
      assert.ok(extensions.some((each: { name: string }) => each.name === 'Hosts'));
      assert.equal((await call('GET', '/extensions/os-hosts')).body.extension.name, 'Hosts');
      assert.equal((await call('GET', '/extensions/nonsense')).status, 404);
      assert.equal((await call('GET', '/resource_filters', { version: '3.32' })).status, 404);
      const { resource_filters } = (
        await call('GET', '/resource_filters?resource=backup', { version: '3.33' })
      ).body;
      assert.deepEqual(
        resource_filters.map((each: { resource: string }) => each.resource),
        ['backup'],
      );
    });

    test('messages tell their project what failed', async () => {
      const resourceId = randomUUID();
      await tellOwner(volumes.service.deps.db.kysely, volumes.service.deps, {
        projectId: PROJECT,
        requestId: `req-${randomUUID()}`,
        resourceType: 'VOLUME',
        resourceId,
        action: 'schedule-allocate-volume',
        detail: 'no-backend-available',
        text: 'No backend fits.',
      });
      assert.equal((await call('GET', '/messages', { version: '3.2' })).status, 404);
      const { messages } = (await call('GET', `/messages?resource_uuid=${resourceId}`, { version: '3.5' }))
        .body;
      assert.equal(messages.length, 1);
      assert.match(messages[0].event_id, /^VOLUME_VOLUME_001_003$/);
      const path = `/messages/${messages[0].id}`;
      for (const method of ['GET', 'DELETE'])
        assert.equal((await call(method, path, { token: 'stranger', version: '3.3' })).status, 404);
      assert.equal((await call('DELETE', path, { token: 'reader', version: '3.3' })).status, 403);
      assert.equal((await call('DELETE', path, { version: '3.3' })).status, 204);
      assert.equal((await call('GET', path, { version: '3.3' })).status, 404);
    });

    describe('transfers', () => {
      const offer = async (volumeId: string, options: Record<string, unknown> = {}): Promise<Answer> =>
        call('POST', '/volume-transfers', {
          version: '3.57',
          body: { transfer: { volume_id: volumeId, name: 't', ...options } },
        });
      const accept = async (id: string, auth_key: string, token = 'stranger'): Promise<Answer> =>
        call('POST', `/os-volume-transfer/${id}/accept`, { token, body: { accept: { auth_key } } });
      const statusOf = async (id: string, token = 'member'): Promise<string | undefined> =>
        (await call('GET', `/volumes/${id}`, { token })).body.volume?.status;

      test('a volume goes to whoever has the key', async () => {
        const id = await addVolume(volumes, {});
        const made = await offer(id);
        assert.equal(made.status, 202);
        const { transfer } = made.body;
        assert.deepEqual([transfer.no_snapshots, transfer.accepted], [false, false]);
        assert.equal(await statusOf(id), 'awaiting-transfer');
        assert.equal((await offer(id)).status, 400);
        const shown = (await call('GET', `/os-volume-transfer/${transfer.id}`)).body.transfer;
        assert.equal('auth_key' in shown || 'key_hash' in shown || 'no_snapshots' in shown, false);
        const foreign = await call('GET', `/os-volume-transfer/${transfer.id}`, { token: 'stranger' });
        assert.equal(foreign.status, 404);
        assert.equal((await call('GET', '/os-volume-transfer')).body.transfers.length, 1);
        assert.equal(
          (await call('GET', '/os-volume-transfer', { token: 'stranger' })).body.transfers.length,
          0,
        );
        assert.equal((await accept(transfer.id, 'wrong')).status, 400);
        assert.equal((await accept(transfer.id, transfer.auth_key)).status, 202);
        assert.equal((await accept(transfer.id, transfer.auth_key)).status, 404);
        assert.equal(await statusOf(id), undefined);
        assert.equal(await statusOf(id, 'stranger'), 'available');
        const taken = (await call('GET', `/volumes/${id}`, { token: 'stranger' })).body.volume;
        assert.equal(taken.user_id, CALLERS.stranger.userId);
      });

      test('an offer is listed with its details, and taken by the newer path', async () => {
        const id = await addVolume(volumes, {});
        const { transfer } = (await offer(id)).body;
        const { transfers } = (await call('GET', '/volume-transfers/detail', { version: '3.57' })).body;
        const shown = transfers.find((each: { id: string }) => each.id === transfer.id);
        assert.deepEqual([shown.volume_id, shown.accepted, 'auth_key' in shown], [id, false, false]);
        const taken = await call('POST', `/volume-transfers/${transfer.id}/accept`, {
          token: 'stranger',
          version: '3.55',
          body: { accept: { auth_key: transfer.auth_key } },
        });
        assert.equal(taken.status, 202);
        assert.equal(await statusOf(id, 'stranger'), 'available');
      });

      test('an offer is withdrawn', async () => {
        const id = await addVolume(volumes, {});
        const { transfer } = (await offer(id)).body;
        const path = `/volume-transfers/${transfer.id}`;
        assert.equal((await call('DELETE', path, { token: 'stranger', version: '3.55' })).status, 404);
        assert.equal((await call('DELETE', path, { token: 'reader', version: '3.55' })).status, 403);
        assert.equal((await call('DELETE', path, { version: '3.55' })).status, 202);
        assert.equal(await statusOf(id), 'available');
        assert.equal((await accept(transfer.id, transfer.auth_key)).status, 404);
      });

      test("neither the receiver's limits nor a type's access are passed over", async () => {
        const { id: typeId } = await newType({ 'os-volume-type-access:is_public': false });
        const closed = (await offer(await addVolume(volumes, { volume_type_id: typeId }))).body.transfer;
        assert.equal((await accept(closed.id, closed.auth_key)).status, 400);
        const big = (await offer(await addVolume(volumes, { size: 2000 }))).body.transfer;
        assert.equal((await accept(big.id, big.auth_key)).status, 413);
      });

      test('the older path and versions know less', async () => {
        const id = await addVolume(volumes, {});
        assert.equal((await call('GET', '/volume-transfers', { version: '3.54' })).status, 404);
        const body = { transfer: { volume_id: id, no_snapshots: true } };
        assert.equal((await call('POST', '/os-volume-transfer', { body, version: '3.54' })).status, 400);
        assert.equal((await offer(randomUUID())).status, 404);
        assert.equal((await offer('nonsense')).status, 400);
      });
    });
  });
