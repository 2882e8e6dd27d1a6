// Puts ports of running guests back on the integration bridge that somebody took off it: an operator, a switch that lost its
// database. The tap device is still the guest's, so that its packets flow again without its notice.
import { startLoop, type Loop } from '#platform/loop/loop.ts';
import type { InstanceEntry } from '../rpc.ts';
import type { Vif } from '../tables.ts';
import type { HostDeps } from './deps.ts';
import { shouldRun } from './should-run.ts';
import { plugAll } from './power-on.ts';

/** `restored`: guests of an earlier run are back. */
export function startRepairingPorts(deps: HostDeps, restored: Promise<unknown>): AsyncDisposable {
  const { config, log } = deps;
  const loop: Loop = startLoop({
    name: `repair-ports-${config.host}`,
    intervalMs: config.auditMs,
    log,
    run: async () => {
      await restored;
      await repairPorts(deps);
    },
  });
  const end = deps.hostSwitch.onUnplugged(() => loop.nudge());
  return {
    [Symbol.asyncDispose]: async () => {
      end();
      await loop[Symbol.asyncDispose]();
    },
  };
}

async function repairPorts(deps: HostDeps): Promise<void> {
  const { conductor, config, instanceLocks } = deps;
  const plugged = await pluggedNames(deps);
  const entries = await conductor.call('listHostEntries', { host: config.host });
  const suspects = entries.filter((entry) => mayRun(entry) && unplugged(entry, plugged).length > 0);
  for (const { id } of suspects.filter((entry) => !instanceLocks.isHeld(entry.id)))
    await instanceLocks.run(id, async () => repairPortsOf(deps, id));
}

/** Looks again with the instance to itself: an interface may just have been detached, or the guest stopped. */
async function repairPortsOf(deps: HostDeps, id: string): Promise<void> {
  const entry = await deps.conductor.call('getEntry', { instance_id: id });
  if (!entry || entry.host !== deps.config.host || !mayRun(entry)) return;
  if ((await deps.hypervisor.serverState(id)).state === 'absent') return;
  const missing = unplugged(entry, await pluggedNames(deps));
  if (missing.length === 0) return;
  await plugAll(deps, id, vifsOf(entry));
  deps.log.warn(
    { server_id: id, devices: missing.map((vif) => vif.devname) },
    'ports that were off the integration bridge are back on it',
  );
}

const mayRun = (entry: InstanceEntry): boolean => entry.task_state === null && shouldRun(entry);

const vifsOf = (entry: InstanceEntry): Vif[] => JSON.parse(entry.vifs_json) as Vif[];

async function pluggedNames({ hostSwitch }: HostDeps): Promise<ReadonlySet<string>> {
  return new Set((await hostSwitch.listPlugged()).map((port) => port.devname));
}

function unplugged(entry: InstanceEntry, plugged: ReadonlySet<string>): Vif[] {
  return vifsOf(entry).filter((vif) => !plugged.has(vif.devname));
}
