// Projects read their own limits, administrators set them.
import type { PolicyRule } from '#platform/policy/enforcer.ts';

const ADMIN = 'rule:context_is_admin';
const rule = (name: string, check: string, description: string): PolicyRule => ({
  name: `os_compute_api:${name}`,
  check,
  description,
  scopes: ['project'],
});

const READER = 'rule:project_reader_or_admin';

export const quotaPolicies: readonly PolicyRule[] = [
  rule('os-quota-sets:show', READER, "Show a project's limits."),
  rule('os-quota-sets:detail', READER, "Show a project's limits with what is used."),
  rule('os-quota-sets:defaults', '@', 'Show the limits of a project without its own.'),
  rule('os-quota-sets:update', ADMIN, "Change a project's limits."),
  rule('os-quota-sets:delete', ADMIN, "Give a project's limits back to the defaults."),
  rule('os-quota-class-sets:show', ADMIN, 'Show the limits of a class.'),
  rule('os-quota-class-sets:update', ADMIN, 'Change the limits of a class.'),
  rule('limits', '@', 'Show the own limits and what is used of them.'),
  rule('limits:other_project', ADMIN, 'Show the limits of another project.'),
];
