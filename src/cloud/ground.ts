/** The ground the services stand on: OVN, Open vSwitch and libvirt, brought up and down. Called by up.ts and tests. */
import { MachineUnfit } from './errors.ts';
import type { Ground, GroundHost, GroundOptions } from './ground-options.ts';
import { need, planHosts } from './ground-context.ts';
import type { GroundContext, PlannedHost } from './ground-context.ts';
import { removeLeftovers } from './leftovers.ts';
import { groundPlan } from './plan.ts';
import { silentProgress } from './progress.ts';
import { runPlan } from './run-plan.ts';
import { INTEGRATION_BRIDGE, switchSocket } from './steps/host-switch.ts';
import { libvirtSocket } from './steps/host-libvirt.ts';
import { libvirtSocketOf } from './steps/system-hypervisor.ts';
import { rundirOf } from './steps/system-network.ts';
import { northboundSocket, southboundSocket } from './steps/ovn-databases.ts';
import { Supervisor } from '#platform/supervise/supervisor.ts';
import type { ChildEvent } from '#platform/supervise/supervisor.ts';

export type { Ground, GroundHost, GroundOptions, GroundProvider } from './ground-options.ts';

/** Brings the ground up. On failure everything begun is undone before it throws (StepFailed, MachineUnfit). */
export async function startGround(
  options: GroundOptions,
  onChildEvent?: (event: ChildEvent) => void,
): Promise<Ground> {
  checkOptions(options);
  const { data, progress = silentProgress, signal } = options;
  const hosts = planHosts(data, options.network === 'system' ? 1 : (options.hosts ?? 1));
  const supervisor = new Supervisor({
    cloud: data.prefix,
    recordFile: data.processRecord,
    onEvent: onChildEvent,
  });
  const context: GroundContext = { options, data, supervisor, hosts, hypervisors: [] };
  const sweep = async (): Promise<void> => {
    await supervisor.close();
    await removeLeftovers(data);
  };
  let undo: () => Promise<void>;
  try {
    undo = await runPlan(groundPlan(options, hosts), context, { progress, signal });
  } catch (error) {
    // Why it did not come up is the thing to tell; what cannot be removed now is tried again by the next start.
    await sweep().catch(() => undefined);
    throw error;
  }
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => (closing ??= undo().finally(sweep));
  return { ...describe(context), close, [Symbol.asyncDispose]: close };
}

function checkOptions(options: GroundOptions): void {
  if (process.getuid?.() !== 0) {
    throw new MachineUnfit(
      'networks and guests need root',
      'Run as root, or use --simulated, which does not',
    );
  }
  if (options.hypervisor !== undefined && options.network !== 'system') {
    const why = 'the machine’s libvirt cannot plug guests into a private Open vSwitch';
    throw new MachineUnfit(why, 'Use --hypervisor together with --network system');
  }
  if (options.hypervisor !== undefined) libvirtSocketOf(options.hypervisor);
  if (options.ceph !== undefined && options.network !== 'system') {
    const why = 'hosts in namespaces of their own do not reach a Ceph cluster outside';
    throw new MachineUnfit(why, 'Use --ceph-conf together with --network system, or leave it out');
  }
  const hosts = options.hosts ?? 1;
  if (!Number.isInteger(hosts) || hosts < 1 || hosts > 20) {
    throw new MachineUnfit(`${hosts} hosts cannot be run on one machine`, 'Choose 1 to 20');
  }
  if (hosts > 1 && options.network === 'system') {
    throw new MachineUnfit('--network system knows one host, the machine', 'Leave out --hosts');
  }
}

function describe(context: GroundContext): Omit<Ground, 'close' | typeof Symbol.asyncDispose> {
  const { data, hosts, system } = context;
  const hypervisorsReady = Promise.all(context.hypervisors).then(() => undefined);
  // Whoever needs it awaits it; that nobody does must not end the process.
  hypervisorsReady.catch(() => undefined);
  return {
    nb: system?.nb ?? `unix:${northboundSocket(data)}`,
    sb: system?.sb ?? `unix:${southboundSocket(data)}`,
    hosts: hosts.map((host) => describeHost(host, context)),
    provider: need(context.provider, 'provider'),
    ceph: context.ceph,
    hypervisorsReady,
  };
}

function describeHost(host: PlannedHost, context: GroundContext): GroundHost {
  const { system, options } = context;
  const { hypervisor } = options;
  return {
    name: system?.hostname ?? host.name,
    ovs: system?.ovs ?? `unix:${switchSocket(host)}`,
    libvirt: {
      socket: hypervisor === undefined ? libvirtSocket(host) : libvirtSocketOf(hypervisor),
      shared: hypervisor !== undefined,
    },
    netns: system ? undefined : host.netns,
    datapath: need(context.datapath, 'machine-network'),
    accel: need(context.kvm, 'machine-kvm').works ? 'kvm' : 'tcg',
    integrationBridge: system?.bridge ?? INTEGRATION_BRIDGE,
    rundir: system ? rundirOf(system.ovs) : host.dirs.ovs,
    dirs: host.dirs,
  };
}
