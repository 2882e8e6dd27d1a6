// The promise of the maximum microversion: each version up to it has a row, and each row's change is not there below its
// version and there from it on. The rows are in test/support/volume-microversions.
import { encryptionRows } from '#test/support/volume-microversions/encryption.ts';
import { fieldRows } from '#test/support/volume-microversions/fields.ts';
import { groupRows } from '#test/support/volume-microversions/groups.ts';
import { listRows } from '#test/support/volume-microversions/lists.ts';
import { operatorRows } from '#test/support/volume-microversions/operators.ts';
import { requestRows } from '#test/support/volume-microversions/requests.ts';
import { startWorld, type World } from '#test/support/volume-microversions/world.ts';
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { MICROVERSIONS } from './discovery/routes.ts';

const minorOf = (version: string): number => Number(version.split('.')[1]);
const MAX = minorOf(MICROVERSIONS.max);
const rows = [
  ...encryptionRows,
  ...fieldRows,
  ...groupRows,
  ...listRows,
  ...operatorRows,
  ...requestRows,
].toSorted((a, b) => minorOf(a.version) - minorOf(b.version));

test('every microversion up to the maximum has one row', () => {
  assert.deepEqual(
    rows.map(({ version }) => version),
    Array.from({ length: MAX }, (_, index) => `3.${index + 1}`),
  );
});

describe('the microversions of volumes', { timeout: 120_000 }, () => {
  let world: World;
  before(async () => {
    world = await startWorld();
  });
  after(async () => world[Symbol.asyncDispose]());

  for (const row of rows) {
    const minor = minorOf(row.version);
    test(`${row.version}: ${row.change} (${row.proof})`, async () =>
      row.check({ below: world.at(minor - 1), from: world.at(minor), world }));
    if (!row.once && row.proof === 'steps')
      test(`${row.version}: ${row.change} (3.0 and the maximum)`, async () =>
        row.check({ below: world.at(0), from: world.at(MAX), world }));
  }
});
