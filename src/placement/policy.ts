// Who may use placement: administrators and services; projects may see their own usage.
import type { PolicyRule } from '#platform/policy/enforcer.ts';

const OPERATORS = 'role:admin or role:service';
const rule = (name: string, description: string, check = OPERATORS): PolicyRule => ({
  name: `placement:${name}`,
  check,
  description,
  scopes: ['project'],
});

export const placementPolicies: readonly PolicyRule[] = [
  rule('resource_providers:list', 'List resource providers.'),
  rule('resource_providers:create', 'Create a resource provider.'),
  rule('resource_providers:show', 'Show a resource provider.'),
  rule('resource_providers:update', 'Change a resource provider.'),
  rule('resource_providers:delete', 'Delete a resource provider.'),
  rule('resource_providers:inventories:list', "List a provider's inventories."),
  rule('resource_providers:inventories:create', 'Add an inventory to a provider.'),
  rule('resource_providers:inventories:show', "Show a provider's inventory."),
  rule('resource_providers:inventories:update', "Change a provider's inventories."),
  rule('resource_providers:inventories:delete', "Delete a provider's inventories."),
  rule('resource_providers:aggregates:list', "List a provider's aggregates."),
  rule('resource_providers:aggregates:update', "Change a provider's aggregates."),
  rule('resource_providers:usages', "Show a provider's usage."),
  rule('resource_providers:traits:list', "List a provider's traits."),
  rule('resource_providers:traits:update', "Change a provider's traits."),
  rule('resource_providers:traits:delete', "Remove a provider's traits."),
  rule('resource_providers:allocations:list', 'List the allocations from a provider.'),
  rule('resource_classes:list', 'List resource classes.'),
  rule('resource_classes:create', 'Create a resource class.'),
  rule('resource_classes:show', 'Show a resource class.'),
  rule('resource_classes:update', 'Change or create a resource class.'),
  rule('resource_classes:delete', 'Delete a resource class.'),
  rule('traits:list', 'List traits.'),
  rule('traits:show', 'Show a trait.'),
  rule('traits:update', 'Create a trait.'),
  rule('traits:delete', 'Delete a trait.'),
  rule('allocations:list', "List a consumer's allocations."),
  rule('allocations:manage', 'Change the allocations of several consumers at once.'),
  rule('allocations:update', "Change a consumer's allocations."),
  rule('allocations:delete', "Delete a consumer's allocations."),
  rule('allocation_candidates:list', 'List allocation candidates.'),
  rule('reshaper:reshape', 'Move inventories and allocations between providers at once.'),
  rule('usages', "Show a project's usage.", `${OPERATORS} or (role:reader and project_id:%(project_id)s)`),
];
