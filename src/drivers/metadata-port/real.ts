// Metadata's place on a virtual network of this host: OVN's localport on one end of a veth, a namespace with the address
// 169.254.169.254 on the other, and a listening socket made there but served by this process.
import { fork } from 'node:child_process';
import { createServer, type Server as HttpServer } from 'node:http';
import type { Server } from 'node:net';
import { fileURLToPath } from 'node:url';
import { connectOvsdb, type OvsdbClient } from '#platform/ovsdb/client.ts';
import { CommandShell } from '#platform/supervise/command-shell.ts';
import { CommandError, inNetns } from '#platform/supervise/run-command.ts';
import { openVswitch } from '#drivers/ovn/schema.ts';
import { CLOUD_KEY } from '#drivers/ovs/port.ts';
import type { MetadataListener, MetadataNetwork, MetadataPorts } from './port.ts';

export interface MetadataPortsOptions {
  /** OVSDB endpoint of the host's switch. */
  readonly ovs: string;
  /** Namespace of the switch; undefined is the machine's own. */
  readonly netns: string | undefined;
  readonly integrationBridge: string;
  readonly datapath: 'netdev' | 'system';
  /** Begins the names of the namespaces made here; `pileus down` removes what begins so. */
  readonly prefix: string;
  /** Marks what is plugged here, on a switch that others use too. */
  readonly cloud?: string;
  readonly listener: MetadataListener;
}

const tables = { Bridge: openVswitch.Bridge, Port: openVswitch.Port, Interface: openVswitch.Interface };
type Client = OvsdbClient<typeof tables>;

const METADATA_V4 = '169.254.169.254/32';
const METADATA_V6 = 'fe80::a9fe:a9fe/64';
const LISTEN_DEADLINE_MS = 10_000;
/** Idle connections of guests; a hostile guest may open as many as it likes otherwise. */
const MAX_CONNECTIONS = 1000;

interface Place {
  ready: Promise<void>;
  http?: HttpServer;
  listening?: Server;
}

export function createMetadataPorts(options: MetadataPortsOptions): MetadataPorts {
  const db: Client = connectOvsdb({ endpoint: options.ovs, database: 'Open_vSwitch', tables });
  const shell = new CommandShell(undefined);
  const places = new Map<string, Place>();

  const remove = async (networkId: string): Promise<void> => {
    const place = places.get(networkId);
    if (!place) return;
    places.delete(networkId);
    await place.ready.catch(() => undefined);
    place.http?.closeAllConnections();
    place.listening?.close();
    await removePort(db, deviceName(networkId));
    await ip(shell, options.netns, `link del ${deviceName(networkId)}\n`, /cannot find|does not exist/i);
    await ip(shell, undefined, `netns del ${namespaceName(options, networkId)}\n`, /no such file/i);
  };

  return {
    ensure: async (network) => {
      const known = places.get(network.networkId);
      if (known) return known.ready;
      const place: Place = { ready: Promise.resolve() };
      place.ready = bringUp(db, shell, options, network, place);
      places.set(network.networkId, place);
      place.ready.catch(() => void places.delete(network.networkId));
      return place.ready;
    },
    remove,
    list: async () => [...places.keys()],
    [Symbol.asyncDispose]: async () => {
      await Promise.all([...places.keys()].map(remove));
      await shell[Symbol.asyncDispose]();
      await db[Symbol.asyncDispose]();
    },
  };
}

/** At most 15 characters; the first half of a random id is unique enough on one host, and a clash is refused by the kernel. */
const deviceName = (networkId: string): string => `md${networkId.replaceAll('-', '').slice(0, 12)}`;
const aliasOf = ({ cloud }: MetadataPortsOptions): string => (cloud === undefined ? '' : ` alias ${cloud}`);
const namespaceName = (options: MetadataPortsOptions, networkId: string): string =>
  `${options.prefix}-md-${networkId.slice(0, 13)}`;

async function bringUp(
  db: Client,
  shell: CommandShell,
  options: MetadataPortsOptions,
  network: MetadataNetwork,
  place: Place,
): Promise<void> {
  const namespace = namespaceName(options, network.networkId);
  const device = deviceName(network.networkId);
  await db.ready;
  await ip(shell, undefined, `netns add ${namespace}\n`, /file exists/i);
  await ip(
    shell,
    options.netns,
    `link add ${device} type veth peer name md0 netns ${namespace}\n`,
    /file exists/i,
  );
  await Promise.all([
    ip(shell, options.netns, `link set ${device}${aliasOf(options)} up\n`),
    ip(shell, namespace, insideCommands(network)),
  ]);
  const [listening] = await Promise.all([
    listenIn(namespace),
    options.datapath === 'netdev'
      ? shell.run(['ip', 'netns', 'exec', namespace, 'ethtool', '-K', 'md0', 'tx', 'off'])
      : undefined, // the userspace datapath mends no checksums
    addPort(db, options, device, network.portId),
  ]);
  const http = createServer({ keepAliveTimeout: 5000, requestTimeout: 10_000 }, (request, response) =>
    options.listener(network.networkId, request, response),
  );
  http.maxConnections = MAX_CONNECTIONS;
  listening.on('connection', (socket) => {
    http.emit('connection', socket);
    socket.resume();
  });
  Object.assign(place, { http, listening });
}

function insideCommands({ mac, addresses }: MetadataNetwork): string {
  const lines = [
    `link set lo up`,
    `link set md0 address ${mac} up`,
    ...[...addresses, METADATA_V4, METADATA_V6].map(
      (address) => `addr replace ${address} dev md0${address.includes(':') ? ' nodad' : ''}`,
    ),
  ];
  return `${lines.join('\n')}\n`;
}

/** `ip -batch`, so that a place costs few processes. An error that `harmless` matches is none. */
async function ip(
  shell: CommandShell,
  netns: string | undefined,
  commands: string,
  harmless?: RegExp,
): Promise<void> {
  try {
    await shell.run(['ip', ...(netns === undefined ? [] : ['-n', netns]), '-batch', '-'], {
      input: commands,
    });
  } catch (error) {
    if (!harmless || !(error instanceof CommandError) || !harmless.test(error.stderrTail)) throw error;
  }
}

async function listenIn(namespace: string): Promise<Server> {
  const script = fileURLToPath(new URL('./listen-in-namespace.ts', import.meta.url));
  const [program = 'ip', ...args] = inNetns(namespace, [process.execPath]);
  // `fork` with `ip` as the program: it becomes Node in the namespace and keeps the channel.
  const child = fork(script, [], {
    execPath: program,
    execArgv: [...args],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let said = '';
  child.stderr?.on('data', (data: Buffer) => (said += data.toString().slice(0, 2000)));
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`no listener in namespace ${namespace} within ${LISTEN_DEADLINE_MS} ms: ${said}`));
    }, LISTEN_DEADLINE_MS);
    child.once('message', (_message, handle) => {
      clearTimeout(timer);
      child.disconnect();
      resolve(handle as Server);
    });
    child.once('error', reject);
    child.once('exit', (code) => {
      clearTimeout(timer);
      if (code !== 0)
        reject(new Error(`the listener in namespace ${namespace} ended with code ${code}: ${said}`));
    });
  });
}

async function addPort(
  db: Client,
  { integrationBridge, cloud }: MetadataPortsOptions,
  device: string,
  portId: string,
): Promise<void> {
  const [bridge] = db.table('Bridge').where('name', integrationBridge);
  if (!bridge) throw new Error(`the switch has no bridge ${integrationBridge}`);
  const [known] = db.table('Interface').where('name', device);
  if (known?.external_ids['iface-id'] === portId) return;
  if (known) await removePort(db, device);
  const tx = db.transaction();
  const external_ids = { 'iface-id': portId, ...(cloud === undefined ? {} : { [CLOUD_KEY]: cloud }) };
  const iface = tx.insert('Interface', { name: device, external_ids });
  const port = tx.insert('Port', { name: device, interfaces: [iface] });
  tx.mutate('Bridge', bridge._uuid, ['ports', 'insert', [port]]);
  await tx.commit();
}

async function removePort(db: Client, device: string): Promise<void> {
  const [port] = db.table('Port').where('name', device);
  if (!port) return;
  const tx = db.transaction();
  for (const bridge of db.table('Bridge').list((each) => each.ports.includes(port._uuid)))
    tx.mutate('Bridge', bridge._uuid, ['ports', 'delete', [port._uuid]]);
  await tx.commit();
}
