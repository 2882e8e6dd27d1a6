// Where the caller wants the server: availability zone, a host named by an administrator, a server group.
import type { Call } from '#platform/http/api.ts';
import type { ComputeDeps } from '#compute/deps.ts';
import { InvalidInput } from '#compute/errors.ts';
import { findServerGroup } from '#compute/server-groups/store.ts';
import { findNode, listAggregateZones } from '../store.ts';
import type { LaunchRequest } from './launch-request.ts';

export interface Wishes {
  readonly zone: string | null;
  readonly host: string | null;
  /** Its id. */
  readonly serverGroup: string | null;
}

/** @throws InvalidInput, PolicyDenied */
export async function checkWishes(call: Call, deps: ComputeDeps, request: LaunchRequest): Promise<Wishes> {
  const [zone, zoneHost, zoneNode, ...rest] = (request.zone ?? '').split(':');
  if (rest.length > 0)
    throw new InvalidInput('The availability zone must have the form zone, zone:host or zone:host:node.');
  if (zoneHost !== undefined) call.enforce('os_compute_api:servers:create:forced_host');
  const named = request.host !== undefined || request.node !== undefined;
  if (named) call.enforce('compute:servers:create:requested_destination');
  if (named && zoneHost !== undefined)
    throw new InvalidInput('The host is named in the availability zone and beside it: name it once.');
  const [host, serverGroup] = await Promise.all([
    findHost(deps, request.host ?? (zoneHost || undefined), request.node ?? (zoneNode || undefined)),
    findGroup(call, deps, request.hints.group),
    checkZone(deps, zone ?? ''),
  ]);
  return { zone: zone === '' || zone === undefined ? null : zone, host, serverGroup };
}

async function checkZone(deps: ComputeDeps, zone: string): Promise<void> {
  if (zone === '' || zone === deps.config.defaultAvailabilityZone) return;
  const zones = await listAggregateZones(deps.db.kysely);
  if (!zones.includes(zone))
    throw new InvalidInput('The requested availability zone is not available', 'no-such-zone');
}

async function findHost(deps: ComputeDeps, host?: string, node?: string): Promise<string | null> {
  if (host === undefined && node === undefined) return null;
  const found = await findNode(deps.db.kysely, { host, node });
  if (!found) throw new InvalidInput(`Compute host ${host ?? node} could not be found.`, 'no-such-host');
  return found.host;
}

async function findGroup(
  call: Call,
  deps: ComputeDeps,
  id: string | undefined,
): Promise<Wishes['serverGroup']> {
  if (id === undefined) return null;
  const group = await findServerGroup(deps.db.kysely, id);
  if (!group || group.project_id !== call.principal.projectId)
    throw new InvalidInput(`Instance group ${id} could not be found.`, 'no-such-group');
  return id;
}
