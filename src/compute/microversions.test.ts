// The promise of the maximum microversion: each version up to it has a row, and each row's change is not there below its
// version and there from it on, in a simulated cloud. The rows are in test/support/microversions.
import { liveMigrationRows } from '#test/support/microversions/live-migration.ts';
import { operatorRows } from '#test/support/microversions/operators.ts';
import { portRequestRows } from '#test/support/microversions/port-requests.ts';
import { requestRows } from '#test/support/microversions/requests.ts';
import { serverViewRows } from '#test/support/microversions/servers.ts';
import { shelvingRows } from '#test/support/microversions/shelving.ts';
import { tenantRows } from '#test/support/microversions/tenants.ts';
import { unseenRows } from '#test/support/microversions/unseen.ts';
import { volumeRows } from '#test/support/microversions/volumes.ts';
import { startWorld, type World } from '#test/support/microversions/world.ts';
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { MICROVERSIONS } from './discovery/routes.ts';

const minorOf = (version: string): number => Number(version.split('.')[1]);
const MAX = minorOf(MICROVERSIONS.max);
const rows = [
  ...liveMigrationRows,
  ...operatorRows,
  ...portRequestRows,
  ...requestRows,
  ...serverViewRows,
  ...shelvingRows,
  ...tenantRows,
  ...unseenRows,
  ...volumeRows,
].toSorted((a, b) => minorOf(a.version) - minorOf(b.version));

test('every microversion up to the maximum has one row', () => {
  assert.deepEqual(
    rows.map(({ version }) => version),
    Array.from({ length: MAX - 1 }, (_, index) => `2.${index + 2}`),
  );
});

describe('the microversions of compute', { timeout: 300_000 }, () => {
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
      test(`${row.version}: ${row.change} (2.1 and the maximum)`, async () =>
        row.check({ below: world.at(1), from: world.at(MAX), world }));
  }
});
