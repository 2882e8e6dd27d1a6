// Projects see their own usage, administrators everybody's.
import type { PolicyRule } from '#platform/policy/enforcer.ts';

const ADMIN = 'rule:context_is_admin';
const rule = (name: string, check: string, description: string): PolicyRule => ({
  name: `os_compute_api:${name}`,
  check,
  description,
  scopes: ['project'],
});

export const usagePolicies: readonly PolicyRule[] = [
  rule('os-simple-tenant-usage:list', ADMIN, 'List the usage of all projects.'),
  rule('os-simple-tenant-usage:show', 'rule:project_reader_or_admin', "Show a project's usage."),
];
