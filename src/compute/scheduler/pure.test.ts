// The scheduler's pure parts by table: extra spec values, what a flavor wants, weights, the sentence of a refusal.
import fc from 'fast-check';
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { FlavorSnapshot } from '../tables.ts';
import type { HostState, SelectionRequest } from './host-state.ts';
import { earlierFailure } from './selection.ts';
import { summarise, withEarlier } from './refusal.ts';
import { hintIds, imageProperties, wantedOf } from './request.ts';
import { specMatches } from './spec-match.ts';
import { DEFAULT_MULTIPLIERS, weighHosts } from './weighers.ts';

const FLAVOR: FlavorSnapshot = {
  id: '1',
  name: 'f',
  vcpus: 2,
  ram: 512,
  disk: 10,
  ephemeral: 5,
  swap: 1025,
  rxtx_factor: 1,
  extra_specs: {},
};

describe('the pure parts of the scheduler', () => {
  for (const [have, wanted, fits] of [
    ['4', '>= 4', true],
    ['4', '= 5', false],
    ['5', '= 4', true],
    ['4', '!= 4', false],
    ['x86_64', 's== x86_64', true],
    ['x86_64', 's!= x86_64', false],
    ['fpu avx sse', '<in> avx', true],
    ['fpu avx sse', '<all-in> avx sse', true],
    ['fpu avx', '<all-in> avx sse', false],
    ['b', '<or> a <or> b', true],
    ['c', '<or> a <or> b', false],
    ['true', 'true', true],
    ['', '<or>', false],
    ['abc', '>= 4', false],
  ] as const)
    test(`${have || 'nothing'} against "${wanted}" is ${fits}`, () =>
      assert.equal(specMatches(have, wanted), fits));

  test('a flavor wants its sizes, extra specs override them, traits come from flavor and image', () => {
    assert.deepEqual(wantedOf(FLAVOR, {}, false).resources, { VCPU: 2, MEMORY_MB: 512, DISK_GB: 17 });
    assert.equal(wantedOf(FLAVOR, {}, true).resources['DISK_GB'], 7);
    const specs = {
      'resources:VCPU': '0',
      'resources:CUSTOM_GOLD': '3',
      'trait:CUSTOM_A': 'required',
      'trait:CUSTOM_B': 'forbidden',
      'resources:MEMORY_MB': 'x',
    };
    assert.deepEqual(wantedOf({ ...FLAVOR, extra_specs: specs }, { 'trait:CUSTOM_C': 'required' }, false), {
      resources: { MEMORY_MB: 512, DISK_GB: 17, CUSTOM_GOLD: 3 },
      requiredTraits: ['CUSTOM_A', 'CUSTOM_C'],
      forbiddenTraits: ['CUSTOM_B'],
    });
  });

  test('hints and image properties of any shape', () => {
    assert.deepEqual(hintIds({ same_host: 'a' }, 'same_host'), ['a']);
    assert.deepEqual(hintIds({ same_host: ['a', 1, 'b'] }, 'same_host'), ['a', 'b']);
    assert.deepEqual(hintIds({}, 'same_host'), []);
    assert.deepEqual(imageProperties('{"hw_architecture":"x86_64","properties":{"min":1},"x":null}'), {
      hw_architecture: 'x86_64',
      min: '1',
    });
  });

  test('a refusal counts hosts by reason, the most frequent first', () => {
    const rounds = [
      { filter: 'a', hosts_in: 4, hosts_out: [{ host: 'x', reason: 'disabled' }] },
      {
        filter: 'b',
        hosts_in: 3,
        hosts_out: ['p', 'q', 'r'].map((host, i) => ({
          host,
          reason: 'not enough VCPU',
          needed: 4,
          free: i,
        })),
      },
    ];
    assert.equal(summarise(4, rounds), '0 of 4 hosts: 3 not enough VCPU (need 4, most free 2), 1 disabled');
    assert.equal(summarise(0, []), '0 of 0 hosts: no compute host has reported yet');
    assert.match(
      withEarlier('S', { host: null, step: 'spawn', error: 'E' }),
      /^The launch failed at spawn: E\. No other host was found: S$/,
    );
    assert.equal(earlierFailure([], 2), undefined);
  });

  const host = (name: string, free: number, members: number, building: number): HostState =>
    ({
      host: name,
      free: { MEMORY_MB: free, VCPU: 1, DISK_GB: 1 },
      groupMembers: members,
      building,
    }) as unknown as HostState;
  const request = (policy: string | null): SelectionRequest =>
    ({
      group: policy === null ? null : { id: 'g', policy, maxServersPerHost: 1 },
    }) as unknown as SelectionRequest;
  const order = (hosts: HostState[], policy: string | null, multipliers = DEFAULT_MULTIPLIERS) =>
    weighHosts(hosts, request(policy), multipliers).map((each) => each.host.host);

  test('weights: more free memory, fewer builds, soft affinity before both', () => {
    assert.deepEqual(order([host('a', 1, 0, 0), host('b', 2, 0, 0)], null), ['b', 'a']);
    assert.deepEqual(order([host('a', 1, 0, 1), host('b', 1, 0, 0)], null), ['b', 'a']);
    assert.deepEqual(order([host('a', 1, 1, 1), host('b', 2, 0, 0)], 'soft-affinity'), ['a', 'b']);
    assert.deepEqual(order([host('a', 2, 1, 0), host('b', 1, 0, 1)], 'soft-anti-affinity'), ['b', 'a']);
    assert.deepEqual(
      order([host('a', 1, 0, 0), host('b', 2, 0, 0)], null, { ...DEFAULT_MULTIPLIERS, ram: -1 }),
      ['a', 'b'],
    );
    assert.deepEqual(order([host('b', 1, 0, 0), host('a', 1, 0, 0)], null), ['a', 'b'], 'equals go by name');
  });

  test('every host is weighed once, whatever the numbers', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.string({ minLength: 1 }), { maxLength: 8 }),
        fc.array(fc.integer(), { minLength: 8, maxLength: 8 }),
        (names, numbers) => {
          const hosts = names.map((name, i) => host(name, numbers[i] ?? 0, 0, 0));
          assert.deepEqual(order(hosts, null).toSorted(), names.toSorted());
        },
      ),
    );
  });
});
