// The promise of placement's maximum: a row for each microversion, whose change is not there one version below and there
// from it on. What each change means in depth is in microversions.test.ts and beside the resources.
import {
  A,
  B,
  C1,
  C2,
  CHILD,
  CHILD2,
  CPU,
  G1,
  G2,
  OWNER,
  placementApi,
} from '#test/support/placement-api.ts';
import { ENGINES } from '#test/support/engines.ts';
import { PROJECT, type Answer, type JsonValue } from '#test/support/service-harness.ts';
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MICROVERSIONS } from './root/routes.ts';

type Send = (method: string, path: string, body?: unknown) => Promise<Answer>;
type Check = (below: Send, from: Send) => Promise<void>;

/** Statuses of one request at both versions. */
const statuses =
  (wanted: readonly [number, number], method: string, path: string, body?: unknown): Check =>
  async (below, from) => {
    const got = [await below(method, path, body), await from(method, path, body)];
    assert.deepEqual(
      got.map(({ status }) => status),
      wanted,
      `${method} ${path}: ${got.map((each) => JSON.stringify(each.body)).join(' | ')}`,
    );
  };

/** A query that the version brought: 400 below. */
const query = (path: string): Check => statuses([400, 200], 'GET', path);
const candidates = (text: string): string => `/allocation_candidates?resources=VCPU:1${text}`;
const all =
  (...checks: readonly Check[]): Check =>
  async (below, from) => {
    for (const check of checks) await check(below, from);
  };

/** What `look` finds in the answers to one GET. */
const shows =
  (path: string, look: (body: JsonValue) => unknown, wanted: readonly [unknown, unknown]): Check =>
  async (below, from) => {
    assert.deepEqual([look((await below('GET', path)).body), look((await from('GET', path)).body)], wanted);
  };

const link = (rel: string): Check =>
  shows(`/resource_providers/${A}`, ({ links }) => links.some((each: { rel: string }) => each.rel === rel), [
    false,
    true,
  ]);
const listed = [{ resource_provider: { uuid: A }, resources: { VCPU: 1 } }];
const keyed = { allocations: { [A]: { resources: { VCPU: 1 } } }, ...OWNER };
const put =
  (body: unknown, consumer = C2): Check =>
  async (below, from) => {
    assert.equal((await below('PUT', `/allocations/${consumer}`, body)).status, 400);
    assert.equal((await from('PUT', `/allocations/${consumer}`, body)).status, 204);
  };
const summary = ({ provider_summaries }: JsonValue): JsonValue => provider_summaries[A];

const ROWS: ReadonlyArray<readonly [minor: number, change: string, check: Check]> = [
  [
    1,
    'aggregates of providers',
    all(statuses([404, 200], 'GET', `/resource_providers/${A}/aggregates`), link('aggregates')),
  ],
  [
    2,
    'resource classes',
    all(
      statuses([404, 200], 'GET', '/resource_classes'),
      statuses([404, 201], 'POST', '/resource_classes', { name: 'CUSTOM_NEW' }),
    ),
  ],
  [3, 'member_of of providers', query(`/resource_providers?member_of=${G1}`)],
  [4, 'resources of providers', query('/resource_providers?resources=VCPU:1')],
  [
    5,
    'all inventories are deleted at once',
    statuses([405, 204], 'DELETE', `/resource_providers/${B}/inventories`),
  ],
  [
    6,
    'traits',
    all(
      statuses([404, 200], 'GET', '/traits'),
      statuses([404, 200], 'GET', `/resource_providers/${A}/traits`),
      link('traits'),
    ),
  ],
  [7, 'PUT of a resource class makes it', statuses([400, 201], 'PUT', '/resource_classes/CUSTOM_NEW')],
  [
    8,
    'project and user of allocations',
    all(put({ allocations: listed, ...OWNER }), async (below, from) => {
      assert.equal((await below('PUT', `/allocations/${C2}`, { allocations: listed })).status, 204);
      assert.equal((await from('PUT', `/allocations/${C2}`, { allocations: listed })).status, 400);
    }),
  ],
  [9, 'usages of projects', statuses([404, 200], 'GET', `/usages?project_id=${PROJECT}`)],
  [10, 'allocation candidates', statuses([404, 200], 'GET', candidates(''))],
  [11, 'a link to allocations', link('allocations')],
  [
    12,
    'allocations by provider',
    all(
      put(keyed),
      shows(candidates(''), ({ allocation_requests: [first] }) => Array.isArray(first.allocations), [
        true,
        false,
      ]),
      shows(`/allocations/${C1}`, (body) => 'project_id' in body, [false, true]),
    ),
  ],
  [13, 'allocations of several consumers', statuses([404, 204], 'POST', '/allocations', { [C2]: keyed })],
  [
    14,
    'nested providers',
    all(
      query(`/resource_providers?in_tree=${A}`),
      shows(`/resource_providers/${CHILD}`, ({ parent_provider_uuid }) => parent_provider_uuid, [
        undefined,
        A,
      ]),
      async (below, from) => {
        const body = { name: 'nested', parent_provider_uuid: A };
        assert.deepEqual(
          [
            (await below('POST', '/resource_providers', body)).status,
            (await from('POST', '/resource_providers', body)).status,
          ],
          [400, 201],
        );
      },
    ),
  ],
  [
    15,
    'times and caching of answers',
    async (below, from) => {
      for (const path of [
        '/resource_providers',
        `/resource_providers/${A}`,
        `/resource_providers/${A}/inventories`,
        `/resource_providers/${A}/traits`,
        `/allocations/${C1}`,
        '/traits',
        '/resource_classes',
        candidates(''),
      ]) {
        const { headers: old } = await below('GET', path);
        const { headers: now } = await from('GET', path);
        assert.deepEqual(
          ['last-modified' in old, 'last-modified' in now, now['cache-control']],
          [false, true, 'no-cache'],
          path,
        );
      }
    },
  ],
  [16, 'limit of candidates', query(candidates('&limit=1'))],
  [
    17,
    'required traits of candidates, traits in summaries',
    all(
      query(candidates('&required=HW_CPU_X86_AVX')),
      shows(candidates(''), (body) => 'traits' in summary(body), [false, true]),
    ),
  ],
  [18, 'required traits of providers', query('/resource_providers?required=HW_CPU_X86_AVX')],
  [
    19,
    'aggregates by generation',
    async (below, from) => {
      const path = `/resource_providers/${B}/aggregates`;
      assert.equal('resource_provider_generation' in (await below('GET', path)).body, false);
      const { resource_provider_generation } = (await from('GET', path)).body;
      const body = { aggregates: [G2], resource_provider_generation };
      assert.deepEqual(
        [(await below('PUT', path, body)).status, (await from('PUT', path, body)).status],
        [400, 200],
      );
      assert.deepEqual(
        [(await below('PUT', path, [G2])).status, (await from('PUT', path, [G2])).status],
        [200, 400],
      );
    },
  ],
  [
    20,
    'a created provider in the answer',
    async (below, from) => {
      const old = await below('POST', '/resource_providers', { name: 'x' });
      const now = await from('POST', '/resource_providers', { name: 'y' });
      assert.deepEqual([old.status, old.body, now.status, now.body.name], [201, undefined, 200, 'y']);
    },
  ],
  [21, 'member_of of candidates', query(candidates(`&member_of=${G1}`))],
  [
    22,
    'forbidden traits',
    all(query(candidates('&required=!CUSTOM_B')), query('/resource_providers?required=!CUSTOM_B')),
  ],
  [
    23,
    'codes of errors',
    shows('/resource_providers/none', ({ errors: [first] }) => 'code' in first, [false, true]),
  ],
  [
    24,
    'member_of several times',
    all(
      query(candidates(`&member_of=${G1}&member_of=${G2}`)),
      query(`/resource_providers?member_of=${G1}&member_of=${G2}`),
    ),
  ],
  [25, 'granular groups', query('/allocation_candidates?resources1=VCPU:1')],
  [
    26,
    'inventory may be reserved to the last',
    async (below, from) => {
      const path = `/resource_providers/${B}/inventories`;
      const { resource_provider_generation } = (await from('GET', path)).body;
      const body = { inventories: { VCPU: { total: 4, reserved: 4 } }, resource_provider_generation };
      assert.deepEqual(
        [(await below('PUT', path, body)).status, (await from('PUT', path, body)).status],
        [400, 200],
      );
    },
  ],
  [
    27,
    'all resources in summaries',
    shows(candidates(''), (body) => Object.keys(summary(body).resources).length, [1, 2]),
  ],
  [
    28,
    'generations of consumers',
    all(
      put({ ...keyed, consumer_generation: null }),
      shows(`/allocations/${C1}`, (body) => 'consumer_generation' in body, [false, true]),
      shows(
        `/resource_providers/${A}/allocations`,
        ({ allocations }) => 'consumer_generation' in allocations[C1],
        [false, true],
      ),
    ),
  ],
  [
    29,
    'candidates in trees',
    all(
      shows(
        '/allocation_candidates?resources=VCPU:1,SRIOV_NET_VF:1',
        ({ allocation_requests }) => allocation_requests.length,
        [0, 2],
      ),
      shows(candidates(''), (body) => summary(body).root_provider_uuid, [undefined, A]),
    ),
  ],
  [30, 'the reshaper', statuses([404, 400], 'POST', '/reshaper', {})],
  [31, 'in_tree of candidates', query(candidates(`&in_tree=${A}`))],
  [
    32,
    'forbidden aggregates',
    all(query(candidates(`&member_of=!${G2}`)), query(`/resource_providers?member_of=!${G2}`)),
  ],
  [33, 'names of granular groups', query('/allocation_candidates?resources_NET=VCPU:1')],
  [
    34,
    'mappings of candidates and allocations',
    all(
      shows(candidates(''), ({ allocation_requests: [first] }) => first.mappings, [undefined, { '': [A] }]),
      put({ ...keyed, consumer_generation: null, mappings: { '': [A] } }),
    ),
  ],
  [35, 'root_required', query(candidates('&root_required=HW_CPU_X86_AVX'))],
  [
    36,
    'same_subtree',
    query(
      '/allocation_candidates?resources_A=VCPU:1&resources_B=SRIOV_NET_VF:1&group_policy=none&same_subtree=_A,_B',
    ),
  ],
  [
    37,
    'providers move between trees',
    async (below, from) => {
      const body = { name: 'moved', parent_provider_uuid: B };
      const path = `/resource_providers/${CHILD2}`;
      assert.deepEqual(
        [(await below('PUT', path, body)).status, (await from('PUT', path, body)).status],
        [400, 200],
      );
    },
  ],
  [
    38,
    'types of consumers',
    all(
      put({ ...keyed, consumer_generation: null, consumer_type: 'INSTANCE' }),
      shows(`/usages?project_id=${PROJECT}`, ({ usages }) => 'VCPU' in usages, [true, false]),
      shows(`/allocations/${C1}`, (body) => 'consumer_type' in body, [false, true]),
    ),
  ],
  [
    39,
    'any of several traits, and required several times',
    all(
      query(candidates('&required=in:HW_CPU_X86_AVX,CUSTOM_B')),
      query('/resource_providers?required=in:HW_CPU_X86_AVX,CUSTOM_B'),
      shows(
        candidates('&required=CUSTOM_B&required=HW_CPU_X86_AVX'),
        ({ allocation_requests }) => allocation_requests.length,
        [1, 0], // the last counts alone below
      ),
    ),
  ],
];

test('every microversion up to the maximum has one row', () => {
  const max = Number(MICROVERSIONS.max.split('.')[1]);
  assert.deepEqual(
    ROWS.map(([minor]) => minor),
    Array.from({ length: max }, (_, index) => index + 1),
  );
});

describe('the microversions of placement', () => {
  const api = placementApi(ENGINES[0]!);
  const at =
    (minor: number): Send =>
    async (method, path, body) =>
      api.call(`1.${minor}`, method, path, body);

  for (const [minor, change, check] of ROWS)
    test(`1.${minor}: ${change}`, async () => {
      await api.provider(A, { inventories: CPU, traits: ['HW_CPU_X86_AVX'], aggregates: [G1] });
      await api.provider(B, { inventories: CPU, traits: ['CUSTOM_B'], aggregates: [G2] });
      for (const child of [CHILD, CHILD2])
        await api.provider(child, { parent: A, inventories: { SRIOV_NET_VF: { total: 1 } } });
      const allocated = await at(12)('PUT', `/allocations/${C1}`, keyed);
      assert.equal(allocated.status, 204, JSON.stringify(allocated.body));
      await check(at(minor - 1), at(minor));
    });
});
