// What assignments amount to: groups become their members, inherited ones the projects below, roles what they imply. Pure.
import type { AssignmentRow, ProjectRow } from '../database.ts';
import type { RoleGraph } from '../directory/role-graph.ts';
import { below } from '../projects/hierarchy.ts';

/** An assignment with how it came to be. */
export interface Assignment extends AssignmentRow {
  /** The group through which the user has it. */
  readonly viaGroup?: string;
  /** The role that implies this one. */
  readonly viaRole?: string;
  /** Where it is inherited from. */
  readonly viaTarget?: { readonly type: 'project' | 'domain'; readonly id: string };
}

export interface Facts {
  readonly graph: RoleGraph;
  readonly memberships: ReadonlyArray<{ readonly group_id: string; readonly user_id: string }>;
  /** All that are no domains. */
  readonly projects: readonly ProjectRow[];
}

export function effectiveAssignments(rows: readonly AssignmentRow[], facts: Facts): Assignment[] {
  return rows
    .flatMap((row) => members(row, facts))
    .flatMap((row) => places(row, facts))
    .flatMap((row) => roles(row, facts));
}

function members(row: AssignmentRow, facts: Facts): Assignment[] {
  if (row.actor_type === 'user') return [row];
  return facts.memberships
    .filter((each) => each.group_id === row.actor_id)
    .map((each) => ({ ...row, actor_type: 'user', actor_id: each.user_id, viaGroup: row.actor_id }));
}

function places(row: Assignment, facts: Facts): Assignment[] {
  if (row.inherited === 0 || row.target_type === 'system') return [row];
  const viaTarget = { type: row.target_type, id: row.target_id };
  return below(row.target_id, facts.projects).map((project) => ({
    ...row,
    target_type: 'project',
    target_id: project.id,
    viaTarget,
  }));
}

function roles(row: Assignment, facts: Facts): Assignment[] {
  return facts.graph
    .expand([row.role_id])
    .filter((id) => facts.graph.roles.get(id)?.domain_id === '')
    .map((id) => (id === row.role_id ? row : { ...row, role_id: id, viaRole: row.role_id }));
}
