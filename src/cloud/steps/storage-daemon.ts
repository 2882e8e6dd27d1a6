/** The daemon that serves volumes kept in files: one for the machine, whose hosts all reach its socket. */
import { join } from 'node:path';
import { storageDaemonCommand, type StorageDaemonCommand } from '#drivers/storage-daemon/command.ts';
import { socketAccepts } from '#platform/supervise/wait.ts';
import type { DataDirectory } from '../data-directory.ts';
import type { GroundStep } from '../ground-context.ts';

const NAME = 'storage-daemon';

/** Volumes in files and the daemon's sockets. */
export const storageDirectory = (data: DataDirectory): string => data.make('storage');

/** How the daemon of this cloud is started and reached. */
export function storageDaemonOf(data: DataDirectory): StorageDaemonCommand {
  const directory = storageDirectory(data);
  return storageDaemonCommand({ qmpPath: join(directory, 'qmp'), nbd: { path: join(directory, 'nbd') } });
}

export const storageDaemon: GroundStep = {
  name: NAME,
  title: 'Storage daemon',
  needs: ['packages', 'leftovers'],
  do: async ({ data, supervisor }, { signal }) => {
    const { argv } = storageDaemonOf(data);
    const socket = join(storageDirectory(data), 'nbd');
    await supervisor.start(
      // Started again it exports nothing: the backend's driver notices, and restores what guests had.
      { name: NAME, argv, logFile: data.log(NAME), ready: { check: () => socketAccepts(socket) } },
      signal,
    );
  },
  undo: ({ supervisor }) => supervisor.stop(NAME),
};
