// A whole compute API for tests: SQLite in memory, the in-process bus, stand-ins for image and network, one flavor,
// image and network. The test plays scheduler, conductor and agent by serving their queues or by writing rows.
import type { AddressInfo } from 'node:net';
import { createInProcessBus } from '#platform/bus/in-process.ts';
import type { Bus, Message } from '#platform/bus/bus.ts';
import { inProcessTransport, type Transport } from '#platform/clients/transport.ts';
import { systemClock } from '#platform/context/clock.ts';
import { DomainError } from '#platform/errors/domain-error.ts';
import { silentLog, type Log } from '#platform/log/log.ts';
import type { ComputeConfig } from '#compute/config.ts';
import { createComputeService, type ComputeService } from '#compute/service.ts';
import type { InstanceRow, Vif } from '#compute/tables.ts';
import type { Executor } from '#platform/sql/database.ts';
import type { ComputeTables } from '#compute/tables.ts';
import { imageStandIn, networkStandIn, type NetworkState } from './compute-peers.ts';
import { mountForTest, PROJECT, type CallOptions, type Mounted } from './service-harness.ts';

export const IMAGE = '70a599e0-31e7-49b7-b260-868f441e862b';
export const NETWORK = 'aaaaaaaa-1111-4111-8111-111111111111';
export const SUBNET = 'bbbbbbbb-1111-4111-8111-111111111111';
export const FLAVOR = 'm1';

export interface ComputeHarness extends AsyncDisposable, Mounted {
  readonly service: ComputeService;
  readonly bus: Bus;
  readonly images: Map<string, Record<string, unknown> & { id: string }>;
  readonly network: NetworkState;
  readonly networkCalls: Map<string, number>;
  readonly kysely: Executor<ComputeTables>;
  /** As `call`, at a compute microversion. */
  at(version: string, method: string, url: string, options?: CallOptions): ReturnType<Mounted['call']>;
  /** Makes a server through the API. @returns its id */
  create(fields?: Record<string, unknown>, options?: CallOptions): Promise<string>;
  /** Writes what a finished launch would have written, with one port on the network. */
  activate(id: string, changes?: Partial<InstanceRow>): Promise<void>;
  /** Messages that wait in the outbox, oldest first. */
  outbox(): Promise<Array<Pick<Message, 'queue' | 'method'> & { payload: Record<string, unknown> }>>;
  /** Ends a server as the conductor does. */
  bury(id: string): Promise<void>;
  /** Listens on a free port of the loopback. @returns `http://127.0.0.1:<port>` */
  listen(): Promise<string>;
}

export interface HarnessOptions {
  readonly config?: Partial<ComputeConfig>;
  readonly log?: Log;
  readonly databaseUrl?: string;
  /** The real services instead of the stand-ins. */
  readonly network?: Transport;
  readonly image?: Transport;
  /** Stands between compute and its image service. */
  readonly beforeImage?: (image: Transport) => Transport;
  /** The volume service; default: one that is away. */
  readonly volume?: Transport;
}

export async function startComputeHarness(options: HarnessOptions = {}): Promise<ComputeHarness> {
  const bus = createInProcessBus();
  const images = new Map<string, Record<string, unknown> & { id: string }>();
  const network: NetworkState = {
    networks: new Map(),
    subnets: new Map(),
    ports: new Map(),
    security_groups: new Map(),
    floatingips: new Map(),
  };
  const networkCalls = new Map<string, number>();
  const peers = { image: imageStandIn(images), network: networkStandIn(network, networkCalls) };
  const standIn = options.image ?? inProcessTransport(peers.image, '');
  const image = options.beforeImage?.(standIn) ?? standIn;
  const service = await createComputeService(
    {
      log: silentLog,
      clock: systemClock,
      bus,
      databaseUrl: options.databaseUrl ?? 'sqlite::memory:',
      dataDir: '/nonexistent',
      policyOverrides: {},
      peer: (name) => {
        if (name === 'volume') return options.volume ?? { send: volumesAway };
        if (name !== 'image' && name !== 'network') throw new Error(`no stand-in for ${name}`);
        return name === 'image' ? image : (options.network ?? inProcessTransport(peers.network, ''));
      },
      serviceToken: async () => 'service',
      region: 'RegionOne',
    },
    options.config,
  );
  const { deps } = service;
  const mounted = await mountForTest(service.api, options.log ? { log: options.log } : {});
  await seed(deps.db.kysely, images, network);
  const harness: ComputeHarness = {
    ...mounted,
    service,
    bus,
    images,
    network,
    networkCalls,
    kysely: deps.db.kysely,
    at: async (version, method, url, call = {}) =>
      mounted.call(method, url, {
        ...call,
        headers: { 'openstack-api-version': `compute ${version}`, ...call.headers },
      }),
    create: async (fields = {}, call = {}) => {
      const body = { server: { name: 'web', flavorRef: FLAVOR, imageRef: IMAGE, ...fields } };
      const answer = await mounted.call('POST', '/v2.1/servers', { body, ...call });
      if (answer.status !== 202)
        throw new Error(`create answered ${answer.status}: ${JSON.stringify(answer.body)}`);
      return answer.body.server.id as string;
    },
    activate: async (id, changes = {}) => activate(deps.db.kysely, network, id, changes),
    outbox: async () => {
      const rows = await deps.db.kysely.selectFrom('outbox').selectAll().orderBy('created_at').execute();
      return rows.map(({ queue, method, payload }) => ({
        queue,
        method,
        payload: JSON.parse(payload) as Record<string, unknown>,
      }));
    },
    bury: async (id) => {
      const now = new Date().toISOString();
      await deps.db.kysely
        .updateTable('instances')
        .set({
          deleted: 1,
          deleted_at: now,
          terminated_at: now,
          updated_at: now,
          vm_state: 'deleted',
          task_state: null,
          host: null,
        })
        .where('id', '=', id)
        .execute();
    },
    listen: async () => {
      await mounted.app.listen({ host: '127.0.0.1', port: 0 });
      return `http://127.0.0.1:${(mounted.app.server.address() as AddressInfo).port}`;
    },
    [Symbol.asyncDispose]: async () => {
      await mounted.app.close();
      await service[Symbol.asyncDispose]();
      await bus[Symbol.asyncDispose]();
      await Promise.all(Object.values(peers).map(async (peer) => peer.close()));
    },
  };
  return harness;
}

async function volumesAway(): Promise<never> {
  throw new DomainError('unavailable', 'peer-unreachable', 'the volume service could not be reached');
}

async function seed(
  db: Executor<ComputeTables>,
  images: Map<string, Record<string, unknown> & { id: string }>,
  network: NetworkState,
): Promise<void> {
  images.set(IMAGE, {
    id: IMAGE,
    name: 'demo',
    status: 'active',
    visibility: 'public',
    owner: PROJECT,
    min_disk: 0,
    min_ram: 0,
    size: 1_000_000,
    virtual_size: 2_000_000,
    disk_format: 'qcow2',
    container_format: 'bare',
    hw_disk_bus: 'virtio',
  });
  network.networks.set(NETWORK, {
    id: NETWORK,
    name: 'private',
    project_id: PROJECT,
    shared: false,
    'router:external': false,
    mtu: 1442,
    subnets: [SUBNET],
    status: 'ACTIVE',
  });
  network.subnets.set(SUBNET, {
    id: SUBNET,
    network_id: NETWORK,
    ip_version: 4,
    cidr: '10.0.0.0/24',
    gateway_ip: '10.0.0.1',
    enable_dhcp: true,
    ipv6_address_mode: null,
    dns_nameservers: [],
    host_routes: [],
  });
  network.security_groups.set('sg-default', {
    id: 'sg-default',
    name: 'default',
    description: 'Default security group',
    project_id: PROJECT,
    security_group_rules: [],
  });
  await db
    .insertInto('flavors')
    .values({
      id: 1,
      flavor_id: FLAVOR,
      name: 'm1.tiny',
      description: null,
      vcpus: 1,
      ram: 512,
      disk: 1,
      ephemeral: 0,
      swap: 0,
      rxtx_factor: 1,
      is_public: 1,
      disabled: 0,
      extra_specs_json: '{"hw:cpu_policy":"shared"}',
      created_at: new Date().toISOString(),
    })
    .execute();
}

let lastAddress = 10;

async function activate(
  db: Executor<ComputeTables>,
  network: NetworkState,
  id: string,
  changes: Partial<InstanceRow>,
): Promise<void> {
  const port = crypto.randomUUID();
  lastAddress = lastAddress >= 250 ? 10 : lastAddress + 1;
  const address = `10.0.0.${lastAddress}`;
  const mac = `fa:16:3e:00:00:${lastAddress.toString(16).padStart(2, '0')}`;
  network.ports.set(port, {
    id: port,
    name: '',
    project_id: PROJECT,
    network_id: NETWORK,
    mac_address: mac,
    status: 'ACTIVE',
    admin_state_up: true,
    device_id: id,
    device_owner: 'compute:nova',
    fixed_ips: [{ subnet_id: SUBNET, ip_address: address }],
    security_groups: ['sg-default'],
    port_security_enabled: true,
  });
  const vif: Vif = {
    port_id: port, network_id: NETWORK, network_label: 'private', mac, mtu: 1442, devname: `tap${port.slice(0, 11)}`, active: true, owned: true,
    fixed_ips: [{ address, version: 4, subnet_id: SUBNET, cidr: '10.0.0.0/24', gateway: '10.0.0.1', dns: [], mode: 'dhcp', routes: [], floating_ips: [] }],
  }; // prettier-ignore
  const now = new Date().toISOString();
  await db
    .updateTable('instances')
    .set({
      vm_state: 'active',
      task_state: null,
      power_state: 1,
      host: 'host-1',
      node: 'host-1',
      availability_zone: 'nova',
      launched_at: now,
      updated_at: now,
      progress: 100,
      vifs_json: JSON.stringify([vif]),
      ...changes,
    })
    .where('id', '=', id)
    .execute();
  await db
    .updateTable('instance_actions')
    .set({ state: 'done', finished_at: now, host: 'host-1' })
    .where('instance_id', '=', id)
    .where('state', '=', 'running')
    .execute();
}
