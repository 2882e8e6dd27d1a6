// All routes of identity, in the order of the API reference.
import type { Route } from '#platform/http/api.ts';
import type { IdentityDeps } from './deps.ts';
import { discoveryRoutes } from './discovery/routes.ts';
import { tokenRoutes } from './tokens/routes.ts';

export const identityRoutes: readonly Route<IdentityDeps>[] = [...discoveryRoutes, ...tokenRoutes];
