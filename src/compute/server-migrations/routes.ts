// `/os-migrations`, `/servers/{id}/migrations`: moves of servers between hosts as operators see them.
import { Type } from 'typebox';
import type { ComputeRoute } from '#compute/deps.ts';
import { strict } from '#compute/schema-types.ts';
import type { PolicyRule } from '#platform/policy/enforcer.ts';
import { abort, forceComplete } from './change.ts';
import { list, listOfServer, show } from './handlers.ts';

const ADMIN = 'rule:context_is_admin';
const rule = (name: string, description: string): PolicyRule => ({
  name: `os_compute_api:${name}`,
  check: ADMIN,
  description,
  scopes: ['project'],
});

export const migrationPolicies: readonly PolicyRule[] = [
  rule('os-migrations:index', 'List migrations.'),
  rule('servers:migrations:index', "List a server's live migrations."),
  rule('servers:migrations:show', "Show a server's live migration."),
  rule('servers:migrations:delete', "Abort a server's live migration."),
  rule('servers:migrations:force_complete', "Complete a server's live migration by force."),
];

const path = '/v2.1/servers/:id/migrations';

export const migrationRoutes: readonly ComputeRoute[] = [
  { method: 'GET', path: '/v2.1/os-migrations', handler: list, policy: 'os_compute_api:os-migrations:index' },
  { method: 'GET', path, handler: listOfServer, since: '2.23' },
  { method: 'GET', path: `${path}/:migration`, handler: show, since: '2.23' },
  { method: 'DELETE', path: `${path}/:migration`, handler: abort, since: '2.24', success: 202 },
  {
    method: 'POST',
    path: `${path}/:migration/action`,
    handler: forceComplete,
    body: Type.Object({ force_complete: Type.Null() }, strict),
    since: '2.22',
    success: 202,
  },
];
