// Rules of the configuration of domains: administrators', but for what all who choose a password should know.
import type { PolicyRule } from '#platform/policy/enforcer.ts';

const ADMIN = 'rule:admin_required';
const READ = 'rule:admin_required or (role:reader and system_scope:all)';

export const domainConfigPolicies: readonly PolicyRule[] = [
  { name: 'identity:create_domain_config', check: ADMIN, description: "Set a domain's options." },
  { name: 'identity:get_domain_config', check: READ, description: "See a domain's options." },
  {
    name: 'identity:get_security_compliance_domain_config',
    check: '@',
    description: 'See what passwords must look like.',
  },
  { name: 'identity:update_domain_config', check: ADMIN, description: "Change a domain's options." },
  { name: 'identity:delete_domain_config', check: ADMIN, description: "Remove a domain's options." },
  { name: 'identity:get_domain_config_default', check: READ, description: 'See what holds without options.' },
];
