// What a backend holds, asked of its service, beside what the database knows of it. For managing volumes and snapshots in.
import { rpcClient } from '#platform/bus/bus.ts';
import type { Call } from '#platform/http/api.ts';
import type { StoredVolume } from '#drivers/volume/port.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { InvalidInput, ResourceNotFound } from '#volume/errors.ts';
import { volumeQueue, type VolumeServiceRpc } from '#volume/rpc.ts';
import { loadServices } from '../os-services/known-services.ts';
import { reportOf } from '../os-services/states.ts';
import { backendIn, poolHost } from '../volumes/host-name.ts';

/** Backends know what they hold by heart; one that takes longer is in trouble. */
const LIST_MS = 30_000;

/** How an operator names what a backend has: upstream's drivers take `source-name`. */
export type Reference = Readonly<Record<string, unknown>>;

export interface ManagingBackend {
  /** `host@backend` */
  readonly host: string;
  /** `host@backend#pool` */
  readonly place: string;
  readonly availabilityZone: string;
}

/** @throws ResourceNotFound, InvalidInput for a service that is down, disabled or frozen, or has no such pool */
export async function findBackend(deps: VolumeDeps, wanted: string): Promise<ManagingBackend> {
  const host = backendIn(wanted);
  const services = await loadServices(deps);
  const found = services.find(({ row }) => row.host === host && row.binary === 'cinder-volume');
  if (!found) throw new ResourceNotFound('Service cinder-volume on host', wanted);
  const { row: service, up, disabled, frozen } = found;
  if (!up || disabled || frozen)
    throw new InvalidInput(`The volume service on ${host} is down, disabled or frozen.`);
  const pools = (reportOf(service)?.pools ?? []).map(({ name }) => poolHost(host, name));
  const place = pools.find((pool) => pool === wanted || wanted === host);
  if (place === undefined) throw new InvalidInput(`There is no pool ${wanted.slice(0, 255)}.`);
  return { host, place, availabilityZone: service.availability_zone };
}

/**
 * Of a cluster, its first member that takes work.
 * @throws as `findBackend`; InvalidInput unless just one of the two is named
 */
export async function findNamedBackend(
  deps: VolumeDeps,
  { host, cluster }: { readonly host?: string | null; readonly cluster?: string | null },
): Promise<ManagingBackend> {
  if (Boolean(host) === Boolean(cluster))
    throw new InvalidInput('One and only one of cluster and host must be set.');
  if (!cluster) return findBackend(deps, host ?? '');
  const [name, pool] = [backendIn(cluster), cluster.split('#')[1]];
  const members = (await loadServices(deps)).filter(({ row }) => row.cluster_name === name);
  if (members.length === 0) throw new ResourceNotFound('Service cinder-volume in cluster', cluster);
  const able = members.find(({ up, disabled, frozen }) => up && !disabled && !frozen);
  if (!able) throw new InvalidInput(`The volume services of ${name} are down, disabled or frozen.`);
  return findBackend(deps, pool === undefined ? able.row.host : poolHost(able.row.host, pool));
}

export async function listStored(deps: VolumeDeps, host: string): Promise<readonly StoredVolume[]> {
  const backend = rpcClient<VolumeServiceRpc>(deps.bus, volumeQueue(host));
  return backend.call('listStored', {}, { deadlineMs: LIST_MS });
}

/** The id in `volume-<id>`, or by itself. @throws InvalidInput for what names nothing that a backend could have */
export function idIn(reference: Reference, kind: 'volume' | 'snapshot'): string {
  const name = reference['source-name'] ?? reference['source-id'];
  if (typeof name !== 'string') throw new InvalidInput('A reference names a source-name.');
  return name.startsWith(`${kind}-`) ? name.slice(kind.length + 1) : name;
}

export const referenceOf = (id: string, kind: 'volume' | 'snapshot'): Reference => ({
  'source-name': `${kind}-${id}`,
});

const SORTABLE = ['size', 'reference'] as const;

export interface Listed {
  readonly id: string;
  readonly size: number;
}

/** One page of what can be managed in: by `sort`, `limit`, `offset`, and `marker`, a reference as it was listed. */
export function pageOf<T extends Listed>(call: Call, kind: 'volume' | 'snapshot', all: readonly T[]): T[] {
  const { query } = call;
  const number = (name: string, usual: number): number => {
    const text = query.get(name);
    if (text === null) return usual;
    if (!/^\d{1,9}$/.test(text)) throw new InvalidInput(`${name} must be an integer from 0 on.`);
    return Number(text);
  };
  const [key = 'size', direction = 'desc'] = (query.get('sort') ?? query.get('sort_key') ?? 'size').split(
    ':',
  );
  if (!SORTABLE.some((each) => each === key))
    throw new InvalidInput(`There is no sort key ${key.slice(0, 255)} here.`);
  const sign = (query.get('sort_dir') ?? direction) === 'asc' ? 1 : -1;
  const sorted = all.toSorted(
    (a, b) => sign * (key === 'size' ? a.size - b.size || compare(a.id, b.id) : compare(a.id, b.id)),
  );
  const marker = query.get('marker');
  const after = marker === null ? 0 : sorted.findIndex(({ id }) => id === markerId(marker, kind)) + 1;
  if (marker !== null && after === 0) throw new InvalidInput(`There is no marker ${marker.slice(0, 255)}.`);
  const from = after + number('offset', 0);
  return sorted.slice(from, from + number('limit', all.length));
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Clients give the reference as they got it: a name, or JSON. */
function markerId(marker: string, kind: 'volume' | 'snapshot'): string {
  try {
    return idIn(JSON.parse(marker) as Reference, kind);
  } catch {
    return idIn({ 'source-name': marker }, kind);
  }
}
