/**
 * Open vSwitch of one host: its database, its daemon, the integration bridge, the provider bridge and, with several
 * hosts, the bridge that carries the tunnels.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { runCommand } from '#platform/supervise/run-command.ts';
import { ip, need } from '../ground-context.ts';
import type { GroundContext, GroundStep, PlannedHost } from '../ground-context.ts';
import { LOG_ARGS, runDirectories, startDatabase } from '../ovs-programs.ts';
import { southboundSocket } from './ovn-databases.ts';

export const PHYSNET = 'physnet1';
export const PROVIDER_BRIDGE = 'br-ex';
export const INTEGRATION_BRIDGE = 'br-int';

const databaseName = (host: PlannedHost): string => `ovs-db-${host.name}`;
const daemonName = (host: PlannedHost): string => `ovs-vswitchd-${host.name}`;

export const switchSocket = (host: PlannedHost): string => join(host.dirs.ovs, 'db.sock');

export const hostSwitch = (host: PlannedHost): GroundStep => ({
  name: `host-switch-${host.name}`,
  title: `Open vSwitch of ${host.name}`,
  needs: [`host-namespace-${host.name}`],
  do: async (context, { signal }) => {
    const { data, supervisor } = context;
    data.make('hosts', host.name, 'ovs');
    // Everything in it is set up below or plugged by the agent: a fresh one has no ports of guests that are gone.
    rmSync(join(host.dirs.ovs, 'conf.db'), { force: true });
    await startDatabase(supervisor, databaseOf(host, context), signal);
    // The daemon waits for its bridges as the command waits for the daemon.
    await Promise.all([startDaemon(host, context), setUp(host, context, signal)]);
    await addressTunnels(host, context);
  },
  undo: async ({ supervisor }) => {
    await supervisor.stop(daemonName(host));
    await supervisor.stop(databaseName(host));
  },
});

function databaseOf(host: PlannedHost, { data }: GroundContext): Parameters<typeof startDatabase>[1] {
  return {
    name: databaseName(host),
    directory: host.dirs.ovs,
    file: 'conf.db',
    socket: 'db.sock',
    schema: '/usr/share/openvswitch/vswitch.ovsschema',
    logFile: data.log(databaseName(host)),
    netns: host.netns,
  };
}

async function startDaemon(host: PlannedHost, context: GroundContext): Promise<void> {
  const name = daemonName(host);
  const control = `--unixctl=${join(host.dirs.ovs, 'vswitchd.ctl')}`;
  const userspace = context.datapath === 'netdev' ? ['--disable-system'] : [];
  await context.supervisor.start({
    name,
    argv: ['ovs-vswitchd', '--no-chdir', control, ...LOG_ARGS, ...userspace, `unix:${switchSocket(host)}`],
    env: runDirectories(host.dirs.ovs),
    logFile: context.data.log(name),
    netns: host.netns,
    // Bridges are interfaces that end with the daemon, and their addresses with them.
    onRestart: () => addressTunnels(host, context),
  });
}

/** One transaction, which ends when the daemon has done all it says. */
async function setUp(host: PlannedHost, context: GroundContext, signal: AbortSignal): Promise<void> {
  const datapath = need(context.datapath, 'machine-network');
  const bridge = (name: string, ...more: string[]): string[] => [
    '--',
    '--may-exist',
    'add-br',
    name,
    '--',
    'set',
    'Bridge',
    name,
    `datapath_type=${datapath}`,
    ...more,
  ];
  const port = (name: string, on: string): string[] => ['--', '--may-exist', 'add-port', on, name];
  const ids = {
    'system-id': host.name,
    hostname: host.name,
    'ovn-remote': `unix:${southboundSocket(context.data)}`,
    'ovn-encap-type': 'geneve',
    'ovn-encap-ip': host.encapIp,
    'ovn-bridge': INTEGRATION_BRIDGE,
    'ovn-bridge-datapath-type': datapath,
    'ovn-bridge-mappings': `${PHYSNET}:${PROVIDER_BRIDGE}`,
    // Few hosts: having the whole southbound database saves a round trip for each first port of a network.
    'ovn-monitor-all': 'true',
    // Emulated guests can keep the processors busy for longer than the 5 s after which peers are given up.
    'ovn-remote-probe-interval': '60000',
    'ovn-openflow-probe-interval': '60',
  };
  const setIds = Object.entries(ids).map(([key, value]) => `external-ids:${key}="${value}"`);
  const argv = [
    'ovs-vsctl',
    `--db=unix:${switchSocket(host)}`,
    '--timeout=20',
    'set',
    'Open_vSwitch',
    '.',
    ...setIds,
  ];
  argv.push(...bridge(INTEGRATION_BRIDGE, 'fail_mode=secure', 'other-config:disable-in-band=true'));
  argv.push(...bridge(PROVIDER_BRIDGE), ...port('ext0', PROVIDER_BRIDGE));
  if (context.hosts.length > 1) argv.push(...bridge('br-phy'), ...port('phy0', 'br-phy'));
  await runCommand(argv, { deadlineMs: 25_000, signal });
}

/** The tunnel end point must be on a bridge of the switch, or the userspace datapath cannot send to it. */
async function addressTunnels(host: PlannedHost, { hosts }: GroundContext): Promise<void> {
  if (hosts.length === 1) return;
  await ip(host.netns, [`addr replace ${host.encapIp}/24 dev br-phy`, 'link set br-phy up']);
}
