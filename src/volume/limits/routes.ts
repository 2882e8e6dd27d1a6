// `/limits`: the limits of the caller's project and what is used of them.
import type { Call } from '#platform/http/api.ts';
import { atLeast } from '#platform/microversion/microversion.ts';
import type { PolicyRule } from '#platform/policy/enforcer.ts';
import type { VolumeDeps, VolumeRoute } from '#volume/deps.ts';
import { READER, rule } from '#volume/policies.ts';
import { limitsOf, usedByProject } from '../quota-sets/count.ts';

const USED_LIMITS = 'limits_extension:used_limits';

export const limitPolicies: readonly PolicyRule[] = [
  rule(
    USED_LIMITS,
    READER,
    'Show limits and what is used of them; of another project only to administrators.',
  ),
];

const MAXIMA: Readonly<Record<string, string>> = {
  maxTotalVolumes: 'volumes',
  maxTotalSnapshots: 'snapshots',
  maxTotalVolumeGigabytes: 'gigabytes',
  maxTotalBackups: 'backups',
  maxTotalBackupGigabytes: 'backup_gigabytes',
};
const USED: Readonly<Record<string, string>> = {
  totalVolumesUsed: 'volumes',
  totalSnapshotsUsed: 'snapshots',
  totalGigabytesUsed: 'gigabytes',
  totalBackupsUsed: 'backups',
  totalBackupGigabytesUsed: 'backup_gigabytes',
};

async function show(call: Call, { db }: VolumeDeps): Promise<unknown> {
  const asked = atLeast(call.microversion, '3.39') ? call.query.get('project_id') : null;
  const projectId = asked ?? call.principal.projectId ?? '';
  call.enforce(USED_LIMITS, { project_id: projectId });
  const limits = await limitsOf(db.kysely, projectId);
  const used = await usedByProject(db.kysely, projectId);
  const pick = (names: Readonly<Record<string, string>>, from: Readonly<Record<string, number>>) =>
    Object.fromEntries(Object.entries(names).map(([shown, name]) => [shown, from[name] ?? 0]));
  return { limits: { rate: [], absolute: { ...pick(MAXIMA, limits), ...pick(USED, used) } } };
}

export const limitRoutes: readonly VolumeRoute[] = [{ method: 'GET', path: '/limits', handler: show }];
