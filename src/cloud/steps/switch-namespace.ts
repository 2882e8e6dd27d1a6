/** Several hosts on one machine are joined by two bridges in a namespace: the underlay and the provider network. */
import { runCommand } from '#platform/supervise/run-command.ts';
import { ip, switchNetns } from '../ground-context.ts';
import type { GroundStep } from '../ground-context.ts';

export const switchNamespace: GroundStep = {
  name: 'switch-namespace',
  title: 'Cables between the hosts',
  needs: ['machine-network', 'leftovers'],
  do: async ({ data }, { signal }) => {
    const netns = switchNetns(data);
    await runCommand(['ip', 'netns', 'add', netns], { signal });
    const lines = ['link set lo up'];
    for (const bridge of ['underlay', 'provider']) {
      lines.push(`link add ${bridge} type bridge`, `link set ${bridge} up`);
    }
    await ip(netns, lines, signal);
  },
  undo: async ({ data }) => {
    await runCommand(['ip', 'netns', 'delete', switchNetns(data)], { okCodes: [0, 1] });
  },
};
