/** ovn-controller of one host: registers the host as a chassis and programs its switch. */
import { join } from 'node:path';
import { runCommand } from '#platform/supervise/run-command.ts';
import { waitUntil } from '#platform/supervise/wait.ts';
import { LOG_ARGS, runDirectories } from '../ovs-programs.ts';
import type { GroundStep, PlannedHost } from '../ground-context.ts';
import { switchSocket } from './host-switch.ts';
import { southboundSocket } from './ovn-databases.ts';

const childName = (host: PlannedHost): string => `ovn-controller-${host.name}`;

export const hostController = (host: PlannedHost): GroundStep => ({
  name: `host-controller-${host.name}`,
  title: `OVN controller of ${host.name}`,
  needs: [`host-switch-${host.name}`, 'ovn-databases'],
  do: async ({ data, supervisor }) => {
    await supervisor.start({
      name: childName(host),
      argv: ['ovn-controller', '--no-chdir', ...LOG_ARGS, `unix:${switchSocket(host)}`],
      env: runDirectories(host.dirs.ovs),
      logFile: data.log(childName(host)),
      netns: host.netns,
    });
  },
  ready: async ({ data, supervisor }, { signal }) => {
    const chassis = [
      'ovn-sbctl',
      `--db=unix:${southboundSocket(data)}`,
      '--timeout=20',
      'wait-until',
      'Chassis',
    ];
    await runCommand([...chassis, host.name, `name="${host.name}"`], { deadlineMs: 25_000, signal });
    // The chassis may be the one of an earlier run: the controller itself says whether it is connected.
    await waitUntil(
      async () => {
        const control = join(host.dirs.ovs, `ovn-controller.${supervisor.find(childName(host))?.pid}.ctl`);
        const answer = await runCommand(['ovn-appctl', '-t', control, 'connection-status'], {
          okCodes: [0, 1, 2],
        });
        return answer.stdout.trim() === 'connected';
      },
      { what: `connection of ${childName(host)} to the southbound database`, deadlineMs: 20_000, signal },
    );
  },
  undo: ({ supervisor }) => supervisor.stop(childName(host)),
});
