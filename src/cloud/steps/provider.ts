/** The machine's end of the provider network: its interface gets the gateway address of the public subnet. */
import { runCommand } from '#platform/supervise/run-command.ts';
import { ip, machineLink, switchNetns } from '../ground-context.ts';
import type { GroundContext, GroundStep } from '../ground-context.ts';
import { claimProviderSubnet } from '../provider-subnet.ts';
import { PHYSNET, PROVIDER_BRIDGE } from './host-switch.ts';

export const provider = (needs: readonly string[]): GroundStep => ({
  name: 'provider',
  title: 'Provider network',
  needs,
  do: async (context, { signal, say }) => {
    const link = machineLink(context.data);
    if (context.hosts.length > 1) await cableToSwitch(context, signal);
    const { cidr, gatewayIp } = await claimProviderSubnet(context.data.path, async (subnet) => {
      // Open vSwitch in user space takes packets as they are: a checksum left to hardware would never be filled in.
      await runCommand(['ethtool', '-K', link, 'tx', 'off'], { signal });
      await ip(undefined, [`addr add ${subnet.gatewayIp}/24 dev ${link}`, `link set ${link} up`], signal);
    });
    context.provider = { physnet: PHYSNET, bridge: PROVIDER_BRIDGE, cidr, gatewayIp, netns: undefined };
    say(`floating IPs are reached from this machine through ${cidr}`);
  },
  undo: async ({ data }) => {
    await runCommand(['ip', 'link', 'delete', machineLink(data)], { okCodes: [0, 1] });
  },
});

async function cableToSwitch({ data }: GroundContext, signal: AbortSignal): Promise<void> {
  const netns = switchNetns(data);
  await ip(undefined, [`link add ${machineLink(data)} type veth peer name machine netns ${netns}`], signal);
  await ip(netns, ['link set machine master provider up'], signal);
}
