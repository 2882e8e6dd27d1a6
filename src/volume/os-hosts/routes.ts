// `/os-hosts`: services by host, and how much each project has on a backend. The older view of `/os-services`.
import { Type } from 'typebox';
import { isoTime } from '#platform/context/clock.ts';
import type { Call } from '#platform/http/api.ts';
import type { PolicyRule } from '#platform/policy/enforcer.ts';
import type { VolumeDeps, VolumeRoute } from '#volume/deps.ts';
import { InvalidInput, ResourceNotFound } from '#volume/errors.ts';
import { ADMIN, rule } from '#volume/policies.ts';
import { strict } from '#volume/schema-types.ts';
import { shownTime } from '#volume/times.ts';
import { isUp } from '../os-services/states.ts';
import {
  listServices,
  sumSnapshotsOn,
  sumVolumesOn,
  updateService,
  type Stored,
} from '../os-services/store.ts';

const HOSTS = 'volume_extension:hosts';

export const hostPolicies: readonly PolicyRule[] = [
  rule(HOSTS, ADMIN, 'List and show hosts, and switch them on and off.'),
];

async function list(call: Call, { db, clock, config }: VolumeDeps): Promise<unknown> {
  const zone = call.query.get('zone');
  const rows = await listServices(db.kysely);
  return {
    hosts: rows
      .filter((row) => zone === null || row.availability_zone === zone)
      .map((row) => ({
        host_name: row.host,
        service: row.binary,
        zone: row.availability_zone,
        'service-status': isUp(row, clock.now(), config) ? 'available' : 'unavailable',
        'service-state': row.disabled === 1 ? 'disabled' : 'enabled',
        'last-update': shownTime(row.last_seen_at),
      })),
  };
}

async function show(call: Call, { db }: VolumeDeps): Promise<unknown> {
  const host = call.params['id'] ?? '';
  const services = await listServices(db.kysely);
  if (!services.some((row) => row.host === host && row.binary === 'cinder-volume'))
    throw new ResourceNotFound('Host', host);
  const volumes = await sumVolumesOn(db.kysely, host);
  const snapshots = await sumSnapshotsOn(db.kysely, host);
  const projects = [...new Set([...volumes, ...snapshots].map((row) => row.project_id))];
  const of = (rows: readonly Stored[], project: string): Stored =>
    rows.find((row) => row.project_id === project) ?? NOTHING;
  const resources = projects.map((project) =>
    resource(host, project, of(volumes, project), of(snapshots, project)),
  );
  return { host: [resource(host, '(total)', total(volumes), total(snapshots)), ...resources] };
}

const NOTHING: Stored = { project_id: '', number: 0, gigabytes: 0 };

const total = (rows: readonly Stored[]): Stored => ({
  project_id: '(total)',
  number: rows.reduce((sum, row) => sum + row.number, 0),
  gigabytes: rows.reduce((sum, row) => sum + row.gigabytes, 0),
});

/** Numbers as text: as upstream answers them, and clients read them. */
const resource = (host: string, project: string, volumes: Stored, snapshots: Stored): unknown => ({
  resource: {
    host,
    project,
    volume_count: String(volumes.number),
    total_volume_gb: String(volumes.gigabytes),
    snapshot_count: String(snapshots.number),
    total_snapshot_gb: String(snapshots.gigabytes),
  },
});

interface UpdateBody {
  readonly status: string;
}

/** Switches the volume service of the host on or off. */
async function update(call: Call, deps: VolumeDeps): Promise<unknown> {
  const host = call.params['id'] ?? '';
  const services = (await listServices(deps.db.kysely)).filter((row) => row.host === host);
  if (services.length === 0) throw new ResourceNotFound('Host', host);
  const wanted = (call.body as UpdateBody).status.toLowerCase().trim();
  if (wanted !== 'enable' && wanted !== 'disable')
    throw new InvalidInput(`Invalid status: '${wanted.slice(0, 255)}'.`);
  const changes = {
    disabled: wanted === 'disable' ? 1 : 0,
    disabled_reason: null,
    updated_at: isoTime(deps.clock),
  };
  for (const { id, binary } of services)
    if (binary === 'cinder-volume') await updateService(deps.db.kysely, id, changes);
  return { host, status: `${wanted}d` };
}

const updateBody = Type.Object({ status: Type.String({ minLength: 1, maxLength: 255 }) }, strict);

const path = '/os-hosts';

export const hostRoutes: readonly VolumeRoute[] = [
  { method: 'GET', path, handler: list, policy: HOSTS },
  { method: 'GET', path: `${path}/:id`, handler: show, policy: HOSTS },
  { method: 'PUT', path: `${path}/:id`, handler: update, policy: HOSTS, body: updateBody },
];
