// Carries changes from SQL to OVN: records the work in the change's own transaction, asks for it after the commit, and
// forgets it once OVN has it. What is left in the table is what the repair loop does first.
import { sql } from 'kysely';
import type { Transaction } from 'kysely';
import { isoTime, type Clock } from '#platform/context/clock.ts';
import { causeChain } from '#platform/errors/domain-error.ts';
import type { Log } from '#platform/log/log.ts';
import type { Database } from '#platform/sql/database.ts';
import {
  NO_CHANGE,
  type Northbound,
  type NorthboundChange,
  type ResourceKind,
  type ResourceRef,
} from '../northbound.ts';
import type { NetworkTables } from '../tables.ts';
import { inList } from './select.ts';

const REMEMBERED = 2000; // changes kept for launch records that ask soon after; more only costs memory
const FORGET_AFTER_MS = 200; // shorter: a commit more for each change; longer: more to repeat after a crash

/** One transaction of a handler: its SQL, its time, and what OVN must hear of it. */
export interface Unit {
  readonly trx: Transaction<NetworkTables>;
  readonly now: string;
  touch(kind: ResourceKind, id: string): void;
}

export interface Committed<T> {
  readonly result: T;
  /** What OVN was told; `pending` when it did not confirm in time. */
  readonly change: NorthboundChange;
  readonly pending: boolean;
}

export interface NorthboundWorkOptions {
  readonly db: Database<NetworkTables>;
  readonly northbound: Northbound;
  readonly clock: Clock;
  readonly log: Log;
  readonly deadlineMs: number;
  /** Told of every commit, after OVN was; a nudge for those who keep copies. */
  readonly announce?: (refs: readonly ResourceRef[]) => void;
}

export class NorthboundWork implements AsyncDisposable {
  readonly #options: NorthboundWorkOptions;
  readonly #running = new Set<Promise<unknown>>();
  readonly #lastChange = new Map<string, NorthboundChange>();
  #writing: Promise<unknown> = Promise.resolve();
  #done: string[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(options: NorthboundWorkOptions) {
    this.#options = options;
  }

  /** Runs `change` in a transaction and then tells OVN, waiting no longer than the deadline. */
  async commit<T>(change: (unit: Unit) => Promise<T>): Promise<Committed<T>> {
    const { clock } = this.#options;
    const mark = crypto.randomUUID();
    let touched = new Map<string, ResourceRef>();
    const result = await this.#inTurn(async (trx) => {
      touched = new Map(); // a retried transaction starts anew
      const now = isoTime(clock);
      const value = await change({
        trx,
        now,
        touch: (kind, id) => void touched.set(`${kind} ${id}`, { kind, id }),
      });
      if (touched.size > 0) await record(trx, [...touched.values()], mark, now);
      return value;
    });
    if (touched.size === 0) return { result, change: NO_CHANGE, pending: false };
    const synced = await this.#sync([...touched.values()], mark);
    this.#options.announce?.([...touched.values()]);
    return { result, ...synced };
  }

  /**
   * One write at a time in this process: changes of one network conflict on its addresses, and serializable transactions
   * that conflict are only repeated. Other processes' conflicts are settled by the database's retries.
   */
  async #inTurn<T>(fn: (trx: Transaction<NetworkTables>) => Promise<T>): Promise<T> {
    const turn = this.#writing.then(() => this.#options.db.transaction(fn));
    this.#writing = turn.catch(() => undefined);
    return turn;
  }

  async #sync(
    refs: readonly ResourceRef[],
    mark: string,
  ): Promise<{ change: NorthboundChange; pending: boolean }> {
    const { northbound, deadlineMs, log } = this.#options;
    const work = northbound.sync(refs).then(
      (change) => {
        this.#forget(mark);
        this.#remember(refs, change);
        return { change, pending: false };
      },
      (error: unknown) => {
        log.warn({ refs, causes: causeChain(error) }, 'OVN was not brought in line, will be repaired');
        return { change: NO_CHANGE, pending: true };
      },
    );
    this.#running.add(work);
    void work.finally(() => this.#running.delete(work));
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<{ change: NorthboundChange; pending: boolean }>((resolve) => {
      timer = setTimeout(() => resolve({ change: NO_CHANGE, pending: true }), deadlineMs);
    });
    return Promise.race([work, late]).finally(() => clearTimeout(timer));
  }

  /** What the newest change of a resource wrote, when it was not long ago. */
  lastChange(kind: ResourceKind, id: string): NorthboundChange | undefined {
    return this.#lastChange.get(`${kind} ${id}`);
  }

  #remember(refs: readonly ResourceRef[], change: NorthboundChange): void {
    for (const { kind, id } of refs) {
      const key = `${kind} ${id}`;
      this.#lastChange.delete(key);
      this.#lastChange.set(key, change);
    }
    for (const key of this.#lastChange.keys()) {
      if (this.#lastChange.size <= REMEMBERED) break;
      this.#lastChange.delete(key);
    }
  }

  #forget(mark: string): void {
    this.#done.push(mark);
    this.#timer ??= setTimeout(() => void this.flush(), FORGET_AFTER_MS);
  }

  /** Removes work that OVN has confirmed. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const marks = this.#done;
    this.#done = [];
    if (marks.length === 0) return;
    const { db, log } = this.#options;
    try {
      await sql`delete from northbound_work where ${inList(db.engine, 'mark', marks)}`.execute(db.kysely);
    } catch (error) {
      log.warn(
        { causes: causeChain(error) },
        'finished northbound work could not be removed, will be done again',
      );
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled(this.#running);
    await this.flush();
  }
}

async function record(
  trx: Transaction<NetworkTables>,
  refs: readonly ResourceRef[],
  mark: string,
  now: string,
): Promise<void> {
  await trx
    .insertInto('northbound_work')
    .values(refs.map((ref) => ({ ...ref, mark, marked_at: now })))
    .onConflict((conflict) => conflict.columns(['kind', 'id']).doUpdateSet({ mark, marked_at: now }))
    .execute();
}
