// Rows of the volume service's microversions that concern what this cloud does not have (docs/limits.md).
import assert from 'node:assert/strict';
import { noPath, NOBODY, type Row } from './row.ts';

const absent = (version: Row['version'], change: string, check: Row['check']): Row => ({
  version,
  change,
  proof: 'absent',
  check,
});
export const absentRows: readonly Row[] = [
  absent(
    '3.6',
    'consistency groups with empty names',
    noPath(['PUT', `/consistencygroups/${NOBODY}/update`, {}]),
  ),
  absent('3.38', 'replication of groups, but for its status, which is disabled', async ({ below, from }) => {
    const body = { enable_replication: {} };
    for (const client of [below, from])
      assert.equal((await client.send('POST', `/groups/${NOBODY}/action`, body, 'admin')).status, 400);
  }),
];
