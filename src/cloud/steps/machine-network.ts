/** Finds out what the kernel offers for networks, and with it which datapath the switches use. */
import { MachineUnfit } from '../errors.ts';
import { probeNetwork } from '../machine/network.ts';
import type { GroundStep } from '../ground-context.ts';

export const machineNetwork: GroundStep = {
  name: 'machine-network',
  title: 'Network abilities of the machine',
  needs: ['packages'],
  do: async (context) => {
    const abilities = await probeNetwork();
    const { netns, veth, tap, kernelOvs } = abilities;
    const lacking = Object.entries({ netns, veth, tap }).filter(([, { works }]) => !works);
    if (lacking.length > 0) {
      const what = lacking.map(([name, { why }]) => `${name} cannot be used (${why})`).join(', ');
      throw new MachineUnfit(what, 'Run as root on a kernel with these, or use --simulated');
    }
    context.datapath = kernelOvs.works ? 'system' : 'netdev';
  },
};
