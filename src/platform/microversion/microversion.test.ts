// Microversions: parsing, order and the choice by the headers that clients of compute and placement send.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DomainError } from '#platform/errors/domain-error.ts';
import {
  atLeast,
  chooseMicroversion,
  compareMicroversions,
  formatMicroversion,
  parseMicroversion,
  within,
  type MicroversionRange,
} from './microversion.ts';

const COMPUTE: MicroversionRange = {
  serviceType: 'compute',
  min: '2.1',
  max: '2.90',
  legacyHeader: 'X-OpenStack-Nova-API-Version',
};
const PLACEMENT: MicroversionRange = { serviceType: 'placement', min: '1.0', max: '1.39' };
type Headers = Record<string, string | string[]>;

for (const [headers, range, expected] of [
  [{}, COMPUTE, '2.1'],
  [{}, PLACEMENT, '1.0'],
  [{ 'openstack-api-version': 'compute 2.10' }, COMPUTE, '2.10'],
  [{ 'openstack-api-version': 'COMPUTE  2.10 ' }, COMPUTE, '2.10'],
  [{ 'openstack-api-version': 'compute latest' }, COMPUTE, '2.90'],
  [{ 'openstack-api-version': 'compute LATEST' }, COMPUTE, '2.90'],
  [{ 'openstack-api-version': 'placement 1.29' }, PLACEMENT, '1.29'],
  [{ 'openstack-api-version': 'placement 1.29' }, COMPUTE, '2.1'],
  [{ 'openstack-api-version': 'placement 1.29, compute 2.79' }, COMPUTE, '2.79'],
  [{ 'openstack-api-version': ['placement 1.29', 'volume 3.1, compute 2.79'] }, COMPUTE, '2.79'],
  [{ 'openstack-api-version': 'compute' }, COMPUTE, '2.1'],
  [{ 'x-openstack-nova-api-version': '2.42' }, COMPUTE, '2.42'],
  [{ 'x-openstack-nova-api-version': 'latest' }, COMPUTE, '2.90'],
  [{ 'x-openstack-nova-api-version': '2.42' }, PLACEMENT, '1.0'],
  [{ 'x-openstack-nova-api-version': '2.42', 'openstack-api-version': 'compute 2.53' }, COMPUTE, '2.53'],
] as const satisfies ReadonlyArray<readonly [Headers, MicroversionRange, string]>) {
  test(`${JSON.stringify(headers)} asks ${range.serviceType} for ${expected}`, () => {
    assert.equal(formatMicroversion(chooseMicroversion(headers as Headers, range)), expected);
  });
}

for (const [version, kind] of [
  ['2', 'bad-request'],
  ['2.', 'bad-request'],
  ['2.01', 'bad-request'],
  ['2.1.1', 'bad-request'],
  ['-2.1', 'bad-request'],
  ['2.1e3', 'bad-request'],
  ['newest', 'bad-request'],
  ['2.0', 'not-acceptable'],
  ['2.91', 'not-acceptable'],
  ['1.99', 'not-acceptable'],
  ['3.1', 'not-acceptable'],
  [`2.${'9'.repeat(400)}`, 'not-acceptable'],
] as const) {
  test(`refuses version ${version.slice(0, 12)} as ${kind}`, () => {
    for (const headers of [
      { 'openstack-api-version': `compute ${version}` },
      { 'x-openstack-nova-api-version': version },
    ]) {
      assert.throws(
        () => chooseMicroversion(headers as Headers, COMPUTE),
        (error: unknown) => error instanceof DomainError && error.kind === kind,
      );
    }
  });
}

test('versions are ordered as pairs of numbers, and written as they were read', () => {
  const part = fc.nat(500);
  fc.assert(
    fc.property(part, part, part, part, (a, b, c, d) => {
      const left = { major: a + 1, minor: b };
      const right = { major: c + 1, minor: d };
      assert.deepEqual(parseMicroversion(formatMicroversion(left)), left);
      assert.equal(
        Math.sign(compareMicroversions(left, right)),
        Math.sign(left.major * 1000 + b - (right.major * 1000 + d)),
      );
    }),
  );
  assert.ok(atLeast({ major: 2, minor: 10 }, '2.9'));
});

test('a range includes both of its bounds', () => {
  const at = (minor: number): boolean => within({ major: 2, minor }, '2.19', '2.43');
  assert.deepEqual([18, 19, 43, 44].map(at), [false, true, true, false]);
  assert.ok(within({ major: 2, minor: 1 }, undefined, undefined));
});
