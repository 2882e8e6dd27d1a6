// An assignment as `GET /v3/role_assignments` shows it, with names when asked.
import type { GroupRow, ProjectRow, UserRow } from '../database.ts';
import type { RoleGraph } from '../directory/role-graph.ts';
import type { Assignment } from './effective.ts';

/** Rows by id, for names. */
export interface Names {
  readonly graph: RoleGraph;
  readonly users: ReadonlyMap<string, UserRow>;
  readonly groups: ReadonlyMap<string, GroupRow>;
  /** With the domains. */
  readonly projects: ReadonlyMap<string, ProjectRow>;
}

export function assignmentView(row: Assignment, baseUrl: string, names: Names | undefined): object {
  return {
    role: roleRef(row.role_id, names),
    [row.actor_type]: ref(row.actor_id, names?.[row.actor_type === 'user' ? 'users' : 'groups'], names),
    scope: scopeView(row, names),
    links: linksOf(row, baseUrl),
  };
}

function scopeView(row: Assignment, names: Names | undefined): Record<string, unknown> {
  const inherited = row.inherited === 1 ? { 'OS-INHERIT:inherited_to': 'projects' } : {};
  switch (row.target_type) {
    case 'system':
      return { system: { all: true } };
    case 'domain': {
      const domain = names?.projects.get(row.target_id);
      return { domain: { id: row.target_id, ...(domain ? { name: domain.name } : {}) }, ...inherited };
    }
    case 'project':
      return { project: ref(row.target_id, names?.projects, names), ...inherited };
  }
}

function roleRef(id: string, names: Names | undefined): Record<string, unknown> {
  const role = names?.graph.roles.get(id);
  if (!role) return { id };
  if (role.domain_id === '') return { id, name: role.name };
  const domain = names?.projects.get(role.domain_id);
  return { id, name: role.name, domain: { id: role.domain_id, name: domain?.name ?? '' } };
}

function ref(
  id: string,
  rows: ReadonlyMap<string, { name: string; domain_id: string }> | undefined,
  names: Names | undefined,
): Record<string, unknown> {
  const row = rows?.get(id);
  if (!row) return { id };
  const domain = names?.projects.get(row.domain_id);
  return { id, name: row.name, domain: { id: row.domain_id, name: domain?.name ?? '' } };
}

function linksOf(row: Assignment, baseUrl: string): Record<string, string> {
  const actor = row.viaGroup === undefined ? `${row.actor_type}s/${row.actor_id}` : `groups/${row.viaGroup}`;
  const type = row.viaTarget?.type ?? row.target_type;
  const target = type === 'system' ? 'system' : `${type}s/${row.viaTarget?.id ?? row.target_id}`;
  const role = row.viaRole ?? row.role_id;
  const path =
    row.inherited === 1
      ? `OS-INHERIT/${target}/${actor}/roles/${role}/inherited_to_projects`
      : `${target}/${actor}/roles/${role}`;
  return {
    assignment: `${baseUrl}/v3/${path}`,
    ...(row.viaGroup === undefined
      ? {}
      : { membership: `${baseUrl}/v3/groups/${row.viaGroup}/users/${row.actor_id}` }),
    ...(row.viaRole === undefined
      ? {}
      : { prior_role: `${baseUrl}/v3/roles/${row.viaRole}/implies/${row.role_id}` }),
  };
}
