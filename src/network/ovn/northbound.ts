// The link to OVN that the network service works with: `Northbound` on real (or modelled) OVN databases, with the loops
// that keep both sides equal. Made by service assembly when endpoints are configured.
import type { Bus } from '#platform/bus/bus.ts';
import type { Clock } from '#platform/context/clock.ts';
import type { Log } from '#platform/log/log.ts';
import type { Loop } from '#platform/loop/loop.ts';
import { connectOvsdb, type OvsdbClient } from '#platform/ovsdb/client.ts';
import type { Endpoint } from '#platform/ovsdb/endpoint.ts';
import type { Database } from '#platform/sql/database.ts';
import { startBumpLoop } from '../loops/bump-nb-cfg.ts';
import { startSyncLoop, type SyncLoop } from '../loops/sync-northbound.ts';
import type {
  AgentView,
  Northbound,
  NorthboundChange,
  PortState,
  PortTrace,
  ResourceRef,
} from '../northbound.ts';
import type { NetworkTables } from '../tables.ts';
import { ActualRows } from './actual.ts';
import { describeAgent, listAgents, removeAgent } from './agents.ts';
import type { Unit } from './desired.ts';
import type { Facts } from './facts.ts';
import { chooseGateways } from './gateways.ts';
import { idInName, nbTables, sbTables, type Nb, type Sb } from './model.ts';
import { noteLoaded, PortStates } from './port-states.ts';
import { Syncer } from './syncer.ts';
import { tracePort } from './trace.ts';

export interface OvnConfig {
  /** Handed out by DHCP; with or without the dot at the end. */
  readonly dnsDomain?: string;
  readonly dhcpLeaseSeconds?: number;
  /** Floating IPs of bound ports are translated on the port's own host. Hosts need a bridge to the network then. */
  readonly distributedFloatingIps?: boolean;
  /** How often everything is compared; drift and recorded work are repaired at once. Default 5 minutes. */
  readonly fullSyncIntervalMs?: number;
  /** How often chassis are asked for a sign of life. Default 30 s; a chassis is down after 75 s without one. */
  readonly heartbeatIntervalMs?: number;
}

export interface OvnNorthboundOptions {
  readonly db: Database<NetworkTables>;
  readonly nbEndpoint: Endpoint;
  readonly sbEndpoint: Endpoint;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Log;
  readonly config?: OvnConfig;
}

/** Settings of a chassis that decide which gateways it can carry. */
const GATEWAY_SETTINGS = ['ovn-bridge-mappings', 'ovn-cms-options'];

export function createNorthbound(options: OvnNorthboundOptions): OvnNorthbound {
  return new OvnNorthbound(options);
}

export class OvnNorthbound implements Northbound, AsyncDisposable {
  readonly nb: OvsdbClient<Nb>;
  readonly sb: OvsdbClient<Sb>;
  readonly #options: OvnNorthboundOptions;
  readonly #syncer: Syncer;
  readonly #actual: ActualRows;
  readonly #states: PortStates;
  /** Counts what gateways depend on. */
  #chassisVersion = 0;
  #loop: SyncLoop | undefined;
  #bump: Loop | undefined;

  constructor(options: OvnNorthboundOptions) {
    this.#options = options;
    const { log, clock, db, config = {} } = options;
    const common = { readyDeadlineMs: 2 ** 31 - 1, log };
    this.nb = connectOvsdb({
      ...common,
      endpoint: options.nbEndpoint,
      database: 'OVN_Northbound',
      tables: nbTables,
    });
    this.sb = connectOvsdb({
      ...common,
      endpoint: options.sbEndpoint,
      database: 'OVN_Southbound',
      tables: sbTables,
    });
    // Closing rejects `ready`, which then nobody waits for.
    for (const client of [this.nb, this.sb]) noteLoaded(client).catch(() => undefined);
    this.#actual = new ActualRows(this.nb);
    this.#states = new PortStates(this.nb, this.sb, clock, log);
    this.#syncer = new Syncer({
      db,
      nb: this.nb,
      actual: this.#actual,
      render: {
        dnsDomain: config.dnsDomain ?? '',
        dhcpLeaseSeconds: config.dhcpLeaseSeconds ?? 43_200,
        distributedFloatingIps: config.distributedFloatingIps ?? false,
      },
      chooseGateways: (portId, network) => chooseGateways(this.nb, this.sb, portId, network),
      chassisVersion: () => this.#chassisVersion,
      onOldChassis: (routers) => this.#loop?.suspect(routers),
      onCommitted: (counts, facts) => this.#committed(counts, facts),
    });
    this.#states.onChange((portId, state) => this.#announce(portId, state));
    this.#watchChassis();
  }

  /** Begins the loops. Does not wait for OVN: the service works without it and catches up. */
  async start(): Promise<void> {
    const { db, clock, log, config = {} } = this.#options;
    this.#loop ??= startSyncLoop({
      db,
      nb: this.nb,
      actual: this.#actual,
      syncer: this.#syncer,
      clock,
      log,
      fullIntervalMs: config.fullSyncIntervalMs ?? 300_000,
    });
    const nudge = (): void => this.#loop?.nudge();
    this.nb.ready.then(nudge, () => undefined);
    this.#bump ??= startBumpLoop({
      nb: this.nb,
      clock,
      log,
      intervalMs: config.heartbeatIntervalMs ?? 30_000,
    });
  }

  async sync(refs: readonly ResourceRef[], signal?: AbortSignal): Promise<NorthboundChange> {
    return this.#syncer.sync(refs, signal);
  }

  portState(portId: string): PortState {
    return this.#states.state(portId);
  }

  onPortState(listener: (portId: string, state: PortState) => void): void {
    this.#states.onChange(listener);
  }

  agents(): readonly AgentView[] {
    return this.nb.connected && this.sb.connected
      ? listAgents(this.nb, this.sb, this.#options.clock.now())
      : [];
  }

  async describeAgent(id: string, description: string): Promise<void> {
    await describeAgent(this.sb, id, description);
  }

  async removeAgent(id: string): Promise<void> {
    await removeAgent(this.sb, id);
  }

  async tracePort(portId: string, withFlows = false): Promise<PortTrace> {
    const { sbEndpoint } = this.#options;
    return tracePort({ nb: this.nb, sb: this.sb, states: this.#states, sbEndpoint }, portId, withFlows);
  }

  /** Compares everything now and resolves when that is done. For operators and tests. */
  async repairNow(): Promise<void> {
    this.#loop?.compareAll();
    await this.#loop?.settled();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#states[Symbol.dispose]();
    await this.#bump?.[Symbol.asyncDispose]();
    // Closing fails what waits for OVN, so that the loop can end.
    await Promise.all([this.nb[Symbol.asyncDispose](), this.sb[Symbol.asyncDispose]()]);
    await this.#loop?.[Symbol.asyncDispose]();
    await this.#syncer.idle();
  }

  #committed(counts: ReadonlyMap<string, NorthboundChange>, facts: Facts): void {
    for (const [key, change] of counts) {
      const [kind, id = ''] = key.split(' ');
      const port = kind === 'port' ? facts.ports.get(id) : undefined;
      if (port) this.#states.committed(id, port.revision_number, change);
    }
  }

  #announce(portId: string, state: PortState): void {
    const payload = { port_id: portId, up: state.up, missing: state.missingHop, host: state.host };
    this.#options.bus
      .publish(`network.port.${portId}`, payload)
      .catch((err: unknown) =>
        this.#options.log.warn({ err, port_id: portId }, 'port state was not announced'),
      );
  }

  /**
   * Gateways of routers are put on chassis as these come, go and change their bridge mappings. A router whose rows are being
   * written meanwhile is not among those that have rows: the syncer says of it that it was made for the chassis before.
   */
  #watchChassis(): void {
    const changed = (): void => {
      this.#chassisVersion += 1;
      this.#loop?.suspect(this.#routersWithGateway());
    };
    this.sb.onChange((change) => {
      if (change.table !== 'Chassis') return;
      const setting = (row: typeof change.new): string =>
        row
          ? GATEWAY_SETTINGS.map((key) => row.other_config[key] ?? row.external_ids[key] ?? '').join('|')
          : '';
      if (change.kind === 'modify' && setting(change.old) === setting(change.new)) return;
      changed();
    });
    this.sb.ready.then(changed, () => undefined);
  }

  #routersWithGateway(): Unit[] {
    if (!this.nb.connected) return [];
    return this.nb
      .table('Logical_Router')
      .list((router) => (router.external_ids['neutron:gw_port_id'] ?? '') !== '')
      .flatMap((router) => idInName(router.name) ?? [])
      .map((id) => ({ kind: 'router', id }));
  }
}
