/** The network namespace of one host, with the cables that come in: the provider's, and the underlay's with several. */
import { runCommand } from '#platform/supervise/run-command.ts';
import { ip, machineLink, switchNetns } from '../ground-context.ts';
import type { GroundStep, PlannedHost } from '../ground-context.ts';

export const hostNamespace = (host: PlannedHost): GroundStep => ({
  name: `host-namespace-${host.name}`,
  title: `Network namespace of ${host.name}`,
  needs: ['machine-network', 'leftovers', 'switch-namespace'],
  do: async ({ data, hosts }, { signal }) => {
    const { netns, name } = host;
    await runCommand(['ip', 'netns', 'add', netns], { signal });
    const up = ['link set lo up', 'link set ext0 up'];
    if (hosts.length === 1) {
      // Alone on the machine it is cabled to it directly.
      await ip(undefined, [`link add ${machineLink(data)} type veth peer name ext0 netns ${netns}`], signal);
    } else {
      const cable = (inside: string, outside: string, bridge: string): string[] => [
        `link add ${outside} type veth peer name ${inside} netns ${netns}`,
        `link set ${outside} master ${bridge} up`,
      ];
      const cables = [
        ...cable('phy0', `phy-${name}`, 'underlay'),
        ...cable('ext0', `ext-${name}`, 'provider'),
      ];
      await ip(switchNetns(data), cables, signal);
      up.push('link set phy0 up');
    }
    await ip(netns, up, signal);
  },
  undo: async () => {
    await runCommand(['ip', 'netns', 'delete', host.netns], { okCodes: [0, 1] });
  },
});
