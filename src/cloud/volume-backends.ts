// The storage backends of a real cloud. Called by world.ts.
import { connectStorageDaemon } from '#drivers/storage-daemon/daemon.ts';
import { createFileVolumeDriver } from '#drivers/volume-file/driver.ts';
import type { DataDirectory } from './data-directory.ts';
import type { Ground } from './ground-options.ts';
import { storageDaemonOf, storageDirectory } from './steps/storage-daemon.ts';
import type { WorldVolumeBackend } from './world.ts';

/** Volumes in files of the data directory. Its host is the first: hosts of one machine share its file systems. */
export async function fileBackend(
  ground: Ground,
  data: DataDirectory,
  owned: AsyncDisposable[],
): Promise<WorldVolumeBackend> {
  const daemon = connectStorageDaemon(storageDaemonOf(data));
  owned.push(daemon);
  const driver = await createFileVolumeDriver({ directory: storageDirectory(data), daemon });
  owned.push(driver);
  const [first] = ground.hosts;
  return { host: first?.name ?? 'storage', name: 'file', availabilityZone: 'nova', driver };
}
