// `GET /servers/{id}/launch-trace`: how a launch went, hop by hop; with `?action=` how the newest of those went, or the one of
// that request. This cloud's own; upstream has no such resource.
import { listSteps } from '#platform/saga/sql-log.ts';
import type { Call } from '#platform/http/api.ts';
import { DomainError } from '#platform/errors/domain-error.ts';
import { isAdmin } from '#platform/auth/principal.ts';
import type { ComputeDeps, ComputeRoute } from '../../deps.ts';
import { launchTraceView, type LaunchTrace } from './view.ts';

export const launchTraceRoutes: readonly ComputeRoute[] = [
  {
    method: 'GET',
    path: '/v2.1/servers/:id/launch-trace',
    handler: showLaunchTrace,
    policy: 'os_compute_api:os-instance-actions:show',
  },
];

async function showLaunchTrace(call: Call, { db }: ComputeDeps): Promise<{ launch_trace: LaunchTrace }> {
  const id = call.params['id'] ?? '';
  const wanted = call.query.get('action') ?? 'create';
  const instance = await db.kysely
    .selectFrom('instances')
    .selectAll()
    .where('id', '=', id)
    .executeTakeFirst();
  const visible =
    instance !== undefined && (isAdmin(call.principal) || instance.project_id === call.principal.projectId);
  const action = visible
    ? await db.kysely
        .selectFrom('instance_actions')
        .selectAll()
        .where('instance_id', '=', id)
        .where((eb) => eb.or([eb('action', '=', wanted), eb('request_id', '=', wanted)]))
        .orderBy('started_at', 'desc')
        .executeTakeFirst()
    : undefined;
  if (visible && !action && wanted !== 'create')
    throw new DomainError('not-found', 'no-such-action', `Instance ${id} has no such action.`);
  if (!instance || !action)
    throw new DomainError('not-found', 'no-such-instance', `Instance ${id} could not be found.`);
  const steps = await listSteps(db.kysely, [action.id]);
  return { launch_trace: launchTraceView({ instance, action, steps, admin: isAdmin(call.principal) }) };
}
