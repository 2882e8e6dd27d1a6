// Keeps OVN's northbound rows equal to SQL whatever happened: recorded work that was not done, rows that somebody changed
// by hand, and, on start, after each reconnect and every few minutes, everything.
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '#platform/context/clock.ts';
import type { Log } from '#platform/log/log.ts';
import { startLoop, type Loop } from '#platform/loop/loop.ts';
import type { OvsdbClient } from '#platform/ovsdb/client.ts';
import type { Database } from '#platform/sql/database.ts';
import type { ActualRows } from '../ovn/actual.ts';
import { Counts } from '../ovn/counts.ts';
import { DROP_UNIT, unitKey, type Unit } from '../ovn/desired.ts';
import { portsOfGroupChange, unitsOfChange } from '../ovn/drift.ts';
import type { Nb } from '../ovn/model.ts';
import { UnitSet } from '../ovn/resolve.ts';
import { allUnits, listWork, removeWork } from '../ovn/store.ts';
import type { Syncer } from '../ovn/syncer.ts';
import type { NetworkTables } from '../tables.ts';

const TICK_MS = 1000; // recorded work and drift are looked at this often at the latest
const CHUNK = 200; // units compared at once: few enough that requests are not kept waiting
const WORK_LIMIT = 500; // a run takes so much recorded work; the next takes the rest
const SETTLE_MS = 2000; // work younger than this is still under way in the handler that recorded it

export interface SyncLoopOptions {
  readonly db: Database<NetworkTables>;
  readonly nb: OvsdbClient<Nb>;
  readonly actual: ActualRows;
  readonly syncer: Syncer;
  readonly clock: Clock;
  readonly log: Log;
  readonly fullIntervalMs: number;
}

export interface SyncLoop extends Loop {
  /** Compares everything in the next run. */
  compareAll(): void;
  /** Compares these in the next run. */
  suspect(units: readonly Unit[]): void;
}

export function startSyncLoop(options: SyncLoopOptions): SyncLoop {
  const repair = new Repair(options);
  const loop = startLoop({
    name: 'sync-northbound',
    intervalMs: TICK_MS,
    run: (signal) => repair.run(signal),
    log: options.log,
  });
  repair.nudge = () => loop.nudge();
  return {
    nudge: () => loop.nudge(),
    settled: () => loop.settled(),
    compareAll: () => repair.compareAll(),
    suspect: (units) => repair.suspect(units),
    [Symbol.asyncDispose]: async () => {
      repair.stop();
      await loop[Symbol.asyncDispose]();
    },
  };
}

class Repair {
  readonly #options: SyncLoopOptions;
  readonly #stopWatching: () => void;
  #suspects = new UnitSet();
  #all = true;
  #lastAll = 0;
  /** Of the copy that everything was compared with last. */
  #generation = 0;
  nudge: () => void = () => undefined;

  constructor(options: SyncLoopOptions) {
    this.#options = options;
    const { nb, syncer } = options;
    this.#stopWatching = nb.onChange((change) => {
      const units = [...unitsOfChange(nb, change), ...portsOfGroupChange(nb, change)];
      const foreign = units.filter((unit) => !syncer.isWriting(unit));
      if (foreign.length > 0) this.suspect(foreign);
    });
  }

  stop(): void {
    this.#stopWatching();
  }

  compareAll(): void {
    this.#all = true;
    this.nudge();
  }

  suspect(units: readonly Unit[]): void {
    this.#suspects.addAll(units);
    this.nudge();
  }

  async run(signal: AbortSignal): Promise<void> {
    const { nb, clock, fullIntervalMs } = this.#options;
    if (!nb.connected) return;
    // Another server, or this one's past, may have come back with the connection.
    if (nb.generation !== this.#generation || clock.now() - this.#lastAll >= fullIntervalMs) this.#all = true;
    this.#generation = nb.generation;
    await this.#doWork(signal);
    await this.#repairSuspects(signal);
    if (this.#all) await this.#repairAll(signal);
  }

  async #doWork(signal: AbortSignal): Promise<void> {
    const { db, clock, syncer, log } = this.#options;
    const before = new Date(clock.now() - SETTLE_MS).toISOString();
    const work = await listWork(db, before, WORK_LIMIT);
    if (work.length === 0) return;
    await syncer.sync(
      work.map(({ kind, id }) => ({ kind, id })),
      signal,
    );
    await removeWork(
      db.kysely,
      db.engine,
      work.map((row) => row.mark),
    );
    log.info({ resources: work.length }, 'recorded northbound work was done');
  }

  async #repairSuspects(signal: AbortSignal): Promise<void> {
    const units = this.#suspects.list();
    this.#suspects = new UnitSet();
    try {
      await this.#repair(units, signal, 'rows of OVN were changed by hand and put right');
    } catch (error) {
      this.#suspects.addAll(units);
      throw error;
    }
  }

  async #repairAll(signal: AbortSignal): Promise<void> {
    const { db, actual, clock } = this.#options;
    this.#all = false;
    try {
      const units = new UnitSet();
      units.addAll([DROP_UNIT, ...(await allUnits(db)), ...actual.allUnits()]);
      await this.#repair(units.list(), signal, 'OVN differed from SQL and was put right');
      this.#lastAll = clock.now();
    } catch (error) {
      this.#all = true;
      throw error;
    }
  }

  async #repair(units: readonly Unit[], signal: AbortSignal, message: string): Promise<void> {
    const { syncer, log } = this.#options;
    const total = new Counts();
    for (let at = 0; at < units.length; at += CHUNK) {
      signal.throwIfAborted();
      total.addAll(await syncer.syncUnits(units.slice(at, at + CHUNK), signal));
      await nextTurn();
    }
    const wrote = [total.inserted, total.updated, total.deleted].some((each) => Object.keys(each).length > 0);
    if (wrote) log.warn({ change: total, first: units.slice(0, 10).map(unitKey) }, message);
  }
}
