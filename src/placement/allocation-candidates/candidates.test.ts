// Allocation candidates and the reshaper through the REST API, by microversion.
import { A, B, C1, CHILD, CHILD2, CPU, G1, G2, OWNER, placementApi } from '#test/support/placement-api.ts';
import { ENGINES } from '#test/support/engines.ts';
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

for (const engine of ENGINES)
  describe(`candidates on ${engine}`, () => {
    const { call, get, provider } = placementApi(engine);
    describe('allocation candidates', () => {
      const candidates = async (version: string, query: string) => {
        const { status, body } = await call(version, 'GET', `/allocation_candidates?${query}`);
        return status === 200 ? body : status;
      };
      const providersOf = (body: { allocation_requests: Array<{ allocations: object }> }) =>
        body.allocation_requests.map((each) => Object.keys(each.allocations).toSorted()).toSorted();

      test('take their shapes at 1.10, 1.12, 1.16, 1.17, 1.27, 1.29 and 1.34', async () => {
        await provider(A, { inventories: CPU, traits: ['HW_CPU_X86_AVX'] });
        await provider(B, { inventories: CPU });
        assert.equal(await candidates('1.9', 'resources=VCPU:1'), 404);
        const first = await candidates('1.10', 'resources=VCPU:1');
        assert.deepEqual(first.allocation_requests[0], {
          allocations: [{ resource_provider: { uuid: A }, resources: { VCPU: 1 } }],
        });
        assert.deepEqual(first.provider_summaries[A], { resources: { VCPU: { capacity: 4, used: 0 } } });
        assert.deepEqual(providersOf(await candidates('1.12', 'resources=VCPU:1,MEMORY_MB:3584')), [
          [A],
          [B],
        ]);
        assert.deepEqual(providersOf(await candidates('1.12', 'resources=VCPU:1,MEMORY_MB:3585')), []);
        assert.equal(await candidates('1.15', 'resources=VCPU:1&limit=1'), 400);
        assert.equal((await candidates('1.16', 'resources=VCPU:1&limit=1')).allocation_requests.length, 1);
        assert.equal(await candidates('1.16', 'resources=VCPU:1&required=HW_CPU_X86_AVX'), 400);
        const traits = await candidates('1.17', 'resources=VCPU:1&required=HW_CPU_X86_AVX');
        assert.deepEqual(
          [providersOf(traits), traits.provider_summaries[A].traits],
          [[[A]], ['HW_CPU_X86_AVX']],
        );
        assert.deepEqual(providersOf(await candidates('1.22', 'resources=VCPU:1&required=!HW_CPU_X86_AVX')), [
          [B],
        ]);
        assert.deepEqual(
          Object.keys(
            (await candidates('1.27', 'resources=VCPU:1')).provider_summaries[A].resources,
          ).toSorted(),
          ['MEMORY_MB', 'VCPU'],
        );
        assert.equal(
          (await candidates('1.29', 'resources=VCPU:1')).provider_summaries[A].root_provider_uuid,
          A,
        );
        assert.deepEqual((await candidates('1.34', 'resources=VCPU:1')).allocation_requests[0].mappings, {
          '': [A],
        });
      });

      test('choose by aggregate (1.21, 1.24, 1.32), tree (1.31), root (1.35) and any of several traits (1.39)', async () => {
        await provider(A, { inventories: CPU, aggregates: [G1], traits: ['CUSTOM_A'] });
        await provider(B, { inventories: CPU, aggregates: [G2], traits: ['CUSTOM_B'] });
        const ids = async (version: string, query: string) => {
          const body = await candidates(version, `resources=VCPU:1&${query}`);
          return typeof body === 'number' ? body : providersOf(body).flat();
        };
        assert.equal(await ids('1.20', `member_of=${G1}`), 400);
        assert.deepEqual(await ids('1.21', `member_of=${G1}`), [A]);
        assert.deepEqual(await ids('1.24', `member_of=in:${G1},${G2}&member_of=${G2}`), [B]);
        assert.deepEqual(await ids('1.32', `member_of=!${G1}`), [B]);
        assert.equal(await ids('1.30', `in_tree=${A}`), 400);
        assert.deepEqual(await ids('1.31', `in_tree=${A}`), [A]);
        assert.deepEqual(await ids('1.31', 'in_tree=dddddddd-0000-4000-8000-00000000000d'), []);
        assert.equal(await ids('1.34', 'root_required=CUSTOM_A'), 400);
        assert.deepEqual(await ids('1.35', 'root_required=CUSTOM_A'), [A]);
        assert.deepEqual(await ids('1.35', 'root_required=!CUSTOM_A'), [B]);
        assert.deepEqual(await ids('1.39', 'required=in:CUSTOM_A,CUSTOM_B'), [A, B]);
        assert.deepEqual(await ids('1.39', 'required=in:CUSTOM_A,CUSTOM_B&required=!CUSTOM_A'), [B]);
      });

      test('span trees from 1.29, with granular groups from 1.25, named ones from 1.33, subtrees from 1.36', async () => {
        await provider(A, { inventories: { MEMORY_MB: { total: 100 } } });
        for (const child of [CHILD, CHILD2])
          await provider(child, { parent: A, inventories: { SRIOV_NET_VF: { total: 1 } } });
        assert.deepEqual(providersOf(await candidates('1.28', 'resources=MEMORY_MB:1,SRIOV_NET_VF:1')), []);
        assert.deepEqual(providersOf(await candidates('1.29', 'resources=MEMORY_MB:1,SRIOV_NET_VF:1')), [
          [A, CHILD],
          [A, CHILD2],
        ]);
        assert.equal(await candidates('1.24', 'resources1=SRIOV_NET_VF:1'), 400);
        assert.deepEqual(providersOf(await candidates('1.29', 'resources1=SRIOV_NET_VF:1')), [
          [CHILD],
          [CHILD2],
        ]);
        const two = 'resources1=SRIOV_NET_VF:1&resources2=SRIOV_NET_VF:1';
        assert.equal(await candidates('1.29', two), 400);
        const isolated = await candidates('1.34', `${two}&group_policy=isolate`);
        assert.equal(isolated.allocation_requests.length, 2, 'either way round');
        assert.deepEqual(providersOf(isolated)[0], [CHILD, CHILD2]);
        assert.equal(
          (await candidates('1.34', `${two}&group_policy=none`)).allocation_requests.length,
          2,
          'one function a provider',
        );
        assert.equal(await candidates('1.32', 'resources_A=SRIOV_NET_VF:1'), 400);
        assert.equal((await candidates('1.33', 'resources_A=SRIOV_NET_VF:1')).allocation_requests.length, 2);
        const named = 'resources_A=SRIOV_NET_VF:1&resources_B=SRIOV_NET_VF:1&group_policy=none';
        assert.equal(
          (await candidates('1.36', `${named}&same_subtree=_A,_B`)).allocation_requests.length,
          0,
          'siblings have no common top among them',
        );
        const withRoot =
          'resources_A=SRIOV_NET_VF:1&resources_M=MEMORY_MB:1&group_policy=none&same_subtree=_A,_M';
        assert.equal((await candidates('1.36', withRoot)).allocation_requests.length, 2);
        await call('1.39', 'PUT', '/traits/CUSTOM_TOP');
        const { generation } = await get('1.39', `/resource_providers/${A}`);
        await call('1.39', 'PUT', `/resource_providers/${A}/traits`, {
          traits: ['CUSTOM_TOP'],
          resource_provider_generation: generation,
        });
        const resourceless = await candidates(
          '1.36',
          'resources_A=SRIOV_NET_VF:1&required_T=CUSTOM_TOP&same_subtree=_A,_T&group_policy=none',
        );
        assert.deepEqual(
          resourceless.allocation_requests.map((each: { mappings: object }) => each.mappings),
          [
            { _A: [CHILD], _T: [A] },
            { _A: [CHILD2], _T: [A] },
          ],
        );
      });

      test('take what is shared through an aggregate', async () => {
        await provider(A, { inventories: CPU, aggregates: [G1] });
        await provider(B, {
          inventories: { DISK_GB: { total: 1000 } },
          aggregates: [G1],
          traits: ['MISC_SHARES_VIA_AGGREGATE'],
        });
        assert.deepEqual(providersOf(await candidates('1.29', 'resources=VCPU:1,DISK_GB:10')), [[A, B]]);
        assert.deepEqual(providersOf(await candidates('1.12', 'resources=VCPU:1,DISK_GB:10')), [[A, B]]);
      });
    });

    describe('the reshaper', () => {
      test('moves inventory and what is taken of it to a child at once, from 1.30', async () => {
        await provider(A, { inventories: { VGPU: { total: 2 }, VCPU: { total: 4 } } });
        await provider(CHILD, { parent: A });
        await call('1.12', 'PUT', `/allocations/${C1}`, {
          allocations: { [A]: { resources: { VGPU: 1, VCPU: 1 } } },
          ...OWNER,
        });
        const generation = (await get('1.30', `/resource_providers/${A}`)).generation;
        const body = (next: number) => ({
          inventories: {
            [A]: { inventories: { VCPU: { total: 4 } }, resource_provider_generation: next },
            [CHILD]: { inventories: { VGPU: { total: 2 } }, resource_provider_generation: 0 },
          },
          allocations: {
            [C1]: {
              allocations: { [A]: { resources: { VCPU: 1 } }, [CHILD]: { resources: { VGPU: 1 } } },
              ...OWNER,
              consumer_generation: 1,
            },
          },
        });
        assert.equal((await call('1.29', 'POST', '/reshaper', body(generation))).status, 404);
        assert.equal((await call('1.30', 'POST', '/reshaper', body(generation - 1))).status, 409);
        assert.equal(
          (await call('1.30', 'POST', '/reshaper', { ...body(generation), allocations: {} })).status,
          409,
          'what is in use must go along',
        );
        assert.equal((await call('1.30', 'POST', '/reshaper', body(generation))).status, 204);
        assert.deepEqual(
          Object.keys((await get('1.30', `/resource_providers/${A}/inventories`)).inventories),
          ['VCPU'],
        );
        assert.deepEqual((await get('1.30', `/allocations/${C1}`)).allocations[CHILD].resources, { VGPU: 1 });
      });
    });
  });
