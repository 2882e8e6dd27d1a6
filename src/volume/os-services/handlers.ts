// Lists the services, switches them on and off, and freezes and thaws backends.
import { isoTime } from '#platform/context/clock.ts';
import { Reply, type Call } from '#platform/http/api.ts';
import { atLeast } from '#platform/microversion/microversion.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { InvalidInput, ResourceNotFound } from '#volume/errors.ts';
import type { VolumeServiceRow } from '#volume/tables.ts';
import { shownTime } from '#volume/times.ts';
import { updateCluster } from '../clusters/store.ts';
import { fitsName, loadServices, type KnownService } from './known-services.ts';
import { isUp } from './states.ts';
import { listServices, updateService } from './store.ts';

export async function list(call: Call, deps: VolumeDeps): Promise<unknown> {
  const host = call.query.get('host');
  const binary = call.query.get('binary') ?? call.query.get('service');
  const rows = (await listServices(deps.db.kysely)).filter(
    (row) => (host === null || fitsName(row.host, host)) && (binary === null || row.binary === binary),
  );
  return { services: rows.map((row) => view(call, row, deps)) };
}

function view(call: Call, row: VolumeServiceRow, { clock, config }: VolumeDeps): Record<string, unknown> {
  const up = isUp(row, clock.now(), config);
  const ofBackend = row.binary === 'cinder-volume';
  return {
    binary: row.binary,
    host: row.host,
    zone: row.availability_zone,
    status: row.disabled === 1 ? 'disabled' : 'enabled',
    state: up ? 'up' : 'down',
    updated_at: shownTime(row.last_seen_at),
    disabled_reason: row.disabled_reason,
    ...(ofBackend
      ? { replication_status: 'disabled', active_backend_id: null, frozen: row.frozen === 1 }
      : {}),
    ...(atLeast(call.microversion, '3.7') ? { cluster: row.cluster_name } : {}),
    ...(ofBackend && atLeast(call.microversion, '3.49') ? { backend_state: up ? 'up' : 'down' } : {}),
  };
}

interface Named {
  readonly host: string;
  readonly binary?: string;
  readonly service?: string;
  readonly disabled_reason?: string;
}

/** @throws ResourceNotFound */
async function getService(call: Call, { db }: VolumeDeps): Promise<VolumeServiceRow> {
  const { host, binary, service } = call.body as Named;
  const wanted = binary ?? service;
  if (wanted === undefined) throw new InvalidInput('Missing required element binary in request body.');
  const row = (await listServices(db.kysely)).find((each) => each.host === host && each.binary === wanted);
  if (!row) throw new ResourceNotFound('Service', `${wanted} on host ${host}`);
  return row;
}

const switched = (row: VolumeServiceRow, disabled: boolean): Record<string, unknown> => ({
  host: row.host,
  service: row.binary,
  binary: row.binary,
  disabled,
  status: disabled ? 'disabled' : 'enabled',
});

export async function enable(call: Call, deps: VolumeDeps): Promise<unknown> {
  const row = await getService(call, deps);
  const changes = { disabled: 0, disabled_reason: null, updated_at: isoTime(deps.clock) };
  await updateService(deps.db.kysely, row.id, changes);
  return { ...switched(row, false), disabled_reason: null };
}

export async function disable(call: Call, deps: VolumeDeps): Promise<unknown> {
  const row = await getService(call, deps);
  await updateService(deps.db.kysely, row.id, {
    disabled: 1,
    disabled_reason: null,
    updated_at: isoTime(deps.clock),
  });
  return switched(row, true);
}

export async function disableLogReason(call: Call, deps: VolumeDeps): Promise<unknown> {
  const reason = (call.body as Named).disabled_reason?.trim();
  if (!reason)
    throw new InvalidInput('Disabled reason contains invalid characters or is too long or absent.');
  const row = await getService(call, deps);
  await updateService(deps.db.kysely, row.id, {
    disabled: 1,
    disabled_reason: reason,
    updated_at: isoTime(deps.clock),
  });
  return { ...switched(row, true), disabled_reason: reason };
}

/**
 * A host that is in a cluster is frozen with it. The cluster can be named itself from 3.26 on.
 * @throws InvalidInput: upstream answers 400 for a host without a volume service too
 */
async function namedBackends(
  call: Call,
  deps: VolumeDeps,
  { clusters }: { readonly clusters: boolean },
): Promise<KnownService[]> {
  const { host, cluster } = call.body as { readonly host?: string | null; readonly cluster?: string | null };
  const wantsCluster = clusters && Boolean(cluster);
  if (wantsCluster === Boolean(host))
    throw new InvalidInput(
      clusters ? 'One and only one of cluster and host must be set.' : 'Host field is missing.',
    );
  const services = (await loadServices(deps)).filter(({ row }) => row.binary === 'cinder-volume');
  const named = services.find(({ row }) => (wantsCluster ? row.cluster_name === cluster : row.host === host));
  if (!named)
    throw new InvalidInput(`${host ?? cluster} has no volume service.`.slice(0, 300), 'no-such-backend');
  return services.filter((each) =>
    named.row.cluster_name === null ? each === named : each.row.cluster_name === named.row.cluster_name,
  );
}

async function setFrozen(call: Call, deps: VolumeDeps, frozen: 0 | 1): Promise<Reply> {
  const clusters = atLeast(call.microversion, '3.26');
  const services = await namedBackends(call, deps, { clusters });
  const [first] = services;
  if ((first?.cluster ?? first?.row)?.frozen === frozen)
    throw new InvalidInput(
      `No service could be changed: ${first?.row.host} is ${frozen === 1 ? '' : 'not '}frozen.`,
    );
  const changes = { frozen, updated_at: isoTime(deps.clock) };
  await deps.db.transaction(async (trx) => {
    for (const { row } of services) await updateService(trx, row.id, changes);
    if (first?.cluster) await updateCluster(trx, first.cluster.name, changes);
  });
  return new Reply(200);
}

export const freeze = async (call: Call, deps: VolumeDeps): Promise<Reply> => setFrozen(call, deps, 1);
export const thaw = async (call: Call, deps: VolumeDeps): Promise<Reply> => setFrozen(call, deps, 0);

const failoverOf =
  ({ clusters }: { readonly clusters: boolean }) =>
  async (call: Call, deps: VolumeDeps): Promise<never> => {
    const [{ row } = { row: { host: '' } }] = await namedBackends(call, deps, { clusters });
    throw new InvalidInput(
      `No service could be changed: the replication of ${row.host} must be enabled to fail over, and no backend of this cloud replicates.`,
      'replication-not-offered',
    );
  };

export const failoverHost = failoverOf({ clusters: false });
export const failover = failoverOf({ clusters: true });
