// The services with what clusters say of them: whether they are up, and take work. For those who look for some of them.
import type { VolumeDeps } from '#volume/deps.ts';
import type { VolumeClusterRow, VolumeServiceRow } from '#volume/tables.ts';
import { listClusters } from '../clusters/store.ts';
import { isUp } from './states.ts';
import { listServices } from './store.ts';

export interface KnownService {
  /** A number, in the order in which they first came: stable, as none is ever forgotten. */
  readonly id: number;
  readonly row: VolumeServiceRow;
  readonly cluster: VolumeClusterRow | undefined;
  readonly up: boolean;
  /** Of a member, its cluster's switch. */
  readonly disabled: boolean;
  readonly frozen: boolean;
}

export async function loadServices({
  db,
  clock,
  config,
}: Pick<VolumeDeps, 'db' | 'clock' | 'config'>): Promise<KnownService[]> {
  const rows = await listServices(db.kysely);
  const clusters = new Map((await listClusters(db.kysely)).map((each) => [each.name, each]));
  const order = rows
    .toSorted((a, b) =>
      a.created_at === b.created_at ? (a.id < b.id ? -1 : 1) : a.created_at < b.created_at ? -1 : 1,
    )
    .map(({ id }) => id);
  return rows.map((row) => {
    const cluster = row.cluster_name === null ? undefined : clusters.get(row.cluster_name);
    return {
      id: order.indexOf(row.id) + 1,
      row,
      cluster,
      up: isUp(row, clock.now(), config),
      disabled: (cluster ?? row).disabled === 1,
      frozen: (cluster ?? row).frozen === 1,
    };
  });
}

/** `host` names `host@backend` too. */
export const fitsName = (name: string | null, wanted: string): boolean =>
  name !== null && (name === wanted || name.startsWith(`${wanted}@`));
