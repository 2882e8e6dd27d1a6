/** `--hypervisor URI`: the machine's own libvirt is used as it is; here it is asked whether it answers and runs QEMU. */
import { LibvirtClient } from '#platform/libvirt/client.ts';
import { connectGetCapabilities } from '#platform/libvirt/procedures.ts';
import { MachineUnfit } from '../errors.ts';
import type { GroundStep } from '../ground-context.ts';

const DEFAULT_SOCKET = '/var/run/libvirt/libvirt-sock';
/** Asked for the first time it probes QEMU. */
const ANSWER_MS = 60_000;

/** Of `qemu:///system` and `qemu+unix:///system?socket=/path` the socket. @throws MachineUnfit for others */
export function libvirtSocketOf(uri: string): string {
  const url = URL.canParse(uri) ? new URL(uri) : undefined;
  const isLocal = url?.host === '' && url.pathname === '/system' && /^qemu(\+unix)?:$/.test(url.protocol);
  if (!url || !isLocal) {
    const why = `${uri} is not a libvirt that can be used: guests run on this machine, as the system's`;
    throw new MachineUnfit(why, 'Use qemu:///system or qemu+unix:///system?socket=/path');
  }
  return url.searchParams.get('socket') ?? DEFAULT_SOCKET;
}

export const systemHypervisor: GroundStep = {
  name: 'system-hypervisor',
  title: "The machine's libvirt",
  needs: ['packages'],
  deadlineMs: ANSWER_MS + 5000,
  do: async ({ options }) => {
    const path = libvirtSocketOf(options.hypervisor ?? '');
    try {
      await using client = await LibvirtClient.connect({ address: { path }, connectTimeoutMs: ANSWER_MS });
      await client.call(connectGetCapabilities, undefined, { timeoutMs: ANSWER_MS });
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new MachineUnfit(
        `libvirt at ${path} does not answer (${why})`,
        'Start libvirtd, or leave out --hypervisor for a private one',
      );
    }
  },
};
