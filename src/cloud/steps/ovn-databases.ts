/** Serves OVN's northbound and southbound databases, which live in the data directory. */
import { join } from 'node:path';
import { runCommand } from '#platform/supervise/run-command.ts';
import { startDatabase } from '../ovs-programs.ts';
import type { GroundContext, GroundStep } from '../ground-context.ts';
import type { DataDirectory } from '../data-directory.ts';

export const northboundSocket = (data: DataDirectory): string => join(data.ovn, 'nb.sock');
export const southboundSocket = (data: DataDirectory): string => join(data.ovn, 'sb.sock');

export const ovnDatabases: GroundStep = {
  name: 'ovn-databases',
  title: 'OVN databases',
  needs: ['packages', 'leftovers'],
  do: async (context, { signal }) => {
    const { data, supervisor } = context;
    const start = (short: 'nb' | 'sb'): Promise<void> =>
      startDatabase(
        supervisor,
        {
          name: `ovn-${short}`,
          directory: data.ovn,
          file: `${short}.db`,
          socket: `${short}.sock`,
          schema: `/usr/share/ovn/ovn-${short}.ovsschema`,
          logFile: data.log(`ovn-${short}`),
        },
        signal,
      );
    await Promise.all([start('nb'), start('sb')]);
    await forgetOldHosts(context, signal);
  },
  undo: async ({ supervisor }) => {
    await Promise.all([supervisor.stop('ovn-nb'), supervisor.stop('ovn-sb')]);
  },
};

/** A cloud that was killed and comes back with fewer hosts would else wait for the absent ones for ever. */
async function forgetOldHosts({ data, hosts }: GroundContext, signal: AbortSignal): Promise<void> {
  const sbctl = ['ovn-sbctl', `--db=unix:${southboundSocket(data)}`, '--timeout=5'];
  const { stdout } = await runCommand([...sbctl, '--bare', '--columns=name', 'list', 'Chassis'], { signal });
  const old = stdout.split(/\s+/).filter((name) => name !== '' && !hosts.some((host) => host.name === name));
  for (const name of old) await runCommand([...sbctl, '--if-exists', 'chassis-del', name], { signal });
}
