// All SQL of role assignments: who (user or group) has which role on what (project, domain, system).
import type { AssignmentRow, IdentityExecutor } from '../database.ts';

export const SYSTEM = 'system';

/** The user's own and those of the groups the user is in. */
export async function listAssignmentsOfUser(db: IdentityExecutor, userId: string): Promise<AssignmentRow[]> {
  return db
    .selectFrom('assignments')
    .selectAll()
    .where((where) =>
      where.or([
        where.and([where('actor_type', '=', 'user'), where('actor_id', '=', userId)]),
        where.and([
          where('actor_type', '=', 'group'),
          where(
            'actor_id',
            'in',
            db.selectFrom('group_members').select('group_id').where('user_id', '=', userId),
          ),
        ]),
      ]),
    )
    .execute();
}

export type AssignmentFilter = Partial<AssignmentRow>;

export async function listAssignments(
  db: IdentityExecutor,
  filter: AssignmentFilter,
): Promise<AssignmentRow[]> {
  let query = db.selectFrom('assignments').selectAll();
  for (const [column, value] of Object.entries(filter)) {
    query = query.where(column as keyof AssignmentRow, '=', value);
  }
  return query.execute();
}

/** Idempotent. */
export async function insertAssignment(db: IdentityExecutor, row: AssignmentRow): Promise<void> {
  await db
    .insertInto('assignments')
    .values(row)
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

/** How many were removed. */
export async function removeAssignments(db: IdentityExecutor, filter: AssignmentFilter): Promise<number> {
  let query = db.deleteFrom('assignments');
  for (const [column, value] of Object.entries(filter)) {
    query = query.where(column as keyof AssignmentRow, '=', value);
  }
  const result = await query.executeTakeFirst();
  return Number(result.numDeletedRows);
}
