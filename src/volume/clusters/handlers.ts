// Lists and shows clusters, and switches them on and off.
import { isoTime } from '#platform/context/clock.ts';
import type { Call } from '#platform/http/api.ts';
import { atLeast } from '#platform/microversion/microversion.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { InvalidInput, ResourceNotFound } from '#volume/errors.ts';
import { readBoolean } from '#volume/paging.ts';
import type { VolumeClusterRow } from '#volume/tables.ts';
import { shownTime, shownTimeOrNull } from '#volume/times.ts';
import { fitsName, loadServices } from '../os-services/known-services.ts';
import { listClusters, updateCluster } from './store.ts';

/** With what its members are. */
export interface Cluster {
  readonly row: VolumeClusterRow;
  readonly hosts: number;
  readonly downHosts: number;
  readonly lastHeartbeat: string | undefined;
}

async function loadClusters(deps: VolumeDeps): Promise<Cluster[]> {
  const services = await loadServices(deps);
  return (await listClusters(deps.db.kysely)).map((row) => {
    const members = services.filter((each) => each.row.cluster_name === row.name);
    return {
      row,
      hosts: members.length,
      downHosts: members.filter(({ up }) => !up).length,
      lastHeartbeat: members
        .map((each) => each.row.last_seen_at)
        .toSorted()
        .at(-1),
    };
  });
}

const isClusterUp = ({ hosts, downHosts }: Cluster): boolean => hosts > downHosts;

const knowsReplication = (call: Call): boolean => atLeast(call.microversion, '3.26');

function summary(call: Call, cluster: Cluster): Record<string, unknown> {
  const { row } = cluster;
  return {
    name: row.name,
    binary: row.binary,
    state: isClusterUp(cluster) ? 'up' : 'down',
    status: row.disabled === 1 ? 'disabled' : 'enabled',
    ...(knowsReplication(call) ? { replication_status: NOT_CAPABLE } : {}),
  };
}

/** No backend replicates. */
const NOT_CAPABLE = 'not-capable';

function detail(call: Call, cluster: Cluster): Record<string, unknown> {
  const { row, hosts, downHosts, lastHeartbeat } = cluster;
  return {
    ...summary(call, cluster),
    num_hosts: hosts,
    num_down_hosts: downHosts,
    last_heartbeat: lastHeartbeat === undefined ? '' : shownTime(lastHeartbeat),
    created_at: shownTime(row.created_at),
    updated_at: shownTimeOrNull(row.updated_at) ?? '',
    disabled_reason: row.disabled_reason,
    ...(knowsReplication(call) ? { frozen: row.frozen === 1, active_backend_id: null } : {}),
  };
}

type Filter = (value: string) => (cluster: Cluster) => boolean;

const asBoolean =
  (name: string, read: (cluster: Cluster) => boolean): Filter =>
  (value) => {
    const wanted = readBoolean(name, value);
    return (cluster) => read(cluster) === wanted;
  };
const asText =
  (read: (cluster: Cluster) => string): Filter =>
  (value) =>
  (cluster) =>
    read(cluster) === value;

const FILTERS: Readonly<Record<string, Filter>> = {
  name:
    (value) =>
    ({ row }) =>
      fitsName(row.name, value),
  binary: asText(({ row }) => row.binary),
  is_up: asBoolean('is_up', isClusterUp),
  disabled: asBoolean('disabled', ({ row }) => row.disabled === 1),
  num_hosts: asText(({ hosts }) => String(hosts)),
  num_down_hosts: asText(({ downHosts }) => String(downHosts)),
};
const FILTERS_3_26: Readonly<Record<string, Filter>> = {
  ...FILTERS,
  replication_status: asText(() => NOT_CAPABLE),
  frozen: asBoolean('frozen', ({ row }) => row.frozen === 1),
  active_backend_id: asText(() => ''),
};

const listOf =
  (view: typeof summary) =>
  async (call: Call, deps: VolumeDeps): Promise<unknown> => {
    const known = knowsReplication(call) ? FILTERS_3_26 : FILTERS;
    const filters = [...call.query].map(([name, value]) => {
      const filter = Object.hasOwn(known, name) ? known[name] : undefined;
      if (!filter) throw new InvalidInput(`Invalid filter keys: ${name.slice(0, 255)}.`);
      return filter(value);
    });
    const clusters = (await loadClusters(deps)).filter((each) => filters.every((fits) => fits(each)));
    return { clusters: clusters.map((each) => view(call, each)) };
  };

export const listBrief = listOf(summary);
export const listDetail = listOf(detail);

/** By its name, or by what stands before the backend in it. @throws ResourceNotFound */
export async function getCluster(
  deps: VolumeDeps,
  name: string,
  binary: string = 'cinder-volume',
): Promise<Cluster> {
  const found = (await loadClusters(deps)).find(
    ({ row }) => fitsName(row.name, name) && row.binary === binary,
  );
  if (!found) throw new ResourceNotFound('Cluster', name);
  return found;
}

export async function show(call: Call, deps: VolumeDeps): Promise<unknown> {
  return { cluster: detail(call, await getCluster(deps, call.params['id'] ?? '')) };
}

interface Body {
  readonly name: string;
  readonly binary?: string | null;
  readonly disabled_reason?: string | null;
}

const switchTo =
  (disabled: 0 | 1) =>
  async (call: Call, deps: VolumeDeps): Promise<unknown> => {
    const { name, binary, disabled_reason: reason } = call.body as Body;
    const trimmed = reason?.trim() ?? null;
    if (trimmed === '') throw new InvalidInput('disabled_reason has a minimum character requirement of 1.');
    const cluster = await getCluster(deps, name, binary ?? undefined);
    const changes = { disabled, disabled_reason: trimmed, updated_at: isoTime(deps.clock) };
    await updateCluster(deps.db.kysely, cluster.row.name, changes);
    const row = { ...cluster.row, ...changes };
    return { cluster: { ...summary(call, { ...cluster, row }), disabled_reason: trimmed } };
  };

export const enable = switchTo(0);
export const disable = switchTo(1);
