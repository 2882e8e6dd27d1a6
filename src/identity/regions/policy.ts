// Rules of regions: everyone with a token may look.
import type { PolicyRule } from '#platform/policy/enforcer.ts';

const ADMIN = 'rule:admin_required';

export const regionPolicies: readonly PolicyRule[] = [
  { name: 'identity:list_regions', check: '', description: 'List regions.' },
  { name: 'identity:get_region', check: '', description: 'See a region.' },
  { name: 'identity:create_region', check: ADMIN, description: 'Add a region.' },
  { name: 'identity:update_region', check: ADMIN, description: 'Change a region.' },
  { name: 'identity:delete_region', check: ADMIN, description: 'Remove a region.' },
];
