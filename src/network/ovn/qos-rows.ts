// QoS rows have no name that the cache could look up: this finds them by the port, floating IP or router in their
// `external_ids`. Rows of others carry none of these.
import type { OvsdbClient } from '#platform/ovsdb/client.ts';
import type { Row } from '#platform/ovsdb/model.ts';
import type { Unit } from './desired.ts';
import { idInName, KEY, qosKey, type Nb } from './model.ts';

export type QosRow = Row<Nb['QoS']>;

/** The unit that a row belongs to by what it says of itself: floating IPs' rows are their router's. */
export function qosOwner(ids: Readonly<Partial<Record<string, string>>>): Unit | undefined {
  const port = ids[KEY.qosPort];
  if (port !== undefined) return { kind: 'port', id: port };
  const router = ids[KEY.fip] === undefined ? undefined : idInName(ids[KEY.routerName] ?? '');
  return router === undefined ? undefined : { kind: 'router', id: router };
}

export function keyOfQos({ external_ids: ids, direction }: QosRow): string {
  const port = ids[KEY.qosPort];
  return port === undefined ? qosKey('fip', ids[KEY.fip] ?? '', direction) : qosKey('port', port, direction);
}

export class QosRows {
  readonly #nb: OvsdbClient<Nb>;
  readonly #byKey = new Map<string, Set<string>>();
  readonly #byOwner = new Map<string, Set<string>>();
  #indexed = false;

  constructor(nb: OvsdbClient<Nb>) {
    this.#nb = nb;
    nb.onChange((change) => {
      if (change.table !== 'QoS' || !this.#indexed) return;
      if (change.old) this.#index(change.old, false);
      if (change.new) this.#index(change.new, true);
    });
  }

  find(key: string): QosRow[] {
    return this.#rows(this.#byKey, key);
  }

  of(unit: Unit): QosRow[] {
    return this.#rows(this.#byOwner, `${unit.kind} ${unit.id}`);
  }

  #rows(index: ReadonlyMap<string, ReadonlySet<string>>, key: string): QosRow[] {
    if (!this.#indexed) {
      this.#indexed = true;
      for (const row of this.#nb.table('QoS').list()) this.#index(row, true);
    }
    return [...(index.get(key) ?? [])].flatMap((uuid) => this.#nb.table('QoS').get(uuid) ?? []);
  }

  #index(row: QosRow, there: boolean): void {
    const owner = qosOwner(row.external_ids);
    if (!owner) return;
    for (const [index, key] of [
      [this.#byKey, keyOfQos(row)],
      [this.#byOwner, `${owner.kind} ${owner.id}`],
    ] as const) {
      const uuids = index.get(key) ?? new Set<string>();
      if (there) uuids.add(row._uuid);
      else uuids.delete(row._uuid);
      if (uuids.size > 0) index.set(key, uuids);
      else index.delete(key);
    }
  }
}
