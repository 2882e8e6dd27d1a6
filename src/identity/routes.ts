// All routes of identity, in the order of the API reference.
import type { Route } from '#platform/http/api.ts';
import { accessRuleRoutes } from './access-rules/routes.ts';
import { applicationCredentialRoutes } from './application-credentials/routes.ts';
import { authRoutes } from './auth/routes.ts';
import { credentialRoutes } from './credentials/routes.ts';
import type { IdentityDeps } from './deps.ts';
import { discoveryRoutes } from './discovery/routes.ts';
import { domainConfigRoutes } from './domain-config/routes.ts';
import { domainRoutes } from './domains/routes.ts';
import { ec2Routes } from './ec2/routes.ts';
import { endpointFilterRoutes } from './endpoint-filter/routes.ts';
import { endpointRoutes } from './endpoints/routes.ts';
import { groupRoutes } from './groups/routes.ts';
import { limitRoutes } from './limits/routes.ts';
import { oauthRoutes } from './oauth1/routes.ts';
import { policyAssociationRoutes } from './policies/associations.ts';
import { policyRoutes } from './policies/routes.ts';
import { projectRoutes } from './projects/routes.ts';
import { regionRoutes } from './regions/routes.ts';
import { revokeRoutes } from './revoke/routes.ts';
import { assignmentRoutes } from './role-assignments/routes.ts';
import { roleRoutes } from './roles/routes.ts';
import { serviceRoutes } from './services/routes.ts';
import { tokenRoutes } from './tokens/routes.ts';
import { trustRoutes } from './trusts/routes.ts';
import { userRoutes } from './users/routes.ts';

export const identityRoutes: readonly Route<IdentityDeps>[] = [
  ...discoveryRoutes,
  ...tokenRoutes,
  ...authRoutes,
  ...applicationCredentialRoutes,
  ...accessRuleRoutes,
  ...credentialRoutes,
  ...domainRoutes,
  ...ec2Routes,
  ...groupRoutes,
  ...policyRoutes,
  ...policyAssociationRoutes,
  ...projectRoutes,
  ...regionRoutes,
  ...roleRoutes,
  ...assignmentRoutes,
  ...serviceRoutes,
  ...endpointRoutes,
  ...trustRoutes,
  ...endpointFilterRoutes,
  ...domainConfigRoutes,
  ...limitRoutes,
  ...oauthRoutes,
  ...revokeRoutes,
  ...userRoutes,
];
