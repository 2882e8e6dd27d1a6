// The rules that all resources' rules are made of, and a short way to write a resource's rules down.
import type { PolicyRule } from '#platform/policy/enforcer.ts';

export const ADMIN = 'rule:admin_only';
const PROJECT = 'project_id:%(project_id)s';
const NETWORK_PROJECT = 'project_id:%(network:project_id)s';
export const MEMBER = `rule:admin_only or (role:member and ${PROJECT})`;
export const READER = `rule:admin_only or (role:reader and ${PROJECT})`;
export const ADMIN_OR_SERVICE = 'rule:admin_only or role:service';
export const NETWORK_MEMBER = `rule:admin_only or role:service or (role:member and ${NETWORK_PROJECT})`;
export const MEMBER_OR_NETWORK_MEMBER = `${MEMBER} or role:service or (role:member and ${NETWORK_PROJECT})`;
export const READER_OR_NETWORK_READER = `${READER} or role:service or (role:reader and ${NETWORK_PROJECT})`;
/** Who may see it was settled by the query; the role is left to check. */
export const ANY_READER = 'rule:admin_only or role:reader or role:service';

export const COMMON_POLICY: readonly PolicyRule[] = [
  { name: 'admin_only', check: 'rule:context_is_admin', description: 'Administrators.' },
  { name: 'get_tags', check: ANY_READER, description: 'Read the tags of a resource that the caller sees.' },
  { name: 'update_tags', check: MEMBER, description: 'Set the tags of a resource.' },
];

/** `{ 'create_network': MEMBER, 'create_network:shared': ADMIN }` as rules. */
export function rules(checks: Readonly<Record<string, string>>): PolicyRule[] {
  return Object.entries(checks).map(([name, check]) => ({ name, check, description: describe(name) }));
}

const VERBS: Readonly<Record<string, string>> = {
  create: 'Create',
  get: 'See',
  update: 'Change',
  delete: 'Delete',
};

function describe(name: string): string {
  const [rule = name, ...attribute] = name.split(':');
  const [verb = '', ...noun] = rule.split('_');
  const thing = noun.join(' ');
  const what = attribute.length === 0 ? `a ${thing}` : `${attribute.join(':')} of a ${thing}`;
  return `${VERBS[verb] ?? verb} ${what}.`;
}
