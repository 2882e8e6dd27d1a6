// After a restart of the host or of Pileus: guests that ran run again, metadata knows its addresses.
import { causeChain } from '#platform/errors/domain-error.ts';
import type { Vif } from '../tables.ts';
import type { HostDeps } from './deps.ts';
import { plugAll, powerOn } from './power-on.ts';

/** Guests whose entry says active or paused and that nobody acts on are made to run; one that fails does not stop the rest. */
export async function restoreGuests(deps: HostDeps): Promise<void> {
  const entries = await deps.conductor.call('listHostEntries', { host: deps.config.host });
  await Promise.all(
    entries
      .filter(
        (entry) => entry.task_state === null && entry.vm_state !== 'error' && entry.vm_state !== 'building',
      )
      .map(async (entry) =>
        deps.instanceLocks.run(entry.id, async () => {
          try {
            if (entry.vm_state === 'active' || entry.vm_state === 'paused') {
              await plugAll(deps, entry.id, JSON.parse(entry.vifs_json) as Vif[]);
              const { state } = await deps.hypervisor.serverState(entry.id);
              if (state === 'absent') await powerOn(deps, entry, { anew: false });
              if (entry.vm_state === 'paused') await deps.hypervisor.pauseServer(entry.id);
            } else {
              deps.metadata.register(entry.id, JSON.parse(entry.vifs_json) as Vif[]);
            }
          } catch (error) {
            deps.log.error(
              { server_id: entry.id, causes: causeChain(error) },
              'guest could not be brought back',
            );
          }
        }),
      ),
  );
}
