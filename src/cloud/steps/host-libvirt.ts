/** libvirt of one host, private to it. Its first answer is waited for beside the plan, not in it. */
import { join } from 'node:path';
import { privateLibvirtd } from '#drivers/libvirt/private-daemon.ts';
import type { PrivateLibvirtd } from '#drivers/libvirt/private-daemon.ts';
import { LibvirtClient } from '#platform/libvirt/client.ts';
import { socketAccepts } from '#platform/supervise/wait.ts';
import { findMachineCache } from '../machine/cache.ts';
import type { GroundContext, GroundStep, PlannedHost } from '../ground-context.ts';

const childName = (host: PlannedHost): string => `libvirtd-${host.name}`;

/** The first start ever on a machine asks QEMU for its abilities: 12 s alone, several times that on a busy machine. */
const FIRST_ANSWER_MS = 120_000;

function daemonOf(host: PlannedHost, { data, options }: GroundContext): PrivateLibvirtd {
  const machineCache = findMachineCache();
  return privateLibvirtd({
    dir: host.dirs.libvirt,
    hostname: host.name,
    hostUuid: host.uuid,
    capabilitiesDir: machineCache
      ? join(machineCache, 'qemu-capabilities')
      : join(data.cache, 'qemu-capabilities'),
    ...(options.network === 'system' ? {} : { netns: host.netns, ovsRundir: host.dirs.ovs }),
  });
}

export const libvirtSocket = (host: PlannedHost): string => join(host.dirs.libvirt, 'sock', 'libvirt-sock');

export const hostLibvirt = (host: PlannedHost): GroundStep => ({
  name: `host-libvirt-${host.name}`,
  title: `libvirt of ${host.name}`,
  needs: ['packages', 'leftovers', `host-namespace-${host.name}`],
  do: async (context) => {
    const daemon = daemonOf(host, context);
    await daemon.prepare();
    await context.supervisor.start({
      name: childName(host),
      argv: [daemon.command, ...daemon.args],
      logFile: context.data.log(childName(host)),
      ready: { check: () => socketAccepts(daemon.socketPath), deadlineMs: 20_000 },
      // `unshare` ignores signals; what it started is tini, which passes them on and ends the namespace.
      stop: { target: 'child', deadlineMs: 8000 },
    });
    const answer = firstAnswer(daemon.socketPath);
    // Whoever needs the hypervisor awaits it; that nobody does must not end the process.
    answer.catch(() => undefined);
    context.hypervisors.push(answer);
  },
  undo: ({ supervisor }) => supervisor.stop(childName(host)),
});

async function firstAnswer(socket: string): Promise<void> {
  const client = await LibvirtClient.connect({
    address: { path: socket },
    connectTimeoutMs: FIRST_ANSWER_MS,
  });
  await client[Symbol.asyncDispose]();
}
