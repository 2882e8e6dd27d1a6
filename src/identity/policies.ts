// All policy rules of identity.
import type { PolicyRule } from '#platform/policy/enforcer.ts';
import { applicationCredentialPolicies } from './application-credentials/policy.ts';
import { credentialPolicies } from './credentials/policy.ts';
import { domainConfigPolicies } from './domain-config/policy.ts';
import { domainPolicies } from './domains/policy.ts';
import { ec2Policies } from './ec2/policy.ts';
import { endpointFilterPolicies } from './endpoint-filter/policy.ts';
import { endpointPolicies } from './endpoints/policy.ts';
import { groupPolicies } from './groups/policy.ts';
import { limitPolicies } from './limits/policy.ts';
import { oauthPolicies } from './oauth1/policy.ts';
import { policyPolicies } from './policies/policy.ts';
import { projectPolicies } from './projects/policy.ts';
import { regionPolicies } from './regions/policy.ts';
import { assignmentPolicies } from './role-assignments/policy.ts';
import { rolePolicies } from './roles/policy.ts';
import { servicePolicies } from './services/policy.ts';
import { tokenPolicies } from './tokens/policy.ts';
import { trustPolicies } from './trusts/policy.ts';
import { userPolicies } from './users/policy.ts';

export const identityPolicies: readonly PolicyRule[] = [
  ...tokenPolicies,
  ...applicationCredentialPolicies,
  ...credentialPolicies,
  ...domainPolicies,
  ...ec2Policies,
  ...groupPolicies,
  ...policyPolicies,
  ...projectPolicies,
  ...regionPolicies,
  ...rolePolicies,
  ...assignmentPolicies,
  ...servicePolicies,
  ...endpointPolicies,
  ...trustPolicies,
  ...endpointFilterPolicies,
  ...domainConfigPolicies,
  ...limitPolicies,
  ...oauthPolicies,
  ...userPolicies,
];
