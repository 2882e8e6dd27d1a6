// Where a cloud keeps volumes, image data and root disks: chosen when it is made, and the same for its life. Called by up.ts,
// world.ts and assemble.ts.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { ExistingClusterFiles } from '#drivers/rbd/existing-cluster.ts';
import { createRbdRootDisks } from '#compute/host/root-disk/rbd.ts';
import { openRbdPool } from '#drivers/rbd/real.ts';
import { POOLS, type CephCluster } from '#drivers/rbd/access.ts';
import { createRbdVolumeDriver } from '#drivers/volume-rbd/driver.ts';
import type { ComputeConfig } from '#compute/config.ts';
import type { ImageConfig } from '#image/config.ts';
import type { ImageServiceOptions } from '#image/service.ts';
import { rbdStoreFactory } from '#image/store/rbd-store.ts';
import { DEFAULT_STORES } from '#image/store/stores.ts';
import type { BackupObjects } from '#volume/backups/objects/port.ts';
import { createRbdObjects } from '#volume/backups/objects/rbd-objects.ts';
import type { DataDirectory } from './data-directory.ts';
import { MachineUnfit } from './errors.ts';
import type { Ground } from './ground-options.ts';
import { need } from './ground-context.ts';
import type { WorldHost, WorldVolumeBackend } from './world.ts';

export type Storage = 'file' | 'ceph';

const FILE = 'storage.json';
const CLUSTER_FILE = 'access.json';

/** What was chosen: files of a cluster only where it is not the cloud's own. */
export interface StorageChoice {
  readonly storage: Storage;
  readonly ceph?: ExistingClusterFiles | undefined;
}

/** What was chosen at the first start, or is now. @throws MachineUnfit when it is to be another one than it is */
export function settleStorage(
  data: DataDirectory,
  wanted: { readonly storage?: Storage | undefined; readonly ceph?: ExistingClusterFiles | undefined },
): StorageChoice {
  const kept = keptStorage(data);
  const own = kept?.storage === 'ceph' && kept.ceph === undefined;
  if (kept && ((wanted.storage ?? kept.storage) !== kept.storage || (own && wanted.ceph !== undefined))) {
    const where = own ? 'in a Ceph cluster of its own' : `with --storage ${kept.storage}`;
    const why = `the cloud in ${data.path} keeps its volumes, images and disks ${where}`;
    throw new MachineUnfit(why, 'Start it as before, or choose another directory with --data');
  }
  const choice = { storage: kept?.storage ?? wanted.storage ?? 'file', ceph: wanted.ceph ?? kept?.ceph };
  data.writeJson(FILE, choice);
  return choice;
}

function keptStorage(data: DataDirectory): StorageChoice | undefined {
  const kept = data.readJson(FILE);
  if (typeof kept === 'object' && kept !== null && 'storage' in kept) return kept as StorageChoice;
  // A cloud of before there was a choice.
  return existsSync(join(data.path, 'services')) ? { storage: 'file' } : undefined;
}

/** New image data goes to Ceph; what is in files already stays readable. */
export function imageStorage(
  storage: Storage,
  ground: Promise<Ground> | undefined,
): { readonly config: Partial<ImageConfig>; readonly options: ImageServiceOptions } {
  if (storage === 'file' || !ground) return { config: {}, options: {} };
  const files = DEFAULT_STORES.map((store) => ({ ...store, default: false }));
  const ceph = { id: 'ceph', kind: 'rbd', description: 'Ceph, pool images', default: true };
  return {
    config: { stores: [ceph, ...files] },
    options: { storeFactories: { rbd: rbdStoreFactory(async () => cephOf(await ground)) } },
  };
}

export function cephOf({ ceph }: Ground): CephCluster {
  return need(ceph, 'ceph');
}

/** Backups go where images are. */
export function backupStorage(
  storage: Storage,
  ground: Promise<Ground> | undefined,
): { readonly backupObjects?: BackupObjects } {
  if (storage === 'file' || !ground) return {};
  return { backupObjects: createRbdObjects(async () => cephOf(await ground)) };
}

/** A snapshot of a root disk in Ceph is raw, so that servers and volumes can be cloned from it. */
export function computeStorage(storage: Storage): Partial<ComputeConfig> {
  return storage === 'ceph' ? { snapshotFormat: 'raw' } : {};
}

/** Root disks in the cluster, which all hosts share. */
export async function cephDisks(cluster: CephCluster): Promise<Pick<WorldHost, 'rootDisks' | 'diskGb'>> {
  const { totalBytes } = await openRbdPool(cluster, 'nova', POOLS.disks).usage();
  return { rootDisks: createRbdRootDisks(cluster), diskGb: Math.floor(totalBytes / 2 ** 30) };
}

/** Volumes in the cluster. It is no host's own: the first one's name stands for it. */
export function cephBackend(ground: Ground, owned: AsyncDisposable[]): WorldVolumeBackend {
  const driver = createRbdVolumeDriver({ cluster: cephOf(ground) });
  owned.push(driver);
  return { host: ground.hosts[0]?.name ?? 'ceph', name: 'ceph', availabilityZone: 'nova', driver };
}

/** Whether what is not in the host's files has to be looked for in a cluster. */
export const usesCeph = (data: DataDirectory): boolean => keptStorage(data)?.storage === 'ceph';

/** The cluster of a cloud that runs, for who looks at it from outside. Undefined where it uses none. */
export function findCeph(data: DataDirectory): CephCluster | undefined {
  const kept = data.readJson(join('ceph', CLUSTER_FILE));
  return usesCeph(data) ? (kept as CephCluster | undefined) : undefined;
}

/** Written at each start, when the cluster is known. Holds no key. */
export function recordCeph(data: DataDirectory, cluster: CephCluster): void {
  data.writeJson(join('ceph', CLUSTER_FILE), cluster);
}
