/** libvirt of one host, private to it. Its first answer is waited for beside the plan, not in it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { privateLibvirtd } from '#drivers/libvirt/private-daemon.ts';
import type { PrivateLibvirtd } from '#drivers/libvirt/private-daemon.ts';
import { LibvirtClient } from '#platform/libvirt/client.ts';
import { connectGetCapabilities } from '#platform/libvirt/procedures.ts';
import { childrenOf } from '#platform/supervise/process-table.ts';
import { runCommand } from '#platform/supervise/run-command.ts';
import type { Child } from '#platform/supervise/supervisor.ts';
import { socketAccepts } from '#platform/supervise/wait.ts';
import { findMachineCache } from '../machine/cache.ts';
import type { GroundContext, GroundStep, PlannedHost } from '../ground-context.ts';

const childName = (host: PlannedHost): string => `libvirtd-${host.name}`;

/** The first start ever on a machine asks QEMU for its abilities: seconds, and many on a machine that is busy. */
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
  do: async (context, { signal }) => {
    const daemon = daemonOf(host, context);
    await daemon.prepare();
    const cpus = allowedCpus();
    const child: Child = await context.supervisor.start(
      {
        name: childName(host),
        // libvirt keeps what QEMU can do under the CPU's identity, part of which is the number of the processor
        // that it happens to run on: started on another one, it asks QEMU for everything again.
        argv: ['taskset', '-c', cpus.split(/[-,]/)[0]!, daemon.command, ...daemon.args],
        logFile: context.data.log(childName(host)),
        ready: { check: () => socketAccepts(daemon.socketPath), deadlineMs: 20_000 },
        onRestart: () => answerAndUnpin(),
        // `unshare` ignores signals; what it started is tini, which passes them on and ends the namespace.
        stop: { target: 'child', deadlineMs: 8000 },
      },
      signal,
    );
    const answerAndUnpin = async (): Promise<void> => {
      await firstAnswer(daemon.socketPath);
      await unpin(child, cpus);
    };
    const answer = answerAndUnpin();
    // Whoever needs the hypervisor awaits it; that nobody does must not end the process.
    answer.catch(() => undefined);
    context.hypervisors.push(answer);
  },
  undo: ({ supervisor }) => supervisor.stop(childName(host)),
});

/** Asks for what libvirt must know before the first guest, which is what takes long the first time. */
async function firstAnswer(socket: string): Promise<void> {
  const address = { path: socket };
  await using client = await LibvirtClient.connect({ address, connectTimeoutMs: FIRST_ANSWER_MS });
  await client.call(connectGetCapabilities, undefined, { timeoutMs: FIRST_ANSWER_MS });
}

/** As the kernel lists them: `0-3,8`. */
function allowedCpus(): string {
  return /^Cpus_allowed_list:\s*(\S+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
}

async function unpin(child: Child, cpus: string): Promise<void> {
  const [tini] = childrenOf(child.pid ?? 0);
  const [libvirtd] = tini === undefined ? [] : childrenOf(tini);
  if (libvirtd === undefined) return;
  // A thread may end between being listed and being set, which taskset counts as a failure.
  await runCommand(['taskset', '-a', '-c', '-p', cpus, String(libvirtd)], { okCodes: [0, 1] });
}
