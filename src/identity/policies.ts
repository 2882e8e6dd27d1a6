// All policy rules of identity.
import type { PolicyRule } from '#platform/policy/enforcer.ts';
import { tokenPolicies } from './tokens/policy.ts';

export const identityPolicies: readonly PolicyRule[] = [...tokenPolicies];
