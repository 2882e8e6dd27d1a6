// Decides whether a principal may do something: the services' default rules, overridden by the operator's policy.yaml.
import { readFileSync } from 'node:fs';
import { parse as parseYaml } from 'yaml';
import { DomainError } from '#platform/errors/domain-error.ts';
import type { Principal } from '#platform/auth/principal.ts';
import { parseRule, PolicySyntaxError, type Rule } from './policy-language.ts';

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

  /**
   * @param overrides rule name → check, as in policy.yaml.
   * @throws PolicySyntaxError for a bad rule or rules that refer to each other in a circle: at the start, not at a request.
   */
  constructor(defaults: readonly PolicyRule[], overrides: Readonly<Record<string, string>> = {}) {
    for (const rule of [...BASE_RULES, ...defaults]) this.#rules.set(rule.name, parseRule(rule.check));
    for (const [name, check] of Object.entries(overrides)) this.#rules.set(name, parseRule(check));
    refuseCircles(this.#rules);
  }

  has(rule: string): boolean {
    return this.#rules.has(rule);
  }

  /** An unknown rule is denied, also below a `not`: a missing definition must not open a door. */
  allows(rule: string, principal: Principal, target: Target): boolean {
    return this.#check({ kind: 'rule', name: rule }, principal, target) === true;
  }

  /** @throws PolicyDenied */
  enforce(rule: string, principal: Principal, target: Target): void {
    if (!this.allows(rule, principal, target)) throw new PolicyDenied(rule);
  }

  /** Undefined: it hangs on a rule that nobody defined. */
  #check(rule: Rule, principal: Principal, target: Target): boolean | undefined {
    switch (rule.kind) {
      case 'always':
        return true;
      case 'never':
        return false;
      case 'and':
        return this.#first(false, rule.rules, principal, target);
      case 'or':
        return this.#first(true, rule.rules, principal, target);
      case 'not': {
        const inner = this.#check(rule.rule, principal, target);
        return inner === undefined ? undefined : !inner;
      }
      case 'role':
        return principal.roles.some((role) => role.toLowerCase() === rule.role);
      case 'rule': {
        const other = this.#rules.get(rule.name);
        return other && this.#check(other, principal, target);
      }
      case 'match':
        return matches(rule.left, rule.right, principal, target);
    }
  }

  /** `decisive` when one of `rules` is that, which settles an `and` (false) or an `or` (true). */
  #first(
    decisive: boolean,
    rules: readonly Rule[],
    principal: Principal,
    target: Target,
  ): boolean | undefined {
    let unknown = false;
    for (const rule of rules) {
      const value = this.#check(rule, principal, target);
      if (value === decisive) return decisive;
      unknown ||= value === undefined;
    }
    return unknown ? undefined : !decisive;
  }
}

function refuseCircles(rules: ReadonlyMap<string, Rule>): void {
  const clear = new Set<string>();
  const visit = (name: string, above: readonly string[]): void => {
    if (above.includes(name))
      throw new PolicySyntaxError(
        [...above, name].join(' -> '),
        'these rules refer to each other in a circle',
      );
    const rule = rules.get(name);
    if (!rule || clear.has(name)) return;
    for (const next of referencesOf(rule)) visit(next, [...above, name]);
    clear.add(name);
  };
  for (const name of rules.keys()) visit(name, []);
}

function referencesOf(rule: Rule): string[] {
  if (rule.kind === 'rule') return [rule.name];
  if (rule.kind === 'not') return referencesOf(rule.rule);
  return rule.kind === 'and' || rule.kind === 'or' ? rule.rules.flatMap(referencesOf) : [];
}

/**
 * `left:right`. A null in the target equals only the literal `None`: a caller without a project must not own what has
 * no project. A target that lacks the attribute matches nothing.
 */
function matches(left: string, right: string, principal: Principal, target: Target): boolean {
  const wanted = expand(right, target);
  if (wanted === undefined) return false;
  const literal = /^(["'])(.*)\1$/.exec(left)?.[2] ?? (/^(?:True|False|\d+)$/.test(left) ? left : undefined);
  if (literal !== undefined) return literal === wanted;
  if (left === 'None') return wanted === null || right === 'None';
  const held = credentials(principal);
  const actual = Object.hasOwn(held, left) ? held[left] : undefined;
  if (actual === undefined) return right === 'None' && Object.hasOwn(held, left);
  return Array.isArray(actual) ? actual.includes(wanted) : actual === wanted;
}

/** `text` with its `%(path)s` filled in as Python writes them; null when it is one path to a null, undefined when one is absent. */
function expand(text: string, target: Target): string | null | undefined {
  let absent = false;
  let nothing = false;
  const filled = text.replaceAll(/%\(([^)]*)\)s/g, (_, path: string) => {
    const value = reach(target, path);
    absent ||= value === undefined;
    nothing ||= value === null;
    return typeof value === 'boolean' ? (value ? 'True' : 'False') : String(value);
  });
  if (absent) return undefined;
  return nothing ? null : filled;
}

/** What rules may ask of the caller; undefined stands for Python's None. */
function credentials(principal: Principal): Readonly<Record<string, string | readonly string[] | undefined>> {
  return {
    user_id: principal.userId,
    user_domain_id: principal.userDomainId,
    project_id: principal.projectId,
    tenant_id: principal.projectId,
    project_domain_id: principal.projectDomainId,
    domain_id: principal.domainId,
    system_scope: principal.system ? 'all' : undefined,
    roles: principal.roles,
    is_admin: principal.roles.includes('admin') ? 'True' : 'False',
    is_admin_project: 'True',
  };
}

function reach(from: unknown, path: string): unknown {
  if (typeof from !== 'object' || from === null) return undefined;
  if (Object.hasOwn(from, path)) return (from as Record<string, unknown>)[path];
  let at: unknown = from;
  for (const key of path.split('.')) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, key)) return undefined;
    at = (at as Record<string, unknown>)[key];
  }
  return at;
}

/** Reads an operator's policy.yaml (a map of rule name to check). @throws Error naming the file when it is malformed. */
export function readPolicyFile(path: string): Record<string, string> {
  let parsed: unknown;
  try {
    parsed = parseYaml(readFileSync(path, 'utf8')) ?? {};
  } catch (cause) {
    throw new Error(`${path}: cannot be read as YAML`, { cause });
  }
  const entries =
    typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)
      ? Object.entries(parsed)
      : undefined;
  const bad = entries?.find(([, check]) => typeof check !== 'string');
  if (!entries || bad)
    throw new Error(`${path}: must map rule names to strings${bad ? `, ${bad[0]} does not` : ''}`);
  return Object.fromEntries(entries as Array<[string, string]>);
}
