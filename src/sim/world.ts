// The simulated world: the whole cloud on working models of OVN, the switches and the hypervisors, in one process, without
// root. It passes the drivers' contract tests, and says that it is simulated wherever it shows.
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import type { Foundation } from '#cloud/up.ts';
import type { World, WorldHost, WorldVolumeBackend } from '#cloud/world.ts';
import type { Shared } from '#cloud/services/context.ts';
import { faultInjector } from '#compute/host/inject.ts';
import { FakeHypervisor } from '#drivers/libvirt/fake.ts';
import { createFakeMetadataPorts, type FakeMetadataPorts } from '#drivers/metadata-port/fake.ts';
import { createFakeOvn, type FakeOvn, type FakeOvnBehaviours } from '#drivers/ovn/fake.ts';
import { northbound } from '#drivers/ovn/schema.ts';
import { createFakeSwitch } from '#drivers/ovs/fake.ts';
import { createMemoryVolumeDriver } from '#drivers/volume-memory/driver.ts';
import { createNorthbound } from '#network/ovn/northbound.ts';
import { connectOvsdb } from '#platform/ovsdb/client.ts';
import { Behaviours } from './behaviours.ts';
import { mountSimulation } from './simulation-api.ts';
import { simulatedGuests, type Lease } from './guests.ts';

const PHYSNET = 'physnet1';
/** An address range for documentation (RFC 5737): nothing answers there. */
const PROVIDER = { physnet: PHYSNET, cidr: '203.0.113.0/24', gatewayIp: '203.0.113.1' };
const HOSTS = 3;
const RESOURCES = { vcpus: 16, memoryMb: 65_536, diskGb: 1000 };

export async function simulatedWorld(foundation: Foundation, shared: Shared): Promise<World> {
  const behaviours = new Behaviours();
  if (foundation.behavioursFile) behaviours.replace(parse(readFileSync(foundation.behavioursFile, 'utf8')));
  const ovn = await createFakeOvn({ clock: shared.clock, behaviours: ovnBehaviours(behaviours) });
  const leases = leaseBook(ovn);
  const closing = new AbortController();
  const neighbours = new Map<string, FakeHypervisor>();
  const names = Array.from({ length: foundation.hosts ?? HOSTS }, (_, i) => `sim-${i + 1}`);
  let hosts: Promise<readonly WorldHost[]> | undefined;
  let backends: Promise<readonly WorldVolumeBackend[]> | undefined;
  const makeHosts = async (): Promise<readonly WorldHost[]> => {
    for (const name of names) await ovn.addChassis(name); // each takes the next tunnel address
    return names.map((name) =>
      simulatedHost(name, {
        foundation,
        shared,
        ovn,
        behaviours,
        leases,
        neighbours,
        signal: closing.signal,
      }),
    );
  };
  const getHosts = async (): Promise<readonly WorldHost[]> => (hosts ??= makeHosts());
  return {
    simulated: true,
    network: { physicalNetworks: [{ name: PHYSNET }] },
    connectOvn: async ({ db, config: { dnsDomain }, context: { bus, clock, log } }) =>
      createNorthbound({
        db,
        nbEndpoint: ovn.nb,
        sbEndpoint: ovn.sb,
        bus,
        clock,
        log,
        config: { dnsDomain },
      }),
    hosts: getHosts,
    volumeBackends: async () => (backends ??= simulatedBackends(foundation, names)),
    provider: async () => PROVIDER,
    packagesReady: async () => undefined,
    mount: async (app, authenticator) =>
      mountSimulation(app, authenticator, { behaviours, ovn, hosts: getHosts }, shared.log),
    [Symbol.asyncDispose]: async () => {
      closing.abort(new Error('the simulated world is closing'));
      for (const { driver } of (await backends?.catch(() => [])) ?? []) await driver[Symbol.asyncDispose]();
      await leases.close();
      await ovn.close();
    },
  };
}

/**
 * One, or as many as hosts were asked for, each with a name of its own that types can ask for: conversations about one
 * backend need not know of others.
 */
async function simulatedBackends(
  { data, hosts = 1 }: Foundation,
  names: readonly string[],
): Promise<readonly WorldVolumeBackend[]> {
  const made: WorldVolumeBackend[] = [];
  for (const [at, host] of names.slice(0, hosts).entries()) {
    const directory = data.make(at === 0 ? 'storage' : `storage-${at + 1}`);
    const driver = await createMemoryVolumeDriver({ directory, totalGb: RESOURCES.diskGb });
    const name = at === 0 ? 'simulated' : `simulated-${at + 1}`;
    made.push({ host, name, availabilityZone: 'nova', driver });
  }
  return made;
}

interface HostParts {
  readonly foundation: Foundation;
  readonly shared: Shared;
  readonly ovn: FakeOvn;
  readonly behaviours: Behaviours;
  readonly leases: LeaseBook;
  readonly neighbours: Map<string, FakeHypervisor>;
  readonly signal: AbortSignal;
}

function simulatedHost(
  name: string,
  { foundation, shared, ovn, behaviours, leases, neighbours, signal }: HostParts,
): WorldHost {
  const { clock, log } = shared;
  let metadata: FakeMetadataPorts | undefined;
  const guests = simulatedGuests({ clock, log, signal, metadata: () => metadata, lease: leases.find });
  const hostSwitch = createFakeSwitch({
    onPlug: (portId) => ovn.plug(name, portId),
    onUnplug: (portId) => ovn.unplug(name, portId),
  });
  return {
    name,
    accel: 'tcg',
    dataDir: foundation.data.make('hosts', name),
    simulated: true,
    resources: RESOURCES,
    hypervisor: new FakeHypervisor({
      capabilities: { hostname: name },
      boots: guests.boot,
      guest: () => ({ powersOffAfterMs: 20, releasesDevices: true }),
      tapExists: (tap) => hostSwitch.has(tap),
      neighbours,
      migrates: (spec) => behaviours.forMigration(name, spec.metadata.displayName),
    }),
    hostSwitch,
    inject: faultInjector(() => behaviours.forHops(), clock),
    metadataPorts: (listener) => (metadata = createFakeMetadataPorts(listener)),
  };
}

/** Reads the list at each decision, so that a change of it takes effect at once. */
function ovnBehaviours(behaviours: Behaviours): FakeOvnBehaviours {
  const any = (kind: string) => behaviours.list.find((each) => each.ovn === kind);
  return {
    get claimMs() {
      return any('slow-port-up')?.latencyMs ?? 0;
    },
    neverClaims: (host) => behaviours.forOvn(host).some((each) => each.ovn === 'no-port-up'),
    losesPortUp: () => any('lost-port-up-event') !== undefined,
  };
}

interface LeaseBook {
  find(mac: string): Lease | undefined;
  close(): Promise<void>;
}

/** What OVN's DHCP would answer, read from the logical ports as it reads them. */
function leaseBook(ovn: FakeOvn): LeaseBook {
  const tables = {
    Logical_Switch: northbound.Logical_Switch,
    Logical_Switch_Port: northbound.Logical_Switch_Port,
  };
  const nb = connectOvsdb({ endpoint: ovn.nb, database: 'OVN_Northbound', tables });
  return {
    find: (mac) => {
      const port = nb
        .table('Logical_Switch_Port')
        .find((row) => row.addresses.some((text) => text.startsWith(`${mac} `)));
      const network = port && nb.table('Logical_Switch').find((row) => row.ports.includes(port._uuid));
      if (!port || !network) return undefined;
      return {
        networkId: network.name.replace(/^neutron-/, ''),
        addresses: port.addresses.flatMap((text) => text.split(' ').slice(1)),
      };
    },
    close: async () => nb[Symbol.asyncDispose](),
  };
}
