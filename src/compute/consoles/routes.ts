// `/os-console-auth-tokens/{token}`: which server a console token opens.
import type { Call } from '#platform/http/api.ts';
import type { ComputeDeps, ComputeRoute } from '#compute/deps.ts';
import { DomainError } from '#platform/errors/domain-error.ts';
import { atLeast } from '#platform/microversion/microversion.ts';
import { NotFound } from '#compute/errors.ts';
import { findInstance } from '../servers/store.ts';
import { findConsoleToken } from './store.ts';

/**
 * Consoles are reached through this origin alone: there is no host and port of their own to tell. Until 2.30 only tokens
 * of RDP consoles were told, and there are none.
 */
async function showConsoleToken(call: Call, deps: ComputeDeps): Promise<unknown> {
  const found = await findConsoleToken(deps.db.kysely, call.params['token'] ?? '', deps.clock.now());
  const server = found && (await findInstance(deps.db.kysely, found.instance_id));
  if (!server) throw new NotFound('Token not found', 'no-such-console-token');
  if (!atLeast(call.microversion, '2.31'))
    throw new DomainError(
      'unauthorized',
      'console-type',
      'The requested console type details are not accessible',
    );
  return { console: { instance_uuid: server.id, host: server.host, port: null, internal_access_path: null } };
}

export const consoleRoutes: readonly ComputeRoute[] = [
  {
    method: 'GET',
    path: '/v2.1/os-console-auth-tokens/:token',
    handler: showConsoleToken,
    policy: 'os_compute_api:os-console-auth-tokens',
  },
];
