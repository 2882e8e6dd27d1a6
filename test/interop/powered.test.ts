// The tests that an OpenStack Powered cloud must pass, by Debian's tempest: what needs no guest on the simulated cloud, the
// rest on the real one with logins to its guests. `pileus test interop` runs all of them on either.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { readGuideline, type RequiredTest } from '#cli/test/interop/guideline.ts';
import { reportText } from '#cli/test/interop/report.ts';
import { installTempest, runInterop } from '#cli/test/interop/run.ts';

/** Classes that start servers, or look at what they do. */
const WITH_GUESTS =
  /\.compute\.(images|servers\.test_(create_server|server_actions|delete_server|servers\.|list_server_filters|attach_interfaces|instance_actions|multiple_create)|volumes)|AttachVolume|VolumesActionsTest/;

const needsGuest = ({ name }: RequiredTest): boolean => WITH_GUESTS.test(name);

const all = readGuideline();

before(async () => installTempest());

test('what needs no guest, on the simulated cloud', { timeout: 600_000 }, async () => {
  const { report } = await runInterop({ simulated: true, only: (each) => !needsGuest(each) });
  assert.deepEqual(report.missed, [], reportText(report));
  assert.equal(report.passed, all.filter((each) => !needsGuest(each)).length);
});

test('what needs guests, on the real cloud', { timeout: 600_000 }, async () => {
  const { report } = await runInterop({ only: needsGuest, workers: 2 });
  assert.deepEqual(report.missed, [], reportText(report));
  assert.equal(report.passed, all.filter(needsGuest).length);
});
