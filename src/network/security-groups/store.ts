// SQL of security groups.
import { sql } from 'kysely';
import type { SecurityGroupRow } from '../tables.ts';
import type { Caller, Sql } from '../rest/deps.ts';
import { equals, selectRows, TRUE, type Condition } from '../rest/select.ts';

/** A project's own groups and those shared with it. */
export function visibleSecurityGroups(caller: Caller): Condition {
  if (caller.admin) return TRUE;
  return sql`(project_id = ${caller.projectId} or id in (
    select object_id from rbac_policies where object_type = 'security_group' and target_project in ('*', ${caller.projectId})))`;
}

export async function findDefaultGroup(db: Sql, projectId: string): Promise<SecurityGroupRow | undefined> {
  const rows = await selectRows(db, 'security_groups', [equals('default_of', projectId)]);
  return rows[0];
}
