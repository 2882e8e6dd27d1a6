/** What the steps of the ground share: the options, who supervises, the hosts as planned, and what steps find out. */
import { join } from 'node:path';
import { randomUUID } from 'node:crypto';
import type { CephCluster } from '#drivers/rbd/access.ts';
import type { PrivateCluster } from '#drivers/rbd/private-cluster/files.ts';
import type { Supervisor } from '#platform/supervise/supervisor.ts';
import { runCommand } from '#platform/supervise/run-command.ts';
import type { DataDirectory } from './data-directory.ts';
import type { GroundOptions, GroundProvider, HostDirectories } from './ground-options.ts';
import type { Ability } from './machine/kvm.ts';
import type { Plan, Step } from './run-plan.ts';

export type PlannedHost = {
  name: string;
  /** 1 for the first. */
  index: number;
  netns: string;
  dirs: HostDirectories;
  /** Own libvirt host UUID, kept for the life of the data directory. */
  uuid: string;
  /** Tunnel end point; a host alone has no peer to tunnel to. */
  encapIp: string;
};

export type GroundContext = {
  options: GroundOptions;
  data: DataDirectory;
  supervisor: Supervisor;
  hosts: readonly PlannedHost[];
  /** Set by the steps machine-network, machine-kvm, provider and host-libvirt. */
  datapath?: 'netdev' | 'system';
  kvm?: Ability;
  provider?: GroundProvider;
  hypervisors: Promise<void>[];
  /** Set by the steps ceph-files or ceph-existing. */
  ceph?: CephCluster;
  cephCluster?: PrivateCluster;
  /** Set by the step system-network. */
  system?: {
    nb: string;
    sb: string;
    ovs: string;
    hostname: string;
    datapath: 'netdev' | 'system';
    bridge: string;
  };
};

export type GroundStep = Step<GroundContext>;
export type GroundPlan = Plan<GroundContext>;

/** The value that an earlier step was to set. */
export function need<T>(value: T | undefined, step: string): T {
  if (value === undefined) throw new Error(`step ${step} has not run`);
  return value;
}

export function planHosts(data: DataDirectory, count: number): PlannedHost[] {
  return Array.from({ length: count }, (_, at) => {
    const index = at + 1;
    const name = `h${index}`;
    const top = data.host(name);
    data.make('hosts', name);
    return {
      name,
      index,
      netns: `${data.prefix}-${name}`,
      dirs: { top, ovs: join(top, 'ovs'), libvirt: join(top, 'libvirt') },
      uuid: keptUuid(data, name),
      encapIp: count === 1 ? '127.0.0.1' : `10.99.0.${index}`,
    };
  });
}

function keptUuid(data: DataDirectory, name: string): string {
  const file = join('hosts', name, 'host.json');
  const kept = data.readJson(file);
  if (typeof kept === 'object' && kept !== null && 'uuid' in kept) return String(kept.uuid);
  const uuid = randomUUID();
  data.writeJson(file, { uuid });
  return uuid;
}

/** The namespace that joins the hosts of one machine, where there are several. */
export function switchNetns(data: DataDirectory): string {
  return `${data.prefix}-switch`;
}

/** The namespace of the cloud's own Ceph cluster. */
export function cephNetns(data: DataDirectory): string {
  return `${data.prefix}-ceph`;
}

/** The machine's own interface on the provider network; 13 characters, the kernel allows 15. */
export function machineLink(data: DataDirectory): string {
  return `${data.prefix}-ex`;
}

/** Several `ip` commands in one process. */
export async function ip(
  netns: string | undefined,
  lines: readonly string[],
  signal?: AbortSignal,
): Promise<void> {
  const where = netns === undefined ? [] : ['-n', netns];
  await runCommand(['ip', ...where, '-batch', '-'], { input: `${lines.join('\n')}\n`, signal });
}
