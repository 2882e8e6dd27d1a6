// Roles and what they imply, in memory, and from a user's assignments the roles that a token of some scope carries.
import type { AssignmentRow, ImpliedRoleRow, RoleRow } from '../database.ts';

export class RoleGraph {
  readonly roles: ReadonlyMap<string, RoleRow>;
  readonly #implied = new Map<string, string[]>();

  constructor(roles: readonly RoleRow[], implications: readonly ImpliedRoleRow[]) {
    this.roles = new Map(roles.map((role) => [role.id, role]));
    for (const { prior_role_id: prior, implied_role_id: implied } of implications) {
      this.#implied.set(prior, [...(this.#implied.get(prior) ?? []), implied]);
    }
  }

  /** `roleIds` and all that they imply, each once; unknown ids are left out. */
  expand(roleIds: Iterable<string>): string[] {
    const seen = new Set<string>();
    const pending = [...roleIds];
    for (let id = pending.pop(); id !== undefined; id = pending.pop()) {
      if (seen.has(id) || !this.roles.has(id)) continue;
      seen.add(id);
      pending.push(...(this.#implied.get(id) ?? []));
    }
    return [...seen];
  }

  /** The direct implications of a role. */
  impliedBy(roleId: string): readonly string[] {
    return this.#implied.get(roleId) ?? [];
  }

  /** True when `to` is reached from `from`: an implication the other way round would close a circle. */
  implies(from: string, to: string): boolean {
    return this.expand([from]).includes(to);
  }
}

/** Where a scope lies: for a project its ancestors and its domain, whose inherited assignments reach it. */
export type ScopePlace =
  | {
      readonly kind: 'project';
      readonly id: string;
      readonly ancestors: readonly string[];
      readonly domainId: string;
    }
  | { readonly kind: 'domain'; readonly id: string }
  | { readonly kind: 'system' };

/** True when `assignment` gives its role at `place`. */
export function reaches(assignment: AssignmentRow, place: ScopePlace): boolean {
  const { target_type: type, target_id: target, inherited } = assignment;
  switch (place.kind) {
    case 'system':
      return type === 'system' && inherited === 0;
    case 'domain':
      return type === 'domain' && target === place.id && inherited === 0;
    case 'project':
      if (inherited === 0) return type === 'project' && target === place.id;
      return type === 'domain' ? target === place.domainId : place.ancestors.includes(target);
  }
}

/** Ids of the roles at `place`, implied ones included. */
export function rolesAt(
  graph: RoleGraph,
  assignments: readonly AssignmentRow[],
  place: ScopePlace,
): string[] {
  return graph.expand(assignments.filter((each) => reaches(each, place)).map((each) => each.role_id));
}
