// The checks that the volume service's rules are made of: upstream's secure-RBAC personas. Rules are in each resource's
// `policy.ts`; a target carries `project_id` of the resource.
import type { PolicyRule } from '#platform/policy/enforcer.ts';

/** Reads of a project's own, and an administrator's of any. */
export const READER = 'role:admin or (role:reader and project_id:%(project_id)s)';
/** Changes of a project's own, and an administrator's of any. */
export const MEMBER = 'role:admin or (role:member and project_id:%(project_id)s)';
export const ADMIN = 'role:admin';
/** Services as well as administrators: what compute does on a user's behalf. */
export const ADMIN_OR_SERVICE = 'role:admin or role:service';
/** Whoever has a valid token for a project. */
export const ANYBODY = '';

export function rule(name: string, check: string, description: string): PolicyRule {
  return { name, check, description, scopes: ['project'] };
}
