// After a restart of the host, of its hypervisor or of Pileus: guests that ran run again, metadata knows its addresses.
import { causeChain } from '#platform/errors/domain-error.ts';
import type { InstanceEntry } from '../rpc.ts';
import { rescueOf } from '../system-metadata.ts';
import type { Vif } from '../tables.ts';
import type { HostDeps } from './deps.ts';
import { plugAll, powerOn } from './power-on.ts';
import { shouldRun } from './should-run.ts';

/** Guests that should run by their entry and that nobody acts on are made to; one that fails does not stop the rest. */
export async function restoreGuests(deps: HostDeps): Promise<void> {
  const entries = await deps.conductor.call('listHostEntries', { host: deps.config.host });
  await Promise.all(
    entries.filter(isAtRest).map(async ({ id }) =>
      deps.instanceLocks.run(id, async () => {
        try {
          await restoreGuest(deps, id);
        } catch (error) {
          deps.log.error({ server_id: id, causes: causeChain(error) }, 'guest could not be brought back');
        }
      }),
    ),
  );
}

const isAtRest = (entry: InstanceEntry): boolean =>
  entry.task_state === null && entry.vm_state !== 'error' && entry.vm_state !== 'building';

/** Reads the entry with the instance to itself: while it waited for that, the server may have been stopped or deleted. */
async function restoreGuest(deps: HostDeps, id: string): Promise<void> {
  const entry = await deps.conductor.call('getEntry', { instance_id: id });
  if (!entry || entry.host !== deps.config.host || !isAtRest(entry)) return;
  const vifs = JSON.parse(entry.vifs_json) as Vif[];
  if (!shouldRun(entry)) {
    deps.metadata.register(id, vifs);
    return;
  }
  await plugAll(deps, id, vifs);
  const { state } = await deps.hypervisor.serverState(id);
  const rescue = entry.vm_state === 'rescued' ? rescueOf(entry) : undefined;
  if (state === 'absent') await powerOn(deps, entry, { anew: false, rescue });
  if (entry.vm_state === 'paused') await deps.hypervisor.pauseServer(id);
}
