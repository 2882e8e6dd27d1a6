/** Starts northd, which translates the northbound database into the southbound one. */
import { join } from 'node:path';
import { runCommand } from '#platform/supervise/run-command.ts';
import { LOG_ARGS, runDirectories } from '../ovs-programs.ts';
import { northboundSocket, southboundSocket } from './ovn-databases.ts';
import type { GroundStep } from '../ground-context.ts';

export const ovnNorthd: GroundStep = {
  name: 'ovn-northd',
  title: 'OVN northd',
  needs: ['ovn-databases'],
  do: async ({ data, supervisor }) => {
    const control = `--unixctl=${join(data.ovn, 'northd.ctl')}`;
    const databases = [
      `--ovnnb-db=unix:${northboundSocket(data)}`,
      `--ovnsb-db=unix:${southboundSocket(data)}`,
    ];
    await supervisor.start({
      name: 'ovn-northd',
      argv: ['ovn-northd', '--no-chdir', control, ...LOG_ARGS, ...databases],
      env: runDirectories(data.ovn),
      logFile: data.log('ovn-northd'),
    });
  },
  ready: async ({ data }, { signal }) => {
    const nbctl = ['ovn-nbctl', `--db=unix:${northboundSocket(data)}`, '--timeout=20'];
    await runCommand([...nbctl, 'init'], { deadlineMs: 25_000, signal });
    await runCommand([...nbctl, '--wait=sb', 'sync'], { deadlineMs: 25_000, signal });
  },
  undo: ({ supervisor }) => supervisor.stop('ovn-northd'),
};
