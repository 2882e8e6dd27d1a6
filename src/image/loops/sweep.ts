// Makes images of crashed uploads queued again, and removes data that no image refers to. Run at start and by a loop.
import { isoTime } from '#platform/context/clock.ts';
import type { Clock } from '#platform/context/clock.ts';
import type { Log } from '#platform/log/log.ts';
import type { Database } from '#platform/sql/database.ts';
import { releaseUploads } from '../images/store.ts';
import { listDataNames } from '../locations/store.ts';
import { removeExpiredTasks } from '../tasks/store.ts';
import { DataInUse, type ImageStore } from '../store/port.ts';
import type { NamedStore, Stores } from '../store/stores.ts';
import type { ImageTables } from '../tables.ts';

export interface SweepDeps {
  readonly db: Database<ImageTables>;
  readonly stores: Stores;
  readonly staging: ImageStore;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * @param all true when nobody else can be uploading: a service that starts on a database of its own.
 * Exact, whatever runs at the same time: a row names its data before the data is there, and data is listed before rows.
 */
export async function sweep({ db, stores, staging, clock, log }: SweepDeps, all = false): Promise<void> {
  const released = await releaseUploads(db.kysely, all ? null : isoTime(clock));
  if (released > 0) log.warn({ released }, 'uploads of nobody released');
  const expired = await db.transaction(async (trx) => removeExpiredTasks(trx, isoTime(clock)));
  if (expired > 0) log.info({ expired }, 'old tasks removed');
  for (const store of [...stores.all, { id: 'staging', store: staging }]) {
    await sweepStore(db, store, log).catch((error: unknown) =>
      log.error({ store: store.id, err: error }, 'image store not swept'),
    );
  }
}

async function sweepStore(
  db: SweepDeps['db'],
  { id, store }: Pick<NamedStore, 'id' | 'store'>,
  log: Log,
): Promise<void> {
  const present = await store.list();
  const known = await listDataNames(db.kysely);
  const removed: string[] = [];
  for (const name of present.filter((each) => !known.has(each))) {
    try {
      await store.delete(name);
      removed.push(name);
    } catch (error) {
      if (!(error instanceof DataInUse)) throw error; // its clones go first; the next sweep looks again
    }
  }
  if (removed.length > 0) log.warn({ store: id, removed }, 'image leftovers swept');
}
