// Makes images of crashed uploads queued again, and removes files that no image refers to. Run at start and by a loop.
import { isoTime } from '#platform/context/clock.ts';
import type { Clock } from '#platform/context/clock.ts';
import type { Log } from '#platform/log/log.ts';
import type { Database } from '#platform/sql/database.ts';
import { listStoreNames, releaseUploads } from '../images/store.ts';
import type { ImageStore } from '../store/file-store.ts';
import type { ImageTables } from '../tables.ts';

export interface SweepDeps {
  readonly db: Database<ImageTables>;
  readonly store: ImageStore;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * @param all true when nobody else can be uploading: a service that starts on a database of its own.
 * Exact, whatever runs at the same time: a row names its file before the file is there, and files are listed before rows.
 */
export async function sweep({ db, store, clock, log }: SweepDeps, all = false): Promise<void> {
  const released = await releaseUploads(db.kysely, all ? null : isoTime(clock));
  const present = await store.list();
  const known = await listStoreNames(db.kysely);
  const orphans = present.filter((name) => !known.has(name));
  for (const name of orphans) await store.remove(name);
  if (released + orphans.length > 0) log.warn({ released, removed: orphans }, 'image leftovers swept');
}
