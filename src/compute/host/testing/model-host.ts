// A host for tests of sagas and operations: the drivers' models, and stand-ins for the peers' clients that keep ports and
// images in memory. `leftovers` looks at all of it, and at the disk.
import { hash } from 'node:crypto';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { RpcClient } from '#platform/bus/bus.ts';
import { createInProcessBus } from '#platform/bus/in-process.ts';
import { systemClock } from '#platform/context/clock.ts';
import { DomainError } from '#platform/errors/domain-error.ts';
import type { Image, ImageClient } from '#platform/clients/image.ts';
import type { NetworkClient, Port, PortBinding, PortTrace } from '#platform/clients/network.ts';
import { KeyedMutex } from '#platform/lock/keyed-mutex.ts';
import { silentLog } from '#platform/log/log.ts';
import { MemorySagaLog } from '#platform/saga/testing.ts';
import { createLocalCarrier } from '#drivers/disk-carrier/local.ts';
import { createConfigDriveWriter } from '#drivers/config-drive/real.ts';
import { FakeHypervisor, type FakeHypervisorOptions } from '#drivers/libvirt/fake.ts';
import { createFakeMetadataPorts } from '#drivers/metadata-port/fake.ts';
import { createFakeSwitch } from '#drivers/ovs/fake.ts';
import type { ConductorRpc, InstanceEntry } from '../../rpc.ts';
import type { BlockDeviceRow } from '../../tables.ts';
import { Cancellations } from '../cancellations.ts';
import { HOST_DEFAULTS, type HostConfig } from '../config.ts';
import type { HostDeps } from '../deps.ts';
import { createImageCache } from '../image-cache.ts';
import { noFaults } from '../inject.ts';
import { Transfers } from '../moves/transfers.ts';
import { createFileRootDisks } from '../root-disk/file.ts';
import { createMetadataServer } from '../metadata/server.ts';
import { createModelVolumes, type ModelVolumes } from './model-volumes.ts';

export const SERVER_ID = '11111111-2222-4333-8444-555555555555';
export const NETWORK_ID = '22222222-2222-4333-8444-555555555555';
export const IMAGE_ID = '33333333-2222-4333-8444-555555555555';

export interface ModelHost extends AsyncDisposable {
  readonly deps: HostDeps;
  readonly entry: InstanceEntry;
  readonly ports: Map<string, Port>;
  /** Images that servers were put into. */
  readonly images: Map<string, Image>;
  readonly volumes: ModelVolumes;
  readonly hypervisor: FakeHypervisor;
  /** Hypervisors that servers can move between while they run. */
  readonly neighbours: Map<string, FakeHypervisor>;
  readonly options: ModelHostOptions;
  /** What the conductor was told, in order: method and argument. */
  readonly told: Array<{ readonly method: string; readonly args: unknown }>;
  readonly dir: string;
  /** What the conductor answers, by method; others as for an instance that is where it should be. */
  readonly answers: Partial<Record<keyof ConductorRpc, (args: never) => unknown>>;
  /** Ports are up when plugged, unless this says no. */
  portUp: (portId: string) => boolean;
  leftovers(): Promise<string[]>;
}

/** How live migrations go. */
export type ModelHostOptions = Pick<FakeHypervisorOptions, 'migrates'>;

export async function createModelHost(
  changes: Partial<InstanceEntry> = {},
  options: ModelHostOptions = {},
): Promise<ModelHost> {
  const dir = await mkdtemp(join(tmpdir(), 'model-host-'));
  await writeFile(join(dir, 'image'), IMAGE);
  const entry = { ...ENTRY, ...changes };
  const empty = {
    ports: new Map<string, Port>(),
    images: new Map<string, Image>(),
    neighbours: new Map<string, FakeHypervisor>(),
    told: [],
    answers: {},
    options,
  };
  const bus = createInProcessBus();
  const volumes = createModelVolumes(entry.devices);
  return modelHost('host-1', { ...empty, dir, entry, bus, volumes }, async () => {
    await bus[Symbol.asyncDispose]();
    await rm(dir, { recursive: true });
  });
}

/** A second host of the same cloud: all but what is on a host is the first one's. It ends with that. */
export function createHostBeside(first: ModelHost, name: string): ModelHost {
  const second = modelHost(name, { ...first, bus: first.deps.bus }, async () => undefined);
  const [here, there] = [first.portUp, second.portUp];
  first.portUp = second.portUp = (portId) => here(portId) || there(portId);
  return second;
}

const IMAGE = Buffer.alloc(64 * 1024, 'image');

/** What the hosts of a cloud have in common. */
type Cloud = Pick<
  ModelHost,
  'dir' | 'entry' | 'ports' | 'images' | 'neighbours' | 'options' | 'told' | 'answers' | 'volumes'
> &
  Pick<HostDeps, 'bus'>;

const dataDirOf = (dir: string, name: string): string => join(dir, name === 'host-1' ? 'host' : name);

function modelHost(name: string, cloud: Cloud, close: () => Promise<void>): ModelHost {
  const { dir, entry, ports, images, neighbours, options, told, answers, volumes, bus } = cloud;
  const hostSwitch = createFakeSwitch();
  const hypervisor = new FakeHypervisor({ neighbours, ...options });
  const conductor = modelConductor(entry, told, answers);
  const model: ModelHost = {
    deps: undefined as unknown as HostDeps, // set below: the clients need the model
    entry,
    ports,
    images,
    volumes,
    hypervisor,
    neighbours,
    options,
    told,
    dir,
    answers,
    portUp: (portId) => hostSwitch.has(`tap${portId.slice(0, 11)}`),
    leftovers: async () => [
      ...model.volumes.leftovers(),
      ...[...ports.keys()].map((id) => `port ${id}`),
      ...[...images.keys()].map((id) => `image ${id}`),
      ...(await hypervisor.listServers()).map((server) => `guest ${server.id}`),
      ...(await hostSwitch.listPlugged()).map((port) => `tap ${port.devname}`),
      ...(await readdir(join(dataDirOf(dir, name), 'instances')).catch(() => [])).map(
        (each) => `directory ${each}`,
      ),
    ],
    [Symbol.asyncDispose]: close,
  };
  const metadata = createMetadataServer({ conductor, clock: systemClock, log: silentLog });
  const config: HostConfig = {
    ...HOST_DEFAULTS,
    host: name,
    dataDir: dataDirOf(dir, name),
    simulated: true,
    portUpDeadlineMs: 300,
    shutdownGraceMs: 50,
  };
  const deps: HostDeps = {
    config,
    clock: systemClock,
    log: silentLog,
    bus,
    conductor,
    sagaLog: new MemorySagaLog(),
    image: modelImages(pathToFileURL(join(dir, 'image')).href, IMAGE, images),
    network: modelNetwork(model),
    volume: model.volumes.client,
    serviceToken: async () => 'service-token',
    hypervisor,
    hostSwitch,
    metadata,
    metadataPorts: createFakeMetadataPorts(metadata.listener),
    configDrives: createConfigDriveWriter(),
    imageCache: createImageCache(join(dataDirOf(dir, name), 'image-cache')),
    rootDisks: createFileRootDisks(config),
    diskCarrier: createLocalCarrier(name, (host) => dataDirOf(dir, host)),
    instanceLocks: new KeyedMutex(),
    cancellations: new Cancellations(),
    transfers: new Transfers(),
    inject: noFaults,
    signal: new AbortController().signal,
  };
  return Object.assign(model, { deps });
}

const ENTRY: InstanceEntry = {
  id: SERVER_ID,
  project_id: 'project',
  user_id: 'user',
  name: 'server',
  description: null,
  hostname: 'server',
  vm_state: 'building',
  task_state: 'scheduling',
  power_state: 0,
  host: 'host-1',
  node: 'host-1',
  availability_zone: 'nova',
  requested_zone: null,
  requested_host: null,
  flavor_id: '1',
  flavor_json: JSON.stringify({
    id: '1',
    name: 'm1.nano',
    vcpus: 1,
    ram: 128,
    disk: 1,
    ephemeral: 0,
    swap: 0,
    rxtx_factor: 1,
    extra_specs: {},
  }),
  image_id: IMAGE_ID,
  kernel_id: null,
  ramdisk_id: null,
  image_json: '{}',
  root_device_name: '/dev/vda',
  key_name: 'key',
  public_key: 'ssh-ed25519 AAAA test',
  key_type: 'ssh',
  user_data: Buffer.from('#!/bin/sh\n').toString('base64'),
  config_drive: 1,
  admin_password: 'secret',
  metadata_json: '{"role":"web"}',
  system_metadata_json: '{}',
  scheduler_hints_json: '{}',
  server_group_id: null,
  networks_json: JSON.stringify([{ kind: 'network', network_id: NETWORK_ID }]),
  port_requests_json: '[]',
  security_groups_json: '["default"]',
  vifs_json: '[]',
  disk_config: 'MANUAL',
  access_ip_v4: null,
  access_ip_v6: null,
  locked: 0,
  locked_reason: null,
  locked_by: null,
  progress: 0,
  fault_json: null,
  reservation_id: 'r-1',
  launch_index: 0,
  created_at: '2026-01-01T00:00:00.000Z',
  updated_at: null,
  launched_at: null,
  terminated_at: null,
  deleted: 0,
  deleted_at: null,
  devices: [],
};

/** Answers as the conductor does for an instance that is where it should be. */
function modelConductor(
  entry: InstanceEntry,
  told: ModelHost['told'],
  own: ModelHost['answers'],
): RpcClient<ConductorRpc> {
  const go = () => ({ kind: 'go', entry });
  const answers: Partial<Record<keyof ConductorRpc, () => unknown>> = {
    prepareLaunch: go,
    loadEntry: go,
    getEntry: () => entry,
    listHostEntries: () => [entry],
    getGuestPassword: () => '',
  };
  const call = async (method: keyof ConductorRpc, args: unknown): Promise<unknown> => {
    told.push({ method, args });
    if (method === 'writeVifs') entry.vifs_json = JSON.stringify((args as { vifs: unknown }).vifs);
    if (method === 'changeEntry') Object.assign(entry, (args as { changes: object }).changes);
    if (method === 'writeDevice') changeDevice(entry, args as Parameters<ConductorRpc['writeDevice']>[0]);
    if (method === 'exchangeDevices')
      exchangeDevices(entry, args as Parameters<ConductorRpc['exchangeDevices']>[0]);
    if (method === 'removeDevice') removeDevice(entry, args as Parameters<ConductorRpc['removeDevice']>[0]);
    const answer = own[method] as ((given: unknown) => unknown) | undefined;
    return answer ? answer(args) : answers[method]?.();
  };
  return {
    call,
    cast: async () => undefined,
    message: () => Promise.reject(new Error('no messages here')),
  } as unknown as RpcClient<ConductorRpc>;
}

type Devices = { devices: readonly BlockDeviceRow[] };

function changeDevice(
  entry: Devices,
  { device_id, changes }: Parameters<ConductorRpc['writeDevice']>[0],
): void {
  entry.devices = entry.devices.map((each) => (each.id === device_id ? { ...each, ...changes } : each));
}

function exchangeDevices(
  entry: Devices,
  { device_id, other_id }: Parameters<ConductorRpc['exchangeDevices']>[0],
): void {
  const volumeOf = (id: string): Partial<BlockDeviceRow> => {
    const {
      volume_id = null,
      volume_size = null,
      attachment_id = null,
      connection_json = null,
    } = entry.devices.find((each) => each.id === id) ?? {};
    return { volume_id, volume_size, attachment_id, connection_json };
  };
  const [mine, others] = [volumeOf(device_id), volumeOf(other_id)];
  changeDevice(entry, { device_id, changes: others });
  changeDevice(entry, { device_id: other_id, changes: mine });
}

function removeDevice(entry: Devices, { device_id }: Parameters<ConductorRpc['removeDevice']>[0]): void {
  entry.devices = entry.devices.filter((each) => each.id !== device_id);
}

/** One image that is there, and `made`, which servers fill. */
function modelImages(location: string, bytes: Buffer, made: ModelHost['images']): ImageClient {
  const image = {
    id: IMAGE_ID,
    name: 'image',
    status: 'active',
    visibility: 'public',
    owner: null,
    min_disk: 0,
    min_ram: 0,
    size: bytes.length,
    virtual_size: null,
    disk_format: 'raw',
    container_format: 'bare',
    os_hash_algo: 'sha512',
    os_hash_value: hash('sha512', bytes),
    direct_url: location,
  };
  const find = async (_token: string, id: string) => (id === IMAGE_ID ? image : made.get(id));
  const client: Partial<ImageClient> = {
    findImage: find,
    locateImage: find,
    uploadData: async (_token, id, stream) => {
      for await (const _chunk of stream);
      made.set(id, { ...image, id, status: 'active' });
    },
    deleteImage: async (_token, id) => void made.delete(id),
  };
  return client as ImageClient;
}

/** `prepared`: the hosts of its inactive bindings. */
export type ModelPort = Port & { readonly prepared?: readonly string[] };

function modelBindings(
  ports: ModelHost['ports'],
  get: (id: string) => Port,
): Pick<NetworkClient, 'createBinding' | 'activateBinding' | 'deleteBinding'> {
  return {
    createBinding: async (_token, id, { host }) => {
      const { prepared = [], ...port } = get(id) as ModelPort;
      if (!prepared.includes(host)) ports.set(id, { ...port, prepared: [...prepared, host] } as Port);
      return { host, status: 'INACTIVE' } as PortBinding;
    },
    activateBinding: async (_token, id, host) => {
      const { prepared = [], ...port } = get(id) as ModelPort;
      if (!prepared.includes(host)) throw new DomainError('not-found', 'network-404', 'no such binding');
      const left = [...prepared.filter((each) => each !== host), String(port['binding:host_id'])];
      ports.set(id, { ...port, 'binding:host_id': host, prepared: left } as Port);
    },
    deleteBinding: async (_token, id, host) => {
      const { prepared = [], ...port } = get(id) as ModelPort;
      const left = prepared.filter((each) => each !== host);
      ports.set(id, left.length > 0 ? ({ ...port, prepared: left } as Port) : (port as Port));
    },
  };
}

function modelNetwork(model: ModelHost): NetworkClient {
  const { ports } = model;
  let made = 0;
  const get = (id: string): Port => {
    const port = ports.get(id);
    if (!port) throw new DomainError('not-found', 'network-404', `Port ${id} could not be found.`);
    return port;
  };
  const trace = (id: string): PortTrace => {
    const up = model.portUp(id);
    return {
      port_id: id,
      up,
      missing: up ? null : 'chassis claim',
      northbound: {},
      southbound: {},
      binding: {},
    };
  };
  const client: Partial<NetworkClient> = {
    listNetworks: async () => [
      {
        id: NETWORK_ID,
        name: 'private',
        project_id: 'project',
        shared: false,
        'router:external': false,
        mtu: 1442,
        subnets: [],
        status: 'ACTIVE',
      },
    ],
    listSubnets: async () => [],
    listFloatingIps: async () => [],
    listSecurityGroups: async () => [],
    listPorts: async (_token, filter) =>
      [...ports.values()]
        .filter((port) => filter['device_id'] === undefined || port.device_id === filter['device_id'])
        .filter(
          (port) => filter['device_owner'] === undefined || port.device_owner === filter['device_owner'],
        ),
    getPort: async (_token, id) => get(id),
    createPort: async (_token, attributes) => {
      const number = String(++made).padStart(12, '0');
      const port = {
        id: `aaaaaa${number.slice(-2)}-0000-4000-8000-${number}`,
        name: '',
        mac_address: `fa:16:3e:00:00:${number.slice(-2)}`,
        status: 'DOWN',
        fixed_ips: [{ subnet_id: 's', ip_address: `10.0.0.${10 + made}` }],
        security_groups: [],
        port_security_enabled: true,
        device_id: '',
        device_owner: '',
        ...attributes,
      } as unknown as Port;
      ports.set(port.id, port);
      return port;
    },
    updatePort: async (_token, id, attributes) => {
      const port = { ...get(id), ...attributes };
      ports.set(id, port);
      return port;
    },
    ...modelBindings(ports, get),
    deletePort: async (_token, id) => void ports.delete(id),
    getPortTrace: async (_token, id) => trace(id),
  };
  return client as NetworkClient;
}
