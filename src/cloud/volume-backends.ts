// The storage backends of a real cloud without Ceph. Called by world.ts.
import { connectStorageDaemon } from '#drivers/storage-daemon/daemon.ts';
import { createFileVolumeDriver } from '#drivers/volume-file/driver.ts';
import type { DataDirectory } from './data-directory.ts';
import type { Ground } from './ground-options.ts';
import { storageDaemonOf, storageDirectory } from './steps/storage-daemon.ts';
import type { WorldVolumeBackend } from './world.ts';

/** Volumes in files of the data directory: a backend for each host, with a daemon and a directory of its own. */
export async function fileBackends(
  { hosts }: Ground,
  data: DataDirectory,
  owned: AsyncDisposable[],
): Promise<readonly WorldVolumeBackend[]> {
  const made: WorldVolumeBackend[] = [];
  for (const [at, { name: host }] of hosts.entries()) {
    const daemon = connectStorageDaemon(storageDaemonOf(data, at + 1));
    owned.push(daemon);
    const driver = await createFileVolumeDriver({ directory: storageDirectory(data, at + 1), daemon });
    owned.push(driver);
    made.push({ host, name: 'file', availabilityZone: 'nova', driver });
  }
  return made;
}
