// Brings northbound rows in line with SQL, one transaction at a time. Calls that come while one is under way share the
// next, so that a burst of changes costs few transactions and nobody overtakes anybody.
import type { OvsdbClient } from '#platform/ovsdb/client.ts';
import { OvsdbError } from '#platform/ovsdb/errors.ts';
import type { Database } from '#platform/sql/database.ts';
import type { NorthboundChange, ResourceRef } from '../northbound.ts';
import type { NetworkTables } from '../tables.ts';
import type { ActualRows } from './actual.ts';
import { Counts } from './counts.ts';
import { unitKey, type Unit } from './desired.ts';
import type { Facts, RenderOptions } from './facts.ts';
import type { Nb } from './model.ts';
import { planUnits, type DesiredUnit, type Plan } from './plan.ts';
import { renderSubnet } from './render/dhcp.ts';
import { renderNetwork } from './render/network.ts';
import { renderPort } from './render/port.ts';
import { renderRouter, type ChooseGateways } from './render/router.ts';
import { renderAddressGroup, renderDropGroup, renderSecurityGroup } from './render/security-group.ts';
import { missingUnits, resolveRefs, UnitSet, type ResolveContext } from './resolve.ts';
import { loadFacts } from './store.ts';

const ATTEMPTS = 6; // each lost race means that another writer got on; six in a row is no race
const MOST_UNITS = 2000; // of callers that share a transaction; one caller's units are never split
const CONNECT_MS = 5000; // longest that a change waits for a database that is away; its repair is up to the loop then

export interface SyncerOptions {
  readonly db: Database<NetworkTables>;
  readonly nb: OvsdbClient<Nb>;
  readonly actual: ActualRows;
  readonly render: RenderOptions;
  readonly chooseGateways: ChooseGateways;
  /** Another number whenever `chooseGateways` may choose otherwise. */
  readonly chassisVersion: () => number;
  /** Told of routers that were written for chassis that have changed since they were rendered. */
  readonly onOldChassis: (routers: readonly Unit[]) => void;
  /** Told after each commit what each unit wrote. */
  readonly onCommitted: (counts: ReadonlyMap<string, NorthboundChange>, facts: Facts) => void;
}

interface Request {
  readonly refs: readonly ResourceRef[] | undefined;
  readonly units: readonly Unit[] | undefined;
  readonly signal: AbortSignal | undefined;
  resolve(change: NorthboundChange): void;
  reject(error: unknown): void;
}

interface Resolved {
  readonly request: Request;
  readonly units: UnitSet;
}

export class Syncer {
  readonly #options: SyncerOptions;
  readonly #context: ResolveContext;
  readonly #underWay = new Set<string>();
  #waiting: Request[] = [];
  #running: Promise<void> | undefined;

  constructor(options: SyncerOptions) {
    this.#options = options;
    this.#context = { db: options.db, actual: options.actual, options: options.render };
  }

  /** Whether rows of this unit are being written at this moment, so that a change to them is our own. */
  isWriting(unit: Unit): boolean {
    return this.#underWay.has(unitKey(unit));
  }

  /** Resources and what depends on them. */
  sync(refs: readonly ResourceRef[], signal?: AbortSignal): Promise<NorthboundChange> {
    return this.#enqueue({ refs, units: undefined, signal });
  }

  /** These units and what they miss, nothing else. */
  syncUnits(units: readonly Unit[], signal?: AbortSignal): Promise<NorthboundChange> {
    return this.#enqueue({ refs: undefined, units, signal });
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    while (this.#running) await this.#running;
  }

  #enqueue(request: Omit<Request, 'resolve' | 'reject'>): Promise<NorthboundChange> {
    const { promise, resolve, reject } = Promise.withResolvers<NorthboundChange>();
    this.#waiting.push({ ...request, resolve, reject });
    // The caller is free to go; what it asked for is done all the same.
    request.signal?.addEventListener('abort', () => reject(request.signal?.reason), { once: true });
    this.#running ??= this.#drain();
    return promise;
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      const requests = this.#waiting;
      this.#waiting = [];
      try {
        await this.#connected();
        for (const batch of await this.#batches(requests)) await this.#runBatch(batch);
      } catch (error) {
        // All that came while the database was away; settled ones do not mind.
        for (const request of requests) request.reject(error);
      }
    }
    // In the same turn as the check, so that nothing can have come in between.
    this.#running = undefined;
  }

  async #batches(requests: readonly Request[]): Promise<Resolved[][]> {
    const batches: Resolved[][] = [];
    let room = 0;
    for (const request of requests) {
      try {
        request.signal?.throwIfAborted();
        const units = request.refs ? await resolveRefs(this.#context, request.refs) : new UnitSet();
        units.addAll(request.units ?? []);
        const size = units.list().length;
        if (batches.length === 0 || size > room) {
          batches.push([]);
          room = MOST_UNITS;
        }
        batches.at(-1)!.push({ request, units }); // one was pushed above
        room -= size;
      } catch (error) {
        request.reject(error);
      }
    }
    return batches;
  }

  /** What is read while the connection is away may be out of date. */
  async #connected(): Promise<void> {
    const { nb } = this.#options;
    if (nb.connected) return;
    const options = { deadlineMs: CONNECT_MS, tickMs: CONNECT_MS, describe: 'northbound database' };
    await nb.waitUntil(() => true, options);
  }

  async #runBatch(batch: readonly Resolved[]): Promise<void> {
    if (batch.length === 0) return;
    const units = new UnitSet();
    for (const each of batch) units.addAll(each.units.list());
    try {
      const counts = await this.#bring(units);
      for (const { request, units: own } of batch) {
        const total = new Counts();
        // What was missing and is shared is told to whoever is alone, since nobody else asked for it.
        const keys = batch.length === 1 ? counts.keys() : own.list().map(unitKey);
        for (const key of keys) total.addAll(counts.get(key) ?? new Counts());
        request.resolve({ ...total });
      }
    } catch (error) {
      if (batch.length === 1 || (error instanceof OvsdbError && error.outcome === 'unknown')) {
        for (const { request } of batch) request.reject(error);
        return;
      }
      // One that cannot be written must not keep the others from it.
      for (const each of batch) await this.#runBatch([each]);
    }
  }

  async #bring(units: UnitSet): Promise<ReadonlyMap<string, Counts>> {
    for (let attempt = 1; ; attempt++) {
      const facts = await this.#load(units);
      const list = units.list();
      const tx = this.#options.nb.transaction();
      const chassis = this.#options.chassisVersion();
      const plan = planUnits(this.#options.actual, this.#render(list, facts), tx);
      if (plan.isBehind && attempt === 1) continue;
      if (plan.isEmpty) return plan.counts;
      try {
        await this.#commit(list, tx, plan, facts);
        if (chassis !== this.#options.chassisVersion())
          this.#options.onOldChassis(list.filter(({ kind }) => kind === 'router'));
        return plan.counts;
      } catch (error) {
        if (attempt >= ATTEMPTS || !isLostRace(error)) throw error;
      }
    }
  }

  async #commit(
    units: readonly Unit[],
    tx: ReturnType<OvsdbClient<Nb>['transaction']>,
    plan: Plan,
    facts: Facts,
  ): Promise<void> {
    for (const unit of units) this.#underWay.add(unitKey(unit));
    try {
      await tx.commit();
    } finally {
      this.#underWay.clear();
    }
    this.#options.onCommitted(plan.counts, facts);
  }

  /** Facts of the units, which grow by what they hang on where OVN lacks it. */
  async #load(units: UnitSet): Promise<Facts> {
    for (;;) {
      const facts = await loadFacts(this.#options.db, units.list());
      const missing = await missingUnits(this.#context, facts, units);
      if (missing.length === 0) return facts;
      units.addAll(missing);
    }
  }

  #render(units: readonly Unit[], facts: Facts): DesiredUnit[] {
    return units.map((unit) => ({ unit, rows: this.#rowsOf(unit, facts) }));
  }

  #rowsOf({ kind, id }: Unit, facts: Facts): DesiredUnit['rows'] {
    const { render, chooseGateways } = this.#options;
    switch (kind) {
      case 'network': {
        const network = facts.networks.get(id);
        return network ? renderNetwork(network) : [];
      }
      case 'subnet': {
        const subnet = facts.subnets.get(id);
        return subnet ? renderSubnet(subnet, facts, render) : [];
      }
      case 'port': {
        const port = facts.ports.get(id);
        return port ? renderPort(port, facts, render) : [];
      }
      case 'router': {
        const router = facts.routers.get(id);
        return router ? renderRouter(router, facts, render, chooseGateways) : [];
      }
      case 'security_group': {
        const group = facts.securityGroups.get(id);
        return group ? renderSecurityGroup(group, facts.rulesOfGroup.get(id) ?? []) : [];
      }
      case 'address_group': {
        const group = facts.addressGroups.get(id);
        return group ? renderAddressGroup(group) : [];
      }
      case 'drop_group':
        return renderDropGroup();
    }
  }
}

/** A guard did not hold, or a row that we point to has gone: our copy was older than we thought. */
function isLostRace(error: unknown): boolean {
  if (!(error instanceof OvsdbError)) return false;
  return (
    ['timed out', 'constraint violation', 'referential integrity violation'].includes(error.code) &&
    error.outcome !== 'unknown'
  );
}
