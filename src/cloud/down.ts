/** Ends a running cloud by its data directory and removes what it left, also when it was killed before. */
import { setTimeout as delay } from 'node:timers/promises';
import { isRunning, killAll } from '#platform/supervise/process-table.ts';
import { waitUntil } from '#platform/supervise/wait.ts';
import { findDataDirectory, openDataDirectory } from './data-directory.ts';
import type { OpenDataDirectory } from './data-directory.ts';
import { DataDirectoryInUse } from './errors.ts';
import { removeLeftovers } from './leftovers.ts';
import type { Leftovers } from './leftovers.ts';

export type DownResult = {
  /** What became of the process that ran the cloud. */
  owner: 'none' | 'ended' | 'killed';
  leftovers: Leftovers;
};

/** Guests and services get this long to end in order before the cloud's process is killed. */
const GRACE_MS = 60_000;

/** A process counts as ended before the last of its threads has let go of its files, and so of the lock. */
const LOCK_MS = 5000;

/** Undefined where there is no such data directory. Throws DataDirectoryInUse when another process starts it anew. */
export async function down(dataPath: string, graceMs = GRACE_MS): Promise<DownResult | undefined> {
  const existing = findDataDirectory(dataPath);
  if (!existing) return undefined;
  const running = existing.findOwner();
  let owner: DownResult['owner'] = 'none';
  if (running && running.pid !== process.pid) {
    process.kill(running.pid, 'SIGTERM');
    owner = await waitUntil(() => !isRunning(running), {
      what: 'end of the cloud',
      deadlineMs: graceMs,
    }).then(
      () => 'ended' as const,
      async () => {
        await killAll([running]);
        return 'killed' as const;
      },
    );
  }
  const data = await openOnceFree(dataPath, owner === 'none' ? 0 : LOCK_MS);
  try {
    return { owner, leftovers: await removeLeftovers(data) };
  } finally {
    data.close();
  }
}

async function openOnceFree(dataPath: string, deadlineMs: number): Promise<OpenDataDirectory> {
  const until = performance.now() + deadlineMs;
  for (;;) {
    try {
      return openDataDirectory(dataPath);
    } catch (error) {
      if (!(error instanceof DataDirectoryInUse) || performance.now() > until) throw error;
      await delay(20);
    }
  }
}
