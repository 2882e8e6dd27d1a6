// The network service's link to OVN on a stage for contract tests: the real programs or the model of them, a database that
// tests write as handlers would, and cables that can be cut.
import type { Duplex } from 'node:stream';
import { createInProcessBus } from '#platform/bus/in-process.ts';
import { systemClock } from '#platform/context/clock.ts';
import { silentLog } from '#platform/log/log.ts';
import { remotesOf, type Endpoint, type StreamEndpoint } from '#platform/ovsdb/endpoint.ts';
import { openDatabase, type Database } from '#platform/sql/database.ts';
import { migrate } from '#platform/sql/migrate.ts';
import { waitUntil } from '#platform/supervise/wait.ts';
import { NetworkSeed } from './network-seed.ts';
import { fakeOvnWorld, realOvnWorld, whyNoRealOvn, type OvnWorld } from './ovn-world.ts';
import { networkMigrations } from '#network/migrations/all.ts';
import type { MissingHop } from '#network/northbound.ts';
import type { NetworkRow, NetworkTables, PortRow, SecurityGroupRow, SubnetRow } from '#network/tables.ts';
import { createNorthbound, type OvnNorthbound } from '#network/ovn/northbound.ts';

export const WORLDS = [
  { name: 'the model of OVN', open: fakeOvnWorld, skip: false as string | false },
  { name: 'real OVN', open: realOvnWorld, skip: whyNoRealOvn() },
];

export interface Stage extends AsyncDisposable {
  readonly world: OvnWorld;
  /** The northbound's connections, which can be taken away. */
  readonly cables: readonly Cable[];
  readonly db: Database<NetworkTables>;
  readonly seed: NetworkSeed;
  readonly northbound: OvnNorthbound;
  readonly bus: ReturnType<typeof createInProcessBus>;
  readonly network: NetworkRow;
  readonly subnet: SubnetRow;
  readonly group: SecurityGroupRow;
}

/** An endpoint whose connections a test can cut, and keep from coming back. */
class Cable implements StreamEndpoint {
  readonly name = 'cable';
  readonly #remote: StreamEndpoint;
  readonly #streams = new Set<Duplex>();
  #isCut = false;

  constructor(endpoint: Endpoint) {
    this.#remote = remotesOf(endpoint)[0]!; // never empty
  }

  async connect(): Promise<Duplex> {
    if (this.#isCut) throw new Error('the cable is cut');
    const stream = await this.#remote.connect();
    this.#streams.add(stream);
    stream.once('close', () => this.#streams.delete(stream));
    return stream;
  }

  cut(): void {
    this.#isCut = true;
    for (const stream of this.#streams) stream.destroy();
  }

  mend(): void {
    this.#isCut = false;
  }
}

export async function openStage(open: () => Promise<OvnWorld>): Promise<Stage> {
  const world = await open();
  const db = openDatabase<NetworkTables>('sqlite::memory:');
  await migrate(db, 'network', networkMigrations);
  const seed = new NetworkSeed(db);
  const bus = createInProcessBus();
  const cables = [new Cable(world.nb), new Cable(world.sb)] as const;
  const northbound = createNorthbound({
    db,
    nbEndpoint: cables[0],
    sbEndpoint: cables[1],
    bus,
    clock: systemClock,
    log: silentLog,
    config: { dnsDomain: 'example.test.' },
  });
  await northbound.start();
  const network = await seed.network();
  const subnet = await seed.subnet(network, '10.0.0.0/24', { dns_nameservers: '["9.9.9.9"]' });
  const group = await seed.securityGroup([
    { direction: 'egress' },
    { direction: 'ingress', protocol: 'tcp', port_range_min: 22, port_range_max: 22 },
  ]);
  return {
    world,
    cables,
    db,
    seed,
    northbound,
    bus,
    network,
    subnet,
    group,
    [Symbol.asyncDispose]: async () => {
      await northbound[Symbol.asyncDispose]();
      await world[Symbol.asyncDispose]();
      await db[Symbol.asyncDispose]();
      await bus[Symbol.asyncDispose]();
    },
  };
}

let nextAddress = 10;

/** In 10.0.0.0/24, the first part of it. */
export function nextIp(): string {
  return `10.0.0.${nextAddress++}`;
}

export async function makePort(
  stage: Stage,
  values: Partial<PortRow> = {},
): Promise<PortRow & { ip: string }> {
  const ip = nextIp();
  const { network, subnet, group } = stage;
  const port = await stage.seed.port({ network, ips: [[subnet, ip]], groups: [group], ...values });
  await stage.northbound.sync([{ kind: 'port', id: port.id }]);
  return { ...port, ip };
}

export async function untilMissing(stage: Stage, port: PortRow, missing: MissingHop | null): Promise<void> {
  await waitUntil(() => stage.northbound.portState(port.id).missingHop === missing, {
    what: `${port.id} to lack ${missing} (${stage.northbound.portState(port.id).missingHop})`,
    deadlineMs: 30_000,
  });
}
