/** The daemons that serve volumes kept in files: one a storage host. All hosts of the machine reach all their sockets. */
import { join } from 'node:path';
import { storageDaemonCommand, type StorageDaemonCommand } from '#drivers/storage-daemon/command.ts';
import { socketAccepts } from '#platform/supervise/wait.ts';
import type { DataDirectory } from '../data-directory.ts';
import type { GroundStep, PlannedHost } from '../ground-context.ts';

/** The first host's bears no number. */
const numbered = (name: string, index: number): string => (index === 1 ? name : `${name}-${index}`);

/** Volumes in files and the daemon's sockets. `index`: of the host, 1 for the first. */
export const storageDirectory = (data: DataDirectory, index = 1): string =>
  data.make(numbered('storage', index));

/** How a host's daemon of this cloud is started and reached. */
export function storageDaemonOf(data: DataDirectory, index = 1): StorageDaemonCommand {
  const directory = storageDirectory(data, index);
  return storageDaemonCommand({ qmpPath: join(directory, 'qmp'), nbd: { path: join(directory, 'nbd') } });
}

export function storageDaemon({ index }: PlannedHost): GroundStep {
  const name = numbered('storage-daemon', index);
  return {
    name,
    title: index === 1 ? 'Storage daemon' : `Storage daemon ${index}`,
    needs: ['packages', 'leftovers'],
    do: async ({ data, supervisor }, { signal }) => {
      const { argv } = storageDaemonOf(data, index);
      const socket = join(storageDirectory(data, index), 'nbd');
      await supervisor.start(
        // Started again it exports nothing: the backend's driver notices, and restores what guests had.
        { name, argv, logFile: data.log(name), ready: { check: () => socketAccepts(socket) } },
        signal,
      );
    },
    undo: ({ supervisor }) => supervisor.stop(name),
  };
}
