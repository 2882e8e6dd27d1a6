// The host switch on Open vSwitch: tap devices by `ip`, their place on the integration bridge by one OVSDB transaction.
import { connectOvsdb, type OvsdbClient } from '#platform/ovsdb/client.ts';
import { CommandShell } from '#platform/supervise/command-shell.ts';
import { CommandError, runCommand } from '#platform/supervise/run-command.ts';
import { openVswitch } from '#drivers/ovn/schema.ts';
import type { Row } from '#platform/ovsdb/model.ts';
import { CLOUD_KEY } from './port.ts';
import type { FlowCounts, FlowsOf, HostSwitch, PluggedPort, PlugResult, SwitchPort } from './port.ts';

export interface OvsSwitchOptions {
  /** OVSDB endpoint of the host's switch: `unix:/run/openvswitch/db.sock`. */
  readonly endpoint: string;
  /** Namespace that the switch and the guests' taps live in; undefined is the machine's own. */
  readonly netns: string | undefined;
  readonly integrationBridge: string;
  readonly datapath: 'netdev' | 'system';
  /** Directory of the switch's control sockets, for counting flows. */
  readonly rundir: string;
  /** Marks what is plugged here, on a switch that others use too: what does not bear it is theirs. */
  readonly cloud?: string;
}

const tables = { Bridge: openVswitch.Bridge, Port: openVswitch.Port, Interface: openVswitch.Interface };
type Client = OvsdbClient<typeof tables>;

/** How long to wait for the switch to number a port; it needs about 5 ms. */
const OFPORT_DEADLINE_MS = 5000;
/** Marks the interfaces of guests, beside OVN's `iface-id`. */
const SERVER_KEY = 'vm-uuid';

export function createOvsSwitch(options: OvsSwitchOptions): HostSwitch {
  const db: Client = connectOvsdb({ endpoint: options.endpoint, database: 'Open_vSwitch', tables });
  const shell = new CommandShell(options.netns);
  return {
    offloads: options.datapath === 'system',
    plug: async (port) => plug(db, shell, options, port),
    unplug: async (devname) => unplug(db, shell, devname),
    listPlugged: async () => {
      await db.ready;
      return db
        .table('Interface')
        .list((row) => row.external_ids[CLOUD_KEY] === options.cloud)
        .flatMap(pluggedPort);
    },
    onUnplugged: (listener) =>
      db.onChange((change) => {
        if (change.table === 'Interface' && change.kind === 'delete' && pluggedPort(change.old).length > 0)
          listener();
      }),
    countFlows: async (port, signal) => countFlows(db, options, port, signal),
    [Symbol.asyncDispose]: async () => {
      await shell[Symbol.asyncDispose]();
      await db[Symbol.asyncDispose]();
    },
  };
}

function pluggedPort(row: Row<typeof openVswitch.Interface>): PluggedPort[] {
  const { 'iface-id': portId, [SERVER_KEY]: serverId } = row.external_ids;
  return portId !== undefined && serverId !== undefined ? [{ portId, serverId, devname: row.name }] : [];
}

async function plug(
  db: Client,
  shell: CommandShell,
  options: OvsSwitchOptions,
  port: SwitchPort,
): Promise<PlugResult> {
  await db.ready;
  await ensureTap(shell, port, options.cloud);
  const [known] = db.table('Interface').where('name', port.devname);
  if (known?.external_ids['iface-id'] !== port.portId) {
    if (known) await removePort(db, port.devname);
    await addPort(db, options, port);
  }
  const ofport = await db
    .waitUntil((view) => view.table('Interface').where('name', port.devname)[0]?.ofport ?? undefined, {
      deadlineMs: OFPORT_DEADLINE_MS,
      describe: `an OpenFlow port for ${port.devname}`,
    })
    .catch(() => undefined); // the binding's own wait says what is missing
  return {
    ofport: typeof ofport === 'number' && ofport > 0 ? ofport : undefined,
    bridge: options.integrationBridge,
    datapath: options.datapath,
  };
}

async function ensureTap(
  shell: CommandShell,
  { devname, mtu }: SwitchPort,
  cloud: string | undefined,
): Promise<void> {
  const ip = ['ip', '-batch', '-'];
  const alias = cloud === undefined ? '' : ` alias ${cloud}`;
  const up = `link set dev ${devname}${alias} mtu ${mtu} up\n`;
  try {
    await shell.run(ip, { input: `tuntap add dev ${devname} mode tap\n${up}` });
  } catch (error) {
    if (!(error instanceof CommandError) || !/busy|exists/i.test(error.stderrTail)) throw error;
    await shell.run(ip, { input: up });
  }
}

async function addPort(
  db: Client,
  { integrationBridge, cloud }: OvsSwitchOptions,
  port: SwitchPort,
): Promise<void> {
  const [bridge] = db.table('Bridge').where('name', integrationBridge);
  if (!bridge) throw new Error(`the switch has no bridge ${integrationBridge}`);
  const tx = db.transaction();
  const iface = tx.insert('Interface', {
    name: port.devname,
    external_ids: {
      'iface-id': port.portId,
      'attached-mac': port.mac,
      'iface-status': 'active',
      [SERVER_KEY]: port.serverId,
      ...(cloud === undefined ? {} : { [CLOUD_KEY]: cloud }),
    },
    mtu_request: port.mtu,
  });
  const row = tx.insert('Port', { name: port.devname, interfaces: [iface] });
  tx.mutate('Bridge', bridge._uuid, ['ports', 'insert', [row]]);
  await tx.commit();
}

async function removePort(db: Client, devname: string): Promise<void> {
  const [port] = db.table('Port').where('name', devname);
  if (!port) return;
  const tx = db.transaction();
  for (const bridge of db.table('Bridge').list((each) => each.ports.includes(port._uuid)))
    tx.mutate('Bridge', bridge._uuid, ['ports', 'delete', [port._uuid]]);
  await tx.commit();
}

async function unplug(db: Client, shell: CommandShell, devname: string): Promise<void> {
  await db.ready;
  await removePort(db, devname);
  try {
    await shell.run(['ip', 'tuntap', 'del', 'dev', devname, 'mode', 'tap']);
  } catch (error) {
    if (
      !(error instanceof CommandError) ||
      !/cannot find|no such device|does not exist/i.test(error.stderrTail)
    )
      throw error;
  }
}

/** OVN's rules name a port by its OpenFlow number, and within its datapath (`metadata`) by its key in registers 14 and 15. */
async function countFlows(
  db: Client,
  options: OvsSwitchOptions,
  { devname, datapathKey, portKey }: FlowsOf,
  signal: AbortSignal,
): Promise<FlowCounts> {
  await db.ready;
  const ofport = db.table('Interface').where('name', devname)[0]?.ofport;
  if (typeof ofport !== 'number' || ofport < 0) throw new Error(`the switch has no port ${devname}`);
  const count = async (match: string): Promise<number> => countMatching(options, match, signal);
  const within = `metadata=${datapathKey}`;
  const [from, to] = [`reg14=${portKey}`, `reg15=${portKey}`];
  return {
    of_port:
      (await count(`in_port=${ofport}`)) +
      (await count(`${within},${from}`)) +
      (await count(`${within},${to}`)) -
      (await count(`${within},${from},${to}`)),
    of_datapath: await count(within),
    of_bridge: await count(''),
  };
}

/** The switch counts: its answer is one line, however many rules there are. */
async function countMatching(
  { rundir, integrationBridge }: OvsSwitchOptions,
  match: string,
  signal: AbortSignal,
): Promise<number> {
  const socket = `unix:${rundir}/${integrationBridge}.mgmt`;
  const { stdout } = await runCommand(['ovs-ofctl', 'dump-aggregate', socket, match], { signal });
  const counted = /flow_count=(\d+)/.exec(stdout)?.[1];
  if (counted === undefined) throw new Error(`ovs-ofctl counted nothing: ${stdout.slice(0, 200)}`);
  return Number(counted);
}
