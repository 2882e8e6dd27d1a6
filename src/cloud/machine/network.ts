/**
 * What the kernel offers for networks: namespaces, veth pairs, taps and the Open vSwitch datapath. Tried for real in
 * a namespace that vanishes with the trial. Called by the bring-up and by doctor.
 */
import { CommandError, runCommand } from '#platform/supervise/run-command.ts';
import { cached, machineKey } from './cache.ts';
import type { Ability } from './kvm.ts';

export type NetworkAbilities = { netns: Ability; veth: Ability; tap: Ability; kernelOvs: Ability };

async function tryInNetns(works: string, script: string): Promise<Ability> {
  try {
    await runCommand(['unshare', '--net', 'sh', '-ec', script], { deadlineMs: 5000 });
    return { works: true, why: works };
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return { works: false, why: error.stderrTail.split('\n').at(-1) || error.message };
  }
}

/** The kernel datapath is of use only with Geneve tunnels beside it. */
const KERNEL_OVS = `ovs-dpctl add-dp probe 2>&1 || { echo 'the kernel has no openvswitch module' >&2; exit 1; }
ip link add probe0 type geneve external || { echo 'the kernel has no geneve module' >&2; exit 1; }`;

/** The answer is kept for this boot of the machine. */
export function probeNetwork(): Promise<NetworkAbilities> {
  return cached('network', machineKey(['/usr/bin/ovs-dpctl', '/usr/sbin/ip', '/sbin/ip']), async () => {
    const [netns, veth, tap, kernelOvs] = await Promise.all([
      tryInNetns('namespaces can be made', 'true'),
      tryInNetns('pairs can be made', 'ip link add probe0 type veth peer name probe1'),
      tryInNetns('taps can be made', 'ip tuntap add probe0 mode tap'),
      tryInNetns('the kernel switches', KERNEL_OVS),
    ]);
    return { netns, veth, tap, kernelOvs };
  });
}
