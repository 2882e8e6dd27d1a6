// Decides whether a principal may do something: the services' default rules, overridden by the operator's policy.yaml.
import { readFileSync } from 'node:fs';
import { parse as parseYaml } from 'yaml';
import { DomainError } from '#platform/errors/domain-error.ts';
import type { Principal } from '#platform/auth/principal.ts';
import { parseRule, type Rule } from './policy-language.ts';

export type Scope = 'system' | 'domain' | 'project';

/** A rule as a service declares it in a `policy.ts`. */
export interface PolicyRule {
  /** The upstream name: `os_compute_api:servers:show`. */
  readonly name: string;
  /** In the rule language. */
  readonly check: string;
  readonly description: string;
  readonly scopes?: readonly Scope[];
}

/** What the rule is about: attributes of the resource, mostly `project_id` and `user_id`. Dots reach into objects. */
export type Target = Readonly<Record<string, unknown>>;

/** The caller may not do it. Services render it as 403, or 404 where existence is secret. */
export class PolicyDenied extends DomainError {
  constructor(rule: string) {
    super('forbidden', 'policy-denied', `Policy doesn't allow ${rule} to be performed.`, {
      fields: { rule },
    });
  }
}

/** Checks that most services share; a service's own rules may refer to them and operators may override them. */
export const BASE_RULES: readonly PolicyRule[] = [
  { name: 'context_is_admin', check: 'role:admin', description: 'The caller is an administrator.' },
  { name: 'admin_required', check: 'role:admin or is_admin:1', description: 'Administrators only.' },
  { name: 'admin_api', check: 'is_admin:True or role:admin', description: 'Administrators only.' },
  { name: 'service_api', check: 'role:service', description: 'Another service of the cloud.' },
  { name: 'owner', check: 'project_id:%(project_id)s', description: "The resource's project." },
  {
    name: 'admin_or_owner',
    check: 'rule:admin_required or rule:owner',
    description: "Administrators and the resource's project.",
  },
  {
    name: 'project_member_api',
    check: 'role:member and project_id:%(project_id)s',
    description: 'Members of the project.',
  },
  {
    name: 'project_reader_api',
    check: 'role:reader and project_id:%(project_id)s',
    description: 'Readers of the project.',
  },
  {
    name: 'project_manager_api',
    check: 'role:manager and project_id:%(project_id)s',
    description: 'Managers of the project.',
  },
  {
    name: 'project_member_or_admin',
    check: 'rule:project_member_api or rule:admin_api',
    description: 'Members of the project, administrators.',
  },
  {
    name: 'project_reader_or_admin',
    check: 'rule:project_reader_api or rule:admin_api',
    description: 'Readers of the project, administrators.',
  },
];

export class Enforcer {
  readonly #rules = new Map<string, Rule>();

  /** @param overrides rule name → check, as in policy.yaml; a bad rule fails the start, not a request. */
  constructor(defaults: readonly PolicyRule[], overrides: Readonly<Record<string, string>> = {}) {
    for (const rule of [...BASE_RULES, ...defaults]) this.#rules.set(rule.name, parseRule(rule.check));
    for (const [name, check] of Object.entries(overrides)) this.#rules.set(name, parseRule(check));
  }

  has(rule: string): boolean {
    return this.#rules.has(rule);
  }

  /** An unknown rule is denied: a missing definition must not open a door. */
  allows(rule: string, principal: Principal, target: Target): boolean {
    const parsed = this.#rules.get(rule);
    return parsed !== undefined && this.#check(parsed, principal, target, 0);
  }

  /** @throws PolicyDenied */
  enforce(rule: string, principal: Principal, target: Target): void {
    if (!this.allows(rule, principal, target)) throw new PolicyDenied(rule);
  }

  #check(rule: Rule, principal: Principal, target: Target, depth: number): boolean {
    if (depth > 50) return false; // rules that refer to each other in a circle
    switch (rule.kind) {
      case 'always':
        return true;
      case 'never':
        return false;
      case 'and':
        return rule.rules.every((each) => this.#check(each, principal, target, depth + 1));
      case 'or':
        return rule.rules.some((each) => this.#check(each, principal, target, depth + 1));
      case 'not':
        return !this.#check(rule.rule, principal, target, depth + 1);
      case 'role':
        return principal.roles.some((role) => role.toLowerCase() === rule.role);
      case 'rule': {
        const other = this.#rules.get(rule.name);
        return other !== undefined && this.#check(other, principal, target, depth + 1);
      }
      case 'match':
        return matches(rule.left, rule.right, principal, target);
    }
  }
}

function matches(left: string, right: string, principal: Principal, target: Target): boolean {
  const wanted = right.replaceAll(/%\(([^)]*)\)s/g, (_, path: string) =>
    String(reach(target, path) ?? '\u0000'),
  );
  const literal = /^(["'])(.*)\1$/.exec(left);
  const actual = literal ? literal[2] : (credentials(principal)[left] ?? reach(credentials(principal), left));
  if (actual === undefined || actual === null) return wanted === 'None';
  return (
    String(actual) === wanted || (typeof actual === 'boolean' && wanted.toLowerCase() === String(actual))
  );
}

function credentials(principal: Principal): Record<string, unknown> {
  return {
    user_id: principal.userId,
    user_domain_id: principal.userDomainId,
    project_id: principal.projectId,
    tenant_id: principal.projectId,
    project_domain_id: principal.projectDomainId,
    domain_id: principal.domainId,
    system_scope: principal.system ? 'all' : undefined,
    is_admin: principal.roles.includes('admin') ? 'True' : 'False',
    is_admin_project: 'True',
  };
}

function reach(from: unknown, path: string): unknown {
  let at = from;
  const direct = from as Record<string, unknown>;
  if (typeof from === 'object' && from !== null && Object.hasOwn(from, path)) return direct[path];
  for (const key of path.split('.')) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, key)) return undefined;
    at = (at as Record<string, unknown>)[key];
  }
  return at;
}

/** Reads an operator's policy.yaml (a map of rule name to check). @throws Error naming the file when it is malformed. */
export function readPolicyFile(path: string): Record<string, string> {
  const parsed: unknown = parseYaml(readFileSync(path, 'utf8')) ?? {};
  const entries =
    typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)
      ? Object.entries(parsed)
      : undefined;
  const bad = entries?.find(([, check]) => typeof check !== 'string');
  if (!entries || bad)
    throw new Error(`${path}: must map rule names to strings${bad ? `, ${bad[0]} does not` : ''}`);
  return Object.fromEntries(entries as Array<[string, string]>);
}
