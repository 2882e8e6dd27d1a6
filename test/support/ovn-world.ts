// OVN for tests in two worlds of one shape: the real programs, private, in namespaces of their own, and the model.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDataDirectory } from '#cloud/data-directory.ts';
import { planHosts, switchNetns, type GroundContext, type PlannedHost } from '#cloud/ground-context.ts';
import { removeLeftovers } from '#cloud/leftovers.ts';
import { silentProgress } from '#cloud/progress.ts';
import { runPlan } from '#cloud/run-plan.ts';
import { hostController } from '#cloud/steps/host-controller.ts';
import { hostNamespace } from '#cloud/steps/host-namespace.ts';
import { hostSwitch, switchSocket } from '#cloud/steps/host-switch.ts';
import { machineNetwork } from '#cloud/steps/machine-network.ts';
import { northboundSocket, ovnDatabases, southboundSocket } from '#cloud/steps/ovn-databases.ts';
import { ovnNorthd } from '#cloud/steps/ovn-northd.ts';
import { switchNamespace } from '#cloud/steps/switch-namespace.ts';
import { createFakeOvn, type FakeOvn } from '#drivers/ovn/fake.ts';
import { systemClock } from '#platform/context/clock.ts';
import type { Endpoint } from '#platform/ovsdb/endpoint.ts';
import { runCommand, type CommandOptions, type CommandResult } from '#platform/supervise/run-command.ts';
import { Supervisor } from '#platform/supervise/supervisor.ts';

export interface OvnWorld extends AsyncDisposable {
  readonly nb: Endpoint;
  readonly sb: Endpoint;
  readonly hosts: readonly string[];
  /** Absent in the model, which moves no packets. */
  readonly real?: RealWorld;
  readonly fake?: FakeOvn;
  plug(host: string, portId: string, mac: string): Promise<void>;
  unplug(host: string, portId: string): Promise<void>;
  /** Gives the first interface that was plugged on the host to another port; its name is not kept. Real only. */
  replug?(host: string, portId: string): Promise<void>;
  stopNorthd(): Promise<void>;
  startNorthd(): Promise<void>;
  stopController(host: string): Promise<void>;
  startController(host: string): Promise<void>;
  /** As a crash; it comes back by itself, with its rows. */
  crashNorthbound(): Promise<void>;
}

export interface RealWorld {
  /** Runs a program in the namespace of what is plugged as `portId`; where two hosts have it, `host` says on which. */
  inGuest(
    portId: string,
    argv: readonly string[],
    options?: CommandOptions & { readonly host?: string },
  ): Promise<CommandResult>;
  /** What an emulator sends for a guest that begins to run on the host: a RARP of its address. */
  announce(host: string, portId: string, mac: string): Promise<void>;
  /** Runs a program in a namespace on the provider network, which has 172.31.0.1/24 there. */
  outside(argv: readonly string[], options?: CommandOptions): Promise<CommandResult>;
  nbctl(...args: string[]): Promise<string>;
  sbctl(...args: string[]): Promise<string>;
  /** Of the host's integration bridge. */
  ofctl(host: string, command: string): Promise<string>;
  /** What northd and the controllers have complained about (warnings and errors), without their connections' ups and downs. */
  complaints(): Promise<string[]>;
}

/** RFC 903: who has this hardware address asks for its own. Python comes with Open vSwitch. */
const SEND_RARP = `
import socket, sys
mac = bytes.fromhex(sys.argv[1])
head = b'\\xff' * 6 + mac + bytes.fromhex('8035')
body = bytes.fromhex('0001080006040003') + (mac + b'\\0' * 4) * 2
link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
link.bind(('eth0', 0))
link.send(head + body)
`;

/** Why the real programs cannot be run here, or false. */
export function whyNoRealOvn(): string | false {
  if (process.getuid?.() !== 0) return 'not root';
  const missing = [
    'ovn-northd',
    'ovn-controller',
    'ovs-vswitchd',
    'ovsdb-server',
    'busybox',
    'ethtool',
  ].filter((name) => !['/usr/sbin', '/usr/bin', '/sbin', '/bin'].some((dir) => existsSync(join(dir, name))));
  return missing.length > 0 ? `${missing.join(', ')} not installed` : false;
}

export async function fakeOvnWorld(): Promise<OvnWorld> {
  const fake = await createFakeOvn({ clock: systemClock });
  for (const host of ['h1', 'h2']) await fake.addChassis(host);
  return {
    nb: fake.nb,
    sb: fake.sb,
    hosts: ['h1', 'h2'],
    fake,
    plug: async (host, portId) => fake.plug(host, portId),
    unplug: async (host, portId) => fake.unplug(host, portId),
    stopNorthd: async () => fake.stopNorthd(),
    startNorthd: async () => fake.startNorthd(),
    stopController: async (host) => fake.stopController(host),
    startController: async (host) => fake.startController(host),
    crashNorthbound: async () => {
      await fake.nbServer.kill();
      await fake.nbServer.start();
    },
    [Symbol.asyncDispose]: () => fake.close(),
  };
}

/** Two hosts, joined by an underlay and a provider network; nothing of it is in the machine's own namespace. */
export async function realOvnWorld(): Promise<OvnWorld> {
  const directory = await mkdtemp(join(tmpdir(), 'ovn-'));
  const data = openDataDirectory(directory);
  const hosts = planHosts(data, 2);
  const supervisor = new Supervisor({ cloud: data.prefix, recordFile: data.processRecord });
  const context: GroundContext = { options: { data }, data, supervisor, hosts, hypervisors: [] };
  /** By namespace: the port whose guest it is. */
  const guests = new Map<string, string>();
  data.make('ovn');
  data.make('log');
  data.make('run');
  const plan = [
    machineNetwork,
    ovnDatabases,
    switchNamespace,
    ...hosts.map(hostNamespace),
    ...hosts.map(hostSwitch),
    ovnNorthd,
    ...hosts.map(hostController),
  ];
  const sweep = async (): Promise<void> => {
    await supervisor.close();
    for (const guest of guests.keys())
      await runCommand(['ip', 'netns', 'delete', guest], { okCodes: [0, 1] });
    await removeLeftovers(data);
    data.close();
    await rm(directory, { recursive: true, force: true });
  };
  let undo: () => Promise<void>;
  try {
    undo = await runPlan(plan, context, { progress: silentProgress });
    const outside = switchNetns(data);
    await runCommand(['ethtool', '-K', 'provider', 'tx', 'off'], { netns: outside });
    await runCommand(['ip', '-n', outside, 'addr', 'add', '172.31.0.1/24', 'dev', 'provider']);
  } catch (error) {
    await sweep();
    throw error;
  }
  const hostOf = (name: string): PlannedHost => {
    const host = hosts.find((each) => each.name === name);
    if (!host) throw new Error(`there is no host ${name}`);
    return host;
  };
  const guestOf = (portId: string, name: string): string => `${data.prefix}-${portId.slice(0, 8)}-${name}`;
  const onlyGuestOf = (portId: string): string => {
    const found = [...guests].find(([, port]) => port === portId);
    if (!found) throw new Error(`nothing is plugged as ${portId}`);
    return found[0];
  };
  const control = { signal: new AbortController().signal, say: () => undefined, at: () => undefined };
  return {
    nb: `unix:${northboundSocket(data)}`,
    sb: `unix:${southboundSocket(data)}`,
    hosts: hosts.map((host) => host.name),
    real: {
      inGuest: async (portId, argv, { host, ...options } = {}) =>
        runCommand(argv, {
          ...options,
          netns: host === undefined ? onlyGuestOf(portId) : guestOf(portId, host),
        }),
      announce: async (name, portId, mac) => {
        await runCommand(['python3', '-c', SEND_RARP, mac.replaceAll(':', '')], {
          netns: guestOf(portId, name),
        });
      },
      outside: (argv, options = {}) => runCommand(argv, { ...options, netns: switchNetns(data) }),
      complaints: async () => {
        const names = ['ovn-northd', ...hosts.map((host) => `ovn-controller-${host.name}`)];
        const texts = await Promise.all(names.map((each) => readFile(data.log(each), 'utf8')));
        return texts
          .flatMap((text) => text.split('\n'))
          .filter(
            (line) =>
              /\|(WARN|ERR|EMER)\|/.test(line) &&
              !/\|(reconnect|jsonrpc|stream\w*|rconn|poll_loop|timeval|vif_plug_provider)\|/.test(line),
          );
      },
      nbctl: async (...args) =>
        (await runCommand(['ovn-nbctl', `--db=unix:${northboundSocket(data)}`, '--timeout=10', ...args]))
          .stdout,
      sbctl: async (...args) =>
        (await runCommand(['ovn-sbctl', `--db=unix:${southboundSocket(data)}`, '--timeout=10', ...args]))
          .stdout,
      ofctl: async (name, command) => {
        const bridge = `unix:${join(hostOf(name).dirs.ovs, 'br-int.mgmt')}`;
        return (await runCommand(['ovs-ofctl', '-O', 'OpenFlow15', command, bridge])).stdout;
      },
    },
    plug: async (name, portId, mac) => {
      const host = hostOf(name);
      const guest = guestOf(portId, name);
      const device = `v${portId.slice(0, 8)}`;
      guests.set(guest, portId);
      await runCommand(['ip', 'netns', 'add', guest]);
      const script = [
        `link add ${device} type veth peer name eth0 netns ${guest} address ${mac}`,
        `link set ${device} up`,
      ];
      await runCommand(['ip', '-n', host.netns, '-batch', '-'], { input: `${script.join('\n')}\n` });
      await runCommand(['ip', '-n', guest, 'link', 'set', 'lo', 'up']);
      await runCommand(['ip', '-n', guest, 'link', 'set', 'eth0', 'up']);
      await runCommand(['ethtool', '-K', 'eth0', 'tx', 'off'], { netns: guest });
      const vsctl = ['ovs-vsctl', `--db=unix:${switchSocket(host)}`, '--timeout=10'];
      const iface = ['set', 'interface', device, `external-ids:iface-id=${portId}`];
      await runCommand([...vsctl, 'add-port', 'br-int', device, '--', ...iface]);
    },
    unplug: async (name, portId) => {
      const device = `v${portId.slice(0, 8)}`;
      const vsctl = ['ovs-vsctl', `--db=unix:${switchSocket(hostOf(name))}`, '--timeout=10'];
      await runCommand([...vsctl, '--if-exists', 'del-port', 'br-int', device]);
      await runCommand(['ip', 'netns', 'delete', guestOf(portId, name)], { okCodes: [0, 1] });
      guests.delete(guestOf(portId, name));
    },
    replug: async (name, portId) => {
      const vsctl = ['ovs-vsctl', `--db=unix:${switchSocket(hostOf(name))}`, '--timeout=10'];
      const { stdout } = await runCommand([...vsctl, 'list-ports', 'br-int']);
      const device = stdout.split('\n').find((each) => each.startsWith('v')) ?? '';
      await runCommand([...vsctl, 'set', 'interface', device, `external-ids:iface-id=${portId}`]);
    },
    stopNorthd: () => supervisor.stop('ovn-northd'),
    startNorthd: async () => ovnNorthd.do(context, control),
    stopController: (name) => supervisor.stop(`ovn-controller-${name}`),
    startController: async (name) => hostController(hostOf(name)).do(context, control),
    crashNorthbound: async () => {
      const pid = supervisor.find('ovn-nb')?.pid;
      if (pid !== undefined) process.kill(pid, 'SIGKILL');
    },
    [Symbol.asyncDispose]: async () => {
      await undo().finally(sweep);
    },
  };
}
