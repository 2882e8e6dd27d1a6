// Where each port is on its way from a northbound row to a claimed, programmed binding; read from complete copies of
// both databases. Remembers when each step was first seen, for the launch record, and tells of changes.
import type { OvsdbClient } from '#platform/ovsdb/client.ts';
import type { Row } from '#platform/ovsdb/model.ts';
import type { Clock } from '#platform/context/clock.ts';
import type { Log } from '#platform/log/log.ts';
import type { MissingHop, NorthboundChange, PortState } from '../northbound.ts';
import type { Nb, Sb } from './model.ts';

/** When (milliseconds since the epoch) each step was first seen in its present run; null: not, or before our time. */
export interface PortTimes {
  committedAt: number | null;
  revision: number | null;
  rows: NorthboundChange | null;
  boundAt: number | null;
  claimedAt: number | null;
  upAt: number | null;
}

export type PortListener = (portId: string, state: PortState) => void;

const MOST_PORTS = 20_000; // remembered times; the oldest are forgotten first
const TICK_MS = 1000; // the longest that a change of which we were not told stays unseen
const PER_TICK = 2000; // ports that are up are looked at in turn, so that a tick stays short

const ABSENT: PortState = {
  up: false,
  host: null,
  chassis: null,
  tunnelKey: null,
  missingHop: 'northbound row',
};

type SwitchPort = Row<Nb['Logical_Switch_Port']>;
type Binding = Row<Sb['Port_Binding']>;

export class PortStates implements Disposable {
  readonly #nb: OvsdbClient<Nb>;
  readonly #sb: OvsdbClient<Sb>;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #listeners: PortListener[] = [];
  readonly #times = new Map<string, PortTimes>();
  /** What listeners were told last. */
  readonly #told = new Map<string, PortState>();
  readonly #dirty = new Set<string>();
  readonly #unsubscribe: ReadonlyArray<() => void>;
  readonly #tick: NodeJS.Timeout;
  #scheduled = false;
  #rotation: IterableIterator<string> = [].values();

  constructor(nb: OvsdbClient<Nb>, sb: OvsdbClient<Sb>, clock: Clock, log: Log) {
    this.#nb = nb;
    this.#sb = sb;
    this.#clock = clock;
    this.#log = log;
    this.#unsubscribe = [
      nb.onChange((change) => {
        if (change.table === 'Logical_Switch_Port') this.#mark((change.new ?? change.old).name);
      }),
      sb.onChange((change) => {
        if (change.table === 'Port_Binding') this.#mark((change.new ?? change.old).logical_port);
        if (change.table === 'Chassis') this.#markChassis(change.uuid);
      }),
    ];
    this.#tick = setInterval(() => this.#markDue(), TICK_MS);
    this.#tick.unref();
  }

  onChange(listener: PortListener): void {
    this.#listeners.push(listener);
  }

  state(portId: string): PortState {
    const port = this.switchPort(portId);
    if (!port) return ABSENT;
    const binding = this.binding(portId);
    if (!binding) return { ...ABSENT, missingHop: 'southbound binding' };
    const chassis = binding.chassis === null ? undefined : this.#sb.table('Chassis').get(binding.chassis);
    const missingHop = missingOf(port, binding, chassis !== undefined);
    return {
      up: missingHop === null,
      host: chassis?.hostname ?? null,
      chassis: chassis?.name ?? null,
      tunnelKey: binding.tunnel_key,
      missingHop,
    };
  }

  switchPort(portId: string): SwitchPort | undefined {
    return isLoaded(this.#nb) ? this.#nb.table('Logical_Switch_Port').where('name', portId)[0] : undefined;
  }

  binding(portId: string): Binding | undefined {
    return isLoaded(this.#sb) ? this.#sb.table('Port_Binding').where('logical_port', portId)[0] : undefined;
  }

  times(portId: string): PortTimes {
    const times = this.#times.get(portId);
    return (
      times ?? { committedAt: null, revision: null, rows: null, boundAt: null, claimedAt: null, upAt: null }
    );
  }

  /** A commit of ours wrote rows of the port. */
  committed(portId: string, revision: number, rows: NorthboundChange): void {
    const times = this.#remember(portId);
    times.committedAt = this.#clock.now();
    times.revision = revision;
    times.rows = rows;
    this.#mark(portId);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#tick);
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
  }

  #mark(portId: string): void {
    this.#dirty.add(portId);
    if (this.#scheduled) return;
    this.#scheduled = true;
    // After the whole update was applied: in the middle of it a port may look as it never was.
    setImmediate(() => this.#look());
  }

  #markChassis(uuid: string): void {
    if (!isLoaded(this.#sb)) return;
    for (const binding of this.#sb.table('Port_Binding').where('chassis', uuid))
      this.#mark(binding.logical_port);
  }

  #markDue(): void {
    if (!isLoaded(this.#nb) || !isLoaded(this.#sb)) return;
    for (const [portId, state] of this.#told) if (!state.up) this.#mark(portId);
    for (let n = 0; n < PER_TICK; n++) {
      const next = this.#rotation.next();
      if (!next.done) {
        this.#mark(next.value);
        continue;
      }
      // A new round over all ports, those that nothing was ever told of included.
      const names = this.#nb
        .table('Logical_Switch_Port')
        .list()
        .map((row) => row.name);
      this.#rotation = names.values();
      break;
    }
  }

  #look(): void {
    this.#scheduled = false;
    const ports = [...this.#dirty];
    this.#dirty.clear();
    for (const portId of ports) this.#compare(portId);
  }

  #compare(portId: string): void {
    const state = this.state(portId);
    const before = this.#told.get(portId);
    if (before && sameState(before, state)) return;
    if (state.missingHop === 'northbound row') {
      this.#told.delete(portId);
      this.#times.delete(portId);
      if (!before) return;
    } else {
      this.#told.set(portId, state);
      this.#stamp(portId, state);
    }
    for (const listener of this.#listeners) {
      try {
        listener(portId, state);
      } catch (err) {
        this.#log.error({ err, port_id: portId }, 'listener of port states failed');
      }
    }
  }

  #stamp(portId: string, state: PortState): void {
    const times = this.#remember(portId);
    const now = this.#clock.now();
    times.boundAt = state.tunnelKey === null ? null : (times.boundAt ?? now);
    times.claimedAt = state.chassis === null ? null : (times.claimedAt ?? now);
    times.upAt = state.up ? (times.upAt ?? now) : null;
  }

  #remember(portId: string): PortTimes {
    const times = this.times(portId);
    this.#times.delete(portId);
    this.#times.set(portId, times);
    if (this.#times.size > MOST_PORTS) this.#times.delete(this.#times.keys().next().value!); // it is not empty
    return times;
  }
}

/** Ports of routers and localports are on every chassis at once: nobody claims them. */
function missingOf(port: SwitchPort, binding: Binding, isClaimed: boolean): MissingHop | null {
  if (port.type === 'router' || port.type === 'localport' || port.type === 'localnet') return null;
  if (!isClaimed) return 'chassis claim';
  return binding.up === true && port.up === true ? null : 'flows';
}

function sameState(a: PortState, b: PortState): boolean {
  return (
    a.missingHop === b.missingHop &&
    a.host === b.host &&
    a.chassis === b.chassis &&
    a.tunnelKey === b.tunnelKey
  );
}

/** False before the first complete copy. */
function isLoaded(client: OvsdbClient<Nb> | OvsdbClient<Sb>): boolean {
  return loaded.has(client);
}

const loaded = new WeakSet<object>();

/** Notes that a client's first copy is complete: reads work from then on, for ever. */
export async function noteLoaded(client: OvsdbClient<Nb> | OvsdbClient<Sb>): Promise<void> {
  await client.ready;
  loaded.add(client);
}
