// Routes and policies of what operators keep and tenants read: flavors, limits, usage, hosts. `api-table.ts` takes them in.
import type { PolicyRule } from '#platform/policy/enforcer.ts';
import { aggregatePolicies } from './aggregates/policy.ts';
import { aggregateRoutes } from './aggregates/routes.ts';
import { availabilityZonePolicies } from './availability-zones/policy.ts';
import { availabilityZoneRoutes } from './availability-zones/routes.ts';
import type { ComputeRoute } from './deps.ts';
import { extensionPolicies, extensionRoutes } from './extensions/routes.ts';
import { flavorAccessRoutes } from './flavors/access/routes.ts';
import { flavorExtraSpecRoutes } from './flavors/extra-specs/routes.ts';
import { flavorPolicies } from './flavors/policy.ts';
import { flavorRoutes } from './flavors/routes.ts';
import { hypervisorPolicies } from './hypervisors/policy.ts';
import { hypervisorRoutes } from './hypervisors/routes.ts';
import { limitRoutes } from './limits/routes.ts';
import { hostPolicies } from './os-hosts/policy.ts';
import { hostRoutes } from './os-hosts/routes.ts';
import { usageAuditPolicies, usageAuditRoutes } from './os-instance_usage_audit_log/routes.ts';
import { quotaClassRoutes } from './quota-class-sets/routes.ts';
import { quotaPolicies } from './quota-sets/policy.ts';
import { quotaSetRoutes } from './quota-sets/routes.ts';
import { migrationPolicies, migrationRoutes } from './server-migrations/routes.ts';
import { computeServicePolicies } from './services/policy.ts';
import { computeServiceRoutes } from './services/routes.ts';
import { usagePolicies } from './simple-tenant-usage/policy.ts';
import { usageRoutes } from './simple-tenant-usage/routes.ts';

export const operatorRoutes: readonly ComputeRoute[] = [
  ...flavorRoutes,
  ...flavorExtraSpecRoutes,
  ...flavorAccessRoutes,
  ...quotaSetRoutes,
  ...quotaClassRoutes,
  ...limitRoutes,
  ...usageRoutes,
  ...hypervisorRoutes,
  ...hostRoutes,
  ...computeServiceRoutes,
  ...aggregateRoutes,
  ...availabilityZoneRoutes,
  ...extensionRoutes,
  ...migrationRoutes,
  ...usageAuditRoutes,
];

export const operatorPolicies: readonly PolicyRule[] = [
  ...flavorPolicies,
  ...quotaPolicies,
  ...usagePolicies,
  ...hypervisorPolicies,
  ...hostPolicies,
  ...computeServicePolicies,
  ...aggregatePolicies,
  ...availabilityZonePolicies,
  ...extensionPolicies,
  ...migrationPolicies,
  ...usageAuditPolicies,
];
