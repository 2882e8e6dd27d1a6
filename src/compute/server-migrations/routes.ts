// `/os-migrations`, `/servers/{id}/migrations`: moves of servers between hosts. This cloud does not move servers, so the
// lists are empty and none can be shown, ended or forced; queries and versions are those of the field all the same.
import { Type } from 'typebox';
import type { ComputeDeps, ComputeRoute } from '#compute/deps.ts';
import { InvalidInput, NotFound } from '#compute/errors.ts';
import { readLimit } from '#compute/paging.ts';
import { strict } from '#compute/schema-types.ts';
import { findServer } from '#compute/servers/find-server.ts';
import { refuseUnknownQuery } from '#compute/strict-query.ts';
import type { Call } from '#platform/http/api.ts';
import { atLeast } from '#platform/microversion/microversion.ts';
import type { PolicyRule } from '#platform/policy/enforcer.ts';

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

const FILTERS = ['hidden', 'host', 'instance_uuid', 'source_compute', 'status', 'migration_type'];

async function list(call: Call, { config }: ComputeDeps): Promise<unknown> {
  refuseUnknownQuery(call, '2.59', [
    ...FILTERS,
    'limit',
    'marker',
    'changes-since',
    ...(atLeast(call.microversion, '2.66') ? ['changes-before'] : []),
    ...(atLeast(call.microversion, '2.80') ? ['user_id', 'project_id'] : []),
  ]);
  if (atLeast(call.microversion, '2.59')) {
    readLimit(call.query, config.maxLimit);
    const marker = call.query.get('marker');
    if (marker !== null)
      throw new InvalidInput(`marker [${marker.slice(0, 255)}] not found`, 'no-such-marker');
  }
  return { migrations: [] };
}

async function listOfServer(call: Call, deps: ComputeDeps): Promise<unknown> {
  await findServer(call, deps, 'os_compute_api:servers:migrations:index');
  return { migrations: [] };
}

async function noSuch(call: Call, deps: ComputeDeps, right: string): Promise<never> {
  const { id } = await findServer(call, deps, `os_compute_api:servers:migrations:${right}`);
  const migration = (call.params['migration'] ?? '').slice(0, 255);
  throw new NotFound(`Live migration ${migration} is not found for server ${id}.`, 'no-such-migration');
}

const show = async (call: Call, deps: ComputeDeps): Promise<unknown> => noSuch(call, deps, 'show');
const abort = async (call: Call, deps: ComputeDeps): Promise<unknown> => noSuch(call, deps, 'delete');

async function forceComplete(call: Call, deps: ComputeDeps): Promise<unknown> {
  const { id } = await findServer(call, deps, 'os_compute_api:servers:migrations:force_complete');
  throw new InvalidInput(`Server ${id} has no live migration to complete.`, 'no-such-migration');
}

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
