// Placement through its REST API: the steps of its microversions from 1.0 to 1.39, conflicts, and hostile input.
import { A, B, C1, C2, CHILD, CPU, G1, G2, OWNER, placementApi } from '#test/support/placement-api.ts';
import { ENGINES } from '#test/support/engines.ts';
import { PROJECT } from '#test/support/service-harness.ts';
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

const detail = (answer: { body: { errors: Array<{ detail: string }> } }) =>
  answer.body.errors[0]?.detail ?? '';

for (const engine of ENGINES)
  describe(`placement's API on ${engine}`, () => {
    const { mounted, call, get, provider } = placementApi(engine);
    describe('the root and refusals', () => {
      test('tells its versions to everybody', async () => {
        const { status, body } = await mounted().call('GET', '/', { token: null });
        assert.deepEqual(
          [status, body.versions[0].min_version, body.versions[0].max_version],
          [200, '1.0', '1.39'],
        );
      });

      test('wants a token, an operator, and a version it has', async () => {
        assert.equal((await mounted().call('GET', '/resource_providers', { token: null })).status, 401);
        assert.equal((await call('1.0', 'GET', '/resource_providers', undefined, 'member')).status, 403);
        assert.equal((await call('1.0', 'GET', '/resource_providers', undefined, 'service')).status, 200);
        const high = await call('1.40', 'GET', '/resource_providers');
        assert.deepEqual([high.status, high.body.errors[0].max_version], [406, '1.39']);
      });

      test('names errors in its own form, with a code from 1.23', async () => {
        const old = await call('1.22', 'GET', `/resource_providers/${A}`);
        assert.deepEqual(Object.keys(old.body.errors[0]).toSorted(), [
          'detail',
          'request_id',
          'status',
          'title',
        ]);
        assert.equal(
          (await call('1.23', 'GET', `/resource_providers/${A}`)).body.errors[0].code,
          'placement.undefined_code',
        );
        await provider(A);
        assert.equal(
          (await call('1.23', 'POST', '/resource_providers', { name: 'p-0a' })).body.errors[0].code,
          'placement.duplicate_name',
        );
      });

      test('passes over forms of names that nobody knows, and what nothing can have finds nothing', async () => {
        const all = (await get('1.39', '/traits')).traits;
        assert.deepEqual((await get('1.39', '/traits?name=ends:X')).traits, all);
        assert.equal((await call('1.39', 'GET', '/traits?name=ends')).status, 400);
        await provider(A, { traits: ['HW_CPU_X86_AVX'] });
        const none = await get('1.39', '/resource_providers?required=HW_CPU_X86_AVX,!HW_CPU_X86_AVX');
        assert.deepEqual(none.resource_providers, []);
      });

      test('survives hostile input', async () => {
        for (const path of [
          '/resource_providers/%00',
          `/resource_providers/${'x'.repeat(900)}`,
          '/resource_providers/..%2f..%2fetc',
          '/allocations/%27%20or%201=1',
        ])
          assert.ok([200, 400, 404].includes((await call('1.39', 'GET', path)).status), path);
        for (const query of [
          'resources=VCPU:99999999999',
          'resources=VCPU',
          'resources=',
          'resources=VCPU:0',
          'resources=vcpu:1',
          'resources=NOPE:1',
          'resources=VCPU:1&limit=0',
          'resources=VCPU:1&required=NOPE',
          'resources=VCPU:1&member_of=x',
          'odd=1',
          'required=HW_CPU_X86_AVX',
          'resources=VCPU:1&in_tree=x',
          'resources1=VCPU:1&resources2=VCPU:1',
          'resources=VCPU:1&same_subtree=_A',
          'resources=VCPU:1&group_policy=odd',
        ])
          assert.equal((await call('1.39', 'GET', `/allocation_candidates?${query}`)).status, 400, query);
        for (const body of [
          {},
          { name: '' },
          { name: 'x', odd: 1 },
          { name: 'x', uuid: 'y' },
          [],
          { name: 'x'.repeat(201) },
          { name: 'x', parent_provider_uuid: A },
        ])
          assert.equal(
            (await call('1.39', 'POST', '/resource_providers', body)).status,
            400,
            JSON.stringify(body),
          );
      });
    });

    describe('resource providers', () => {
      test('1.0 creates with a location, 1.20 with a body', async () => {
        const first = await call('1.0', 'POST', '/resource_providers', { name: 'a', uuid: A });
        assert.deepEqual([first.status, first.body], [201, undefined]);
        assert.match(
          first.headers['location'] ?? '',
          new RegExp(`^http://.*/placement/resource_providers/${A}$`),
        );
        assert.equal(
          (await call('1.20', 'POST', '/resource_providers', { name: 'b', uuid: B })).body.name,
          'b',
        );
        assert.equal((await call('1.20', 'POST', '/resource_providers', { name: 'a' })).status, 409);
        assert.equal((await call('1.20', 'PUT', `/resource_providers/${B}`, { name: 'a' })).status, 409);
        assert.equal((await call('1.0', 'PUT', `/resource_providers/${B}`, { name: 'c' })).body.name, 'c');
        assert.equal((await call('1.0', 'DELETE', `/resource_providers/${B}`)).status, 204);
        assert.equal((await call('1.0', 'DELETE', `/resource_providers/${B}`)).status, 404);
      });

      test('links grow at 1.1, 1.6 and 1.11, times come at 1.15', async () => {
        await provider(A);
        const links = async (version: string) =>
          (await get(version, `/resource_providers/${A}`)).links.map((each: { rel: string }) => each.rel);
        assert.deepEqual(await links('1.0'), ['self', 'inventories', 'usages']);
        assert.deepEqual(await links('1.1'), ['self', 'inventories', 'usages', 'aggregates']);
        assert.deepEqual(await links('1.6'), ['self', 'inventories', 'usages', 'aggregates', 'traits']);
        assert.equal((await links('1.11')).at(-1), 'allocations');
        assert.equal('last-modified' in (await call('1.14', 'GET', '/resource_providers')).headers, false);
        const { headers } = await call('1.15', 'GET', '/resource_providers');
        assert.ok(headers['last-modified']?.endsWith('GMT') && headers['cache-control'] === 'no-cache');
      });

      test('1.14 nests, 1.37 lets them move', async () => {
        await provider(A);
        await provider(B);
        await provider(CHILD, { parent: A });
        assert.equal('root_provider_uuid' in (await get('1.13', `/resource_providers/${CHILD}`)), false);
        const child = await get('1.14', `/resource_providers/${CHILD}`);
        assert.deepEqual([child.parent_provider_uuid, child.root_provider_uuid], [A, A]);
        assert.equal(
          (await get('1.14', `/resource_providers?in_tree=${CHILD}`)).resource_providers.length,
          2,
        );
        const parent = await call('1.36', 'DELETE', `/resource_providers/${A}`);
        assert.deepEqual(
          [parent.status, parent.body.errors[0].code],
          [409, 'placement.resource_provider.cannot_delete_parent'],
        );
        const move = (version: string, to: string | null) =>
          call(version, 'PUT', `/resource_providers/${CHILD}`, { name: 'c', parent_provider_uuid: to });
        assert.equal((await move('1.36', B)).status, 400);
        assert.equal((await move('1.37', B)).body.root_provider_uuid, B);
        assert.equal((await move('1.37', null)).body.root_provider_uuid, CHILD);
        await move('1.14', A);
        assert.match(
          detail(
            await call('1.37', 'PUT', `/resource_providers/${A}`, { name: 'a', parent_provider_uuid: CHILD }),
          ),
          /loop/,
        );
      });

      test('filters come with 1.3, 1.4, 1.18, 1.22, 1.24, 1.32 and 1.39', async () => {
        await provider(A, { inventories: CPU, traits: ['HW_CPU_X86_AVX', 'CUSTOM_A'], aggregates: [G1] });
        await provider(B, { traits: ['CUSTOM_B'], aggregates: [G2] });
        const ids = async (version: string, query: string) => {
          const { status, body } = await call(version, 'GET', `/resource_providers?${query}`);
          return status === 200 ? body.resource_providers.map((each: { uuid: string }) => each.uuid) : status;
        };
        assert.deepEqual(await ids('1.0', 'name=p-0a'), [A]);
        assert.equal(await ids('1.2', `member_of=${G1}`), 400);
        assert.deepEqual(await ids('1.3', `member_of=in:${G1},${G2}`), [A, B]);
        assert.equal(await ids('1.3', 'resources=VCPU:1'), 400);
        assert.deepEqual(await ids('1.4', 'resources=VCPU:4'), [A]);
        assert.deepEqual(await ids('1.4', 'resources=VCPU:5'), []);
        assert.equal(await ids('1.17', 'required=CUSTOM_A'), 400);
        assert.deepEqual(await ids('1.18', 'required=CUSTOM_A,HW_CPU_X86_AVX'), [A]);
        assert.equal(await ids('1.21', 'required=!CUSTOM_A'), 400);
        assert.deepEqual(await ids('1.22', 'required=!CUSTOM_A'), [B]);
        assert.equal(await ids('1.23', `member_of=${G1}&member_of=${G2}`), 400);
        assert.deepEqual(await ids('1.24', `member_of=${G1}&member_of=${G2}`), []);
        assert.equal(await ids('1.31', `member_of=!${G1}`), 400);
        assert.deepEqual(await ids('1.32', `member_of=!${G1}`), [B]);
        assert.equal(await ids('1.38', 'required=in:CUSTOM_A,CUSTOM_B'), 400);
        assert.deepEqual(await ids('1.39', 'required=in:CUSTOM_A,CUSTOM_B&required=HW_CPU_X86_AVX'), [A]);
      });
    });

    describe('inventories', () => {
      test('are kept by generation, and not taken away while in use', async () => {
        await provider(A, { inventories: CPU });
        const path = `/resource_providers/${A}/inventories`;
        const all = await get('1.0', path);
        assert.deepEqual(all.inventories.VCPU, {
          total: 4,
          reserved: 0,
          min_unit: 1,
          max_unit: 2147483647,
          step_size: 1,
          allocation_ratio: 1,
        });
        const stale = await call('1.23', 'PUT', path, {
          inventories: CPU,
          resource_provider_generation: all.resource_provider_generation - 1,
        });
        assert.deepEqual([stale.status, stale.body.errors[0].code], [409, 'placement.concurrent_update']);
        assert.equal((await call('1.0', 'POST', path, { resource_class: 'DISK_GB', total: 10 })).status, 201);
        assert.equal((await call('1.0', 'POST', path, { resource_class: 'DISK_GB', total: 10 })).status, 409);
        assert.equal((await call('1.0', 'POST', path, { resource_class: 'NOPE', total: 10 })).status, 400);
        const generation = (await get('1.0', path)).resource_provider_generation;
        assert.equal(
          (
            await call('1.0', 'PUT', `${path}/DISK_GB`, {
              total: 20,
              allocation_ratio: 1.5,
              resource_provider_generation: generation,
            })
          ).body.allocation_ratio,
          1.5,
        );
        assert.equal((await call('1.0', 'DELETE', `${path}/DISK_GB`)).status, 204);
        assert.equal((await call('1.0', 'GET', `${path}/DISK_GB`)).status, 404);
        await call('1.8', 'PUT', `/allocations/${C1}`, {
          allocations: [{ resource_provider: { uuid: A }, resources: { VCPU: 1 } }],
          ...OWNER,
        });
        const busy = await call('1.23', 'DELETE', `${path}/VCPU`);
        assert.deepEqual([busy.status, busy.body.errors[0].code], [409, 'placement.inventory.inuse']);
        assert.equal((await call('1.4', 'DELETE', path)).status, 405, '1.5 brings it');
        assert.equal((await call('1.5', 'DELETE', path)).status, 409);
        assert.equal((await call('1.5', 'DELETE', `/resource_providers/${A}`)).status, 409);
        await call('1.0', 'DELETE', `/allocations/${C1}`);
        assert.equal((await call('1.5', 'DELETE', path)).status, 204);
      });

      test('1.26 lets all of it be reserved', async () => {
        await provider(A);
        const put = (version: string) =>
          call(version, 'PUT', `/resource_providers/${A}/inventories`, {
            inventories: { VCPU: { total: 4, reserved: 4 } },
            resource_provider_generation: 0,
          });
        assert.equal((await put('1.25')).status, 400);
        assert.equal((await put('1.26')).status, 200);
      });
    });

    describe('names', () => {
      test('traits come with 1.6', async () => {
        assert.equal((await call('1.5', 'GET', '/traits')).status, 404);
        assert.equal((await call('1.6', 'PUT', '/traits/CUSTOM_X')).status, 201);
        assert.equal((await call('1.6', 'PUT', '/traits/CUSTOM_X')).status, 204);
        assert.equal((await call('1.6', 'PUT', '/traits/WRONG')).status, 400);
        assert.equal((await call('1.6', 'GET', '/traits/CUSTOM_X')).status, 204);
        assert.equal((await call('1.6', 'GET', '/traits/CUSTOM_Y')).status, 404);
        assert.deepEqual((await get('1.6', '/traits?name=startswith:CUSTOM')).traits, ['CUSTOM_X']);
        assert.deepEqual((await get('1.6', '/traits?name=in:CUSTOM_X,HW_CPU_X86_AVX')).traits, [
          'HW_CPU_X86_AVX',
          'CUSTOM_X',
        ]);
        await provider(A, { traits: ['CUSTOM_X'] });
        assert.deepEqual((await get('1.6', '/traits?associated=true')).traits, ['CUSTOM_X']);
        assert.equal((await call('1.6', 'DELETE', '/traits/CUSTOM_X')).status, 409);
        assert.equal((await call('1.6', 'DELETE', '/traits/HW_CPU_X86_AVX')).status, 400);
        const path = `/resource_providers/${A}/traits`;
        assert.equal(
          (await call('1.6', 'PUT', path, { traits: ['CUSTOM_NOPE'], resource_provider_generation: 1 }))
            .status,
          400,
        );
        assert.equal(
          (await call('1.6', 'PUT', path, { traits: [], resource_provider_generation: 0 })).status,
          409,
        );
        assert.equal((await call('1.6', 'DELETE', path)).status, 204);
        assert.deepEqual((await get('1.6', path)).traits, []);
        assert.equal((await call('1.6', 'DELETE', '/traits/CUSTOM_X')).status, 204);
      });

      test('resource classes come with 1.2 and are idempotent from 1.7', async () => {
        assert.equal((await call('1.1', 'GET', '/resource_classes')).status, 404);
        assert.equal((await call('1.2', 'POST', '/resource_classes', { name: 'CUSTOM_GOLD' })).status, 201);
        assert.equal((await call('1.2', 'POST', '/resource_classes', { name: 'CUSTOM_GOLD' })).status, 409);
        assert.equal((await call('1.2', 'POST', '/resource_classes', { name: 'GOLD' })).status, 400);
        assert.equal(
          (await call('1.6', 'PUT', '/resource_classes/CUSTOM_GOLD', { name: 'CUSTOM_SILVER' })).body.name,
          'CUSTOM_SILVER',
        );
        assert.equal((await call('1.7', 'PUT', '/resource_classes/CUSTOM_SILVER')).status, 204);
        assert.equal((await call('1.7', 'PUT', '/resource_classes/CUSTOM_IRON')).status, 201);
        await provider(A, { inventories: { CUSTOM_IRON: { total: 1 } } });
        assert.equal((await call('1.2', 'DELETE', '/resource_classes/CUSTOM_IRON')).status, 409);
        assert.equal((await call('1.2', 'DELETE', '/resource_classes/VCPU')).status, 400);
        assert.equal((await call('1.2', 'DELETE', '/resource_classes/CUSTOM_SILVER')).status, 204);
        assert.equal((await call('1.2', 'GET', '/resource_classes/CUSTOM_SILVER')).status, 404);
      });

      test('aggregates come with 1.1 and go by generation from 1.19', async () => {
        await provider(A);
        const path = `/resource_providers/${A}/aggregates`;
        assert.equal((await call('1.0', 'GET', path)).status, 404);
        assert.deepEqual((await call('1.1', 'PUT', path, [G1])).body, { aggregates: [G1] });
        assert.deepEqual(
          (await call('1.19', 'PUT', path, { aggregates: [G2], resource_provider_generation: 0 })).body,
          { aggregates: [G2], resource_provider_generation: 1 },
        );
        assert.equal(
          (await call('1.19', 'PUT', path, { aggregates: [G2], resource_provider_generation: 0 })).status,
          409,
        );
        assert.equal((await call('1.19', 'PUT', path, [G1])).status, 400);
      });
    });

    describe('allocations', () => {
      const old = {
        allocations: [{ resource_provider: { uuid: A }, resources: { VCPU: 1, MEMORY_MB: 1024 } }],
      };
      const keyed = (amount: number) => ({ allocations: { [A]: { resources: { VCPU: amount } } }, ...OWNER });

      test('change their body at 1.8, 1.12, 1.28, 1.34 and 1.38', async () => {
        await provider(A, { inventories: CPU });
        const path = `/allocations/${C1}`;
        assert.equal((await call('1.0', 'PUT', path, old)).status, 204);
        assert.equal((await call('1.8', 'PUT', path, old)).status, 400);
        assert.equal((await call('1.8', 'PUT', path, { ...old, ...OWNER })).status, 204);
        assert.equal((await call('1.12', 'PUT', path, { ...old, ...OWNER })).status, 400);
        assert.equal((await call('1.12', 'PUT', path, keyed(2))).status, 204);
        const shown = await get('1.12', path);
        assert.deepEqual(
          [shown.project_id, shown.allocations[A].resources, 'consumer_generation' in shown],
          [PROJECT, { VCPU: 2 }, false],
        );
        assert.equal((await call('1.28', 'PUT', path, keyed(2))).status, 400);
        const conflict = await call('1.28', 'PUT', path, { ...keyed(2), consumer_generation: null });
        assert.deepEqual(
          [conflict.status, conflict.body.errors[0].code],
          [409, 'placement.concurrent_update'],
        );
        const { consumer_generation } = await get('1.28', path);
        assert.equal((await call('1.28', 'PUT', path, { ...keyed(2), consumer_generation })).status, 204);
        const mappings = { '': [A] };
        assert.equal(
          (
            await call('1.33', 'PUT', path, {
              ...keyed(2),
              consumer_generation: consumer_generation + 1,
              mappings,
            })
          ).status,
          400,
        );
        assert.equal(
          (
            await call('1.34', 'PUT', path, {
              ...keyed(2),
              consumer_generation: consumer_generation + 1,
              mappings,
            })
          ).status,
          204,
        );
        assert.equal((await get('1.38', path)).consumer_type, 'unknown');
        assert.equal(
          (
            await call('1.38', 'PUT', path, {
              ...keyed(1),
              consumer_generation: consumer_generation + 2,
              consumer_type: 'INSTANCE',
            })
          ).status,
          204,
        );
        assert.equal((await get('1.38', path)).consumer_type, 'INSTANCE');
        assert.equal(
          (
            await call('1.28', 'PUT', path, {
              allocations: {},
              ...OWNER,
              consumer_generation: consumer_generation + 3,
            })
          ).status,
          204,
          'empty releases from 1.28',
        );
        assert.deepEqual(await get('1.28', path), { allocations: {} });
        assert.equal((await call('1.0', 'DELETE', path)).status, 404);
      });

      test('never go past what there is', async () => {
        await provider(A, { inventories: CPU });
        assert.equal((await call('1.12', 'PUT', `/allocations/${C1}`, keyed(3))).status, 204);
        const over = await call('1.12', 'PUT', `/allocations/${C2}`, keyed(2));
        assert.equal(over.status, 409);
        assert.match(detail(over), /need 2, free 1/);
        assert.equal(
          (
            await call('1.12', 'PUT', `/allocations/${C2}`, {
              allocations: { [B]: { resources: { VCPU: 1 } } },
              ...OWNER,
            })
          ).status,
          400,
        );
        assert.deepEqual((await get('1.9', `/usages?project_id=${PROJECT}`)).usages, { VCPU: 3 });
        assert.equal(
          (await get('1.28', `/resource_providers/${A}/allocations`)).allocations[C1].consumer_generation,
          1,
        );
        assert.deepEqual((await get('1.0', `/resource_providers/${A}/usages`)).usages, {
          MEMORY_MB: 0,
          VCPU: 3,
        });
      });

      test('of several consumers move at once from 1.13, all or nothing', async () => {
        await provider(A, { inventories: CPU });
        await call('1.12', 'PUT', `/allocations/${C1}`, keyed(4));
        assert.equal((await call('1.12', 'POST', '/allocations', {})).status, 404);
        const swap = (amount: number) => ({ [C1]: { ...keyed(1), allocations: {} }, [C2]: keyed(amount) });
        assert.equal((await call('1.13', 'POST', '/allocations', swap(5))).status, 409);
        assert.deepEqual((await get('1.12', `/allocations/${C1}`)).allocations[A].resources, { VCPU: 4 });
        assert.equal((await call('1.13', 'POST', '/allocations', swap(4))).status, 204);
        assert.deepEqual((await get('1.12', `/allocations/${C2}`)).allocations[A].resources, { VCPU: 4 });
      });

      test('are summed by type from 1.38, and projects may look at their own', async () => {
        await provider(A, { inventories: CPU });
        await call('1.38', 'PUT', `/allocations/${C1}`, {
          ...keyed(1),
          consumer_generation: null,
          consumer_type: 'INSTANCE',
        });
        await call('1.12', 'PUT', `/allocations/${C2}`, keyed(1));
        assert.deepEqual((await get('1.38', `/usages?project_id=${PROJECT}`)).usages, {
          INSTANCE: { consumer_count: 1, VCPU: 1 },
          unknown: { consumer_count: 1, VCPU: 1 },
        });
        assert.deepEqual((await get('1.38', `/usages?project_id=${PROJECT}&consumer_type=all`)).usages, {
          all: { consumer_count: 2, VCPU: 2 },
        });
        for (const [type, status] of [
          ['INSTANCE', 200],
          ['unknown', 200],
          ['NOBODYS', 200],
          ['instance', 400],
          ['', 400],
        ] as const) {
          const path = `/usages?project_id=${PROJECT}&consumer_type=${type}`;
          assert.equal((await call('1.38', 'GET', path)).status, status, type);
        }
        assert.equal(
          (await call('1.9', 'GET', `/usages?project_id=${PROJECT}`, undefined, 'reader')).status,
          200,
        );
        assert.equal(
          (await call('1.9', 'GET', `/usages?project_id=${PROJECT}`, undefined, 'stranger')).status,
          403,
        );
        assert.equal((await call('1.8', 'GET', `/usages?project_id=${PROJECT}`)).status, 404);
        assert.equal((await call('1.9', 'GET', '/usages')).status, 400);
      });
    });
  });
