// The tag routes of every resource that has tags. Read by service.ts.
import type { Route } from '#platform/http/api.ts';
import { addressGroups } from '../address-groups/routes.ts';
import { addressScopes } from '../address-scopes/routes.ts';
import { floatingips } from '../floatingips/routes.ts';
import { networks } from '../networks/routes.ts';
import { ports } from '../ports/routes.ts';
import { qosPolicies } from '../qos-policies/routes.ts';
import type { NetworkDeps } from '../rest/deps.ts';
import { routers } from '../routers/routes.ts';
import { securityGroupRules } from '../security-group-rules/routes.ts';
import { securityGroups } from '../security-groups/routes.ts';
import { subnetpools } from '../subnetpools/routes.ts';
import { subnets } from '../subnets/routes.ts';
import { trunks } from '../trunks/routes.ts';
import { tagRoutes } from './routes.ts';

export const allTagRoutes: readonly Route<NetworkDeps>[] = [
  ...tagRoutes(networks),
  ...tagRoutes(subnets),
  ...tagRoutes(subnetpools),
  ...tagRoutes(addressScopes),
  ...tagRoutes(ports),
  ...tagRoutes(routers),
  ...tagRoutes(floatingips),
  ...tagRoutes(securityGroups),
  ...tagRoutes(securityGroupRules),
  ...tagRoutes(addressGroups),
  ...tagRoutes(trunks),
  ...tagRoutes(qosPolicies, '/v2.0/policies'), // where upstream has them
];
