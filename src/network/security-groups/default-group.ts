// The default group that every project has: made when the project first does anything with groups or ports.
import { isUniqueViolation } from '#platform/sql/database.ts';
import type { SecurityGroupRow } from '../tables.ts';
import type { NetworkDeps } from '../rest/deps.ts';
import type { Unit } from '../rest/northbound-work.ts';
import { insertRow, newStandard } from '../rest/select.ts';
import { insertRule } from '../security-group-rules/store.ts';
import { findDefaultGroup } from './store.ts';

/** Idempotent and safe under races: the unique index on `default_of` lets one win. */
export async function ensureDefaultGroup(projectId: string, deps: NetworkDeps): Promise<void> {
  if (projectId === '' || deps.projectsWithDefaultGroup.has(projectId)) return;
  if (!(await findDefaultGroup(deps.db.kysely, projectId))) {
    try {
      await deps.work.commit(async (unit) => {
        const group = await insertGroup(unit, projectId, {
          name: 'default',
          description: 'Default security group',
          default_of: projectId,
        });
        for (const ethertype of ['IPv4', 'IPv6'] as const)
          await insertRule(unit, group, { direction: 'ingress', ethertype, remote_group_id: group.id });
      });
    } catch (error) {
      if (!isUniqueViolation(error)) throw error;
    }
  }
  deps.projectsWithDefaultGroup.add(projectId);
}

/** A group with the two rules that let everything out. */
export async function insertGroup(
  unit: Unit,
  projectId: string,
  values: Pick<SecurityGroupRow, 'name' | 'description'> & Partial<SecurityGroupRow>,
): Promise<SecurityGroupRow> {
  const row: SecurityGroupRow = {
    ...newStandard({}, projectId, unit.now),
    stateful: 1,
    default_of: null,
    ...values,
  };
  await insertRow(unit.trx, 'security_groups', row);
  for (const ethertype of ['IPv4', 'IPv6'] as const)
    await insertRule(unit, row, { direction: 'egress', ethertype });
  unit.touch('security_group', row.id);
  return row;
}
