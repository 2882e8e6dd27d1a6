// Tells the conductor what guests did by themselves: powered off from inside, crashed. Events nudge, the state decides.
// Guests that ended with their hypervisor, when its daemon died, are started again.
import { startLoop } from '#platform/loop/loop.ts';
import { POWER_STATE, type PowerState } from '../tables.ts';
import type { ServerStateName } from '#drivers/libvirt/port.ts';
import type { HostDeps } from './deps.ts';
import { restoreGuests } from './restore-guests.ts';

const TICK_MS = 30_000; // how late a guest that powered off can be seen when its event was lost

const POWER_STATE_OF: Readonly<Record<ServerStateName, PowerState>> = {
  running: POWER_STATE.running,
  paused: POWER_STATE.paused,
  'shutting-down': POWER_STATE.running,
  crashed: POWER_STATE.crashed,
  suspended: POWER_STATE.shutdown,
  absent: POWER_STATE.shutdown,
};

export function followPowerStates(deps: HostDeps, restored: Promise<unknown>): AsyncDisposable {
  let running = new Set<string>();
  let lost = false; // the connection to the hypervisor was, and guests may have ended with it
  const restoreLost = async (): Promise<void> => {
    lost = false;
    try {
      await restoreGuests(deps);
    } catch (error) {
      lost = true;
      throw error;
    }
  };
  const loop = startLoop({
    name: `power-states-${deps.config.host}`,
    intervalMs: TICK_MS,
    log: deps.log,
    run: async () => {
      await restored; // until then they are absent, and will be back
      // Entries first: what is done with a guest after they were read changes them, and the report is then dropped.
      const entries = await deps.conductor.call('listHostEntries', { host: deps.config.host });
      const guests = await deps.hypervisor.listServers();
      // Those that ended with the hypervisor are started again rather than reported. One that survived shows that it was the
      // connection alone that broke: a guest that is gone then has ended by itself.
      if (lost && !guests.some((guest) => running.has(guest.id))) {
        await restoreLost();
        return void loop.nudge();
      }
      lost = false;
      running = new Set(guests.map((guest) => guest.id));
      const states = entries
        .filter((entry) => entry.task_state === null && !deps.instanceLocks.isHeld(entry.id))
        .map((entry) => ({
          instance_id: entry.id,
          seen_at: entry.updated_at,
          power_state: POWER_STATE_OF[guests.find((guest) => guest.id === entry.id)?.state ?? 'absent'],
        }));
      if (states.length > 0)
        await deps.conductor.call('reportPowerStates', { host: deps.config.host, states });
    },
  });
  const end = deps.hypervisor.onServerEvent((event) => {
    if (event.kind === 'resync') lost = deps.config.guestsEndWithHypervisor;
    if (event.kind === 'started') running.add(event.serverId);
    if (event.kind !== 'started' && event.kind !== 'resumed') loop.nudge();
  });
  return {
    [Symbol.asyncDispose]: async () => {
      end();
      await loop[Symbol.asyncDispose]();
    },
  };
}
