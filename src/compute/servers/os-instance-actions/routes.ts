// `/servers/{id}/os-instance-actions`: what was done to a server, and the hops of each action as its events. Upstream
// shows tenants no events before 2.51; here they are shown at every version, so that a plain client tells the launch.
import type { Call } from '#platform/http/api.ts';
import { atLeast } from '#platform/microversion/microversion.ts';
import { listSteps } from '#platform/saga/sql-log.ts';
import type { ComputeDeps, ComputeRoute } from '#compute/deps.ts';
import { InvalidInput, NotFound } from '#compute/errors.ts';
import { readLimit, nextLink } from '#compute/paging.ts';
import { refuseUnknownQuery } from '#compute/strict-query.ts';
import type { InstanceRow } from '#compute/tables.ts';
import { readTime } from '../filters.ts';
import { findServer, findServerEver } from '../find-server.ts';
import { findActionByRequest, listActions } from './store.ts';
import { actionView, eventViews } from './view.ts';

const MOST = 1000;

/** From 2.21 on the history of a deleted server can be read. */
async function serverOf(call: Call, deps: ComputeDeps, rule: string): Promise<InstanceRow> {
  return (atLeast(call.microversion, '2.21') ? findServerEver : findServer)(call, deps, rule);
}

async function list(call: Call, deps: ComputeDeps): Promise<unknown> {
  refuseUnknownQuery(call, '2.58', listQuery(call));
  const server = await serverOf(call, deps, 'os_compute_api:os-instance-actions:list');
  const paged = atLeast(call.microversion, '2.58');
  const marker = paged ? call.query.get('marker') : null;
  const after = marker === null ? undefined : await findActionByRequest(deps.db.kysely, server.id, marker);
  if (marker !== null && !after)
    throw new InvalidInput(`marker [${marker.slice(0, 255)}] not found`, 'no-such-marker');
  const since = paged ? readTime(call.query, 'changes-since') : undefined;
  const before = atLeast(call.microversion, '2.66') ? readTime(call.query, 'changes-before') : undefined;
  if (since !== undefined && before !== undefined && since > before)
    throw new InvalidInput('The value of changes-since must be less than or equal to changes-before.');
  const limit = paged ? readLimit(call.query, MOST) : MOST;
  const query = { instanceId: server.id, since, before, limit, marker: after };
  const actions = limit === 0 ? [] : await listActions(deps.db.kysely, query);
  const ids = actions.map((action) => action.request_id);
  const path = `/v2.1/servers/${server.id}/os-instance-actions`;
  return {
    instanceActions: actions.map((action) => actionView(call, action)),
    ...(paged ? nextLink(call, path, 'links', ids, MOST, 'links') : {}),
  };
}

const listQuery = (call: Call): string[] => [
  'limit',
  'marker',
  'changes-since',
  ...(atLeast(call.microversion, '2.66') ? ['changes-before'] : []),
];

async function show(call: Call, deps: ComputeDeps): Promise<unknown> {
  const server = await serverOf(call, deps, 'os_compute_api:os-instance-actions:show');
  const id = call.params['request'] ?? '';
  const action = await findActionByRequest(deps.db.kysely, server.id, id);
  if (!action)
    throw new NotFound(
      `Action for request_id ${id.slice(0, 255)} on instance ${server.id} not found`,
      'no-such-action',
    );
  const target = { project_id: server.project_id, user_id: server.user_id };
  const all = call.allows('os_compute_api:os-instance-actions:events', target);
  const details = call.allows('os_compute_api:os-instance-actions:events:details', target);
  const steps = await listSteps(deps.db.kysely, [action.id]);
  const events = eventViews(call, server, action, steps, { all, details });
  return { instanceAction: { ...actionView(call, action), events } };
}

const path = '/v2.1/servers/:id/os-instance-actions';

export const instanceActionRoutes: readonly ComputeRoute[] = [
  { method: 'GET', path, handler: list },
  { method: 'GET', path: `${path}/:request`, handler: show },
];
