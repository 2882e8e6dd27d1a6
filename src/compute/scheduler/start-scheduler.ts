// Serves the queue `scheduler`. `src/cloud/assemble.ts` starts it where the role is.
import { serveRpc, type Subscription } from '#platform/bus/bus.ts';
import { SCHEDULER_QUEUE, type SchedulerRpc } from '../rpc.ts';
import { selectDestination } from './select-destination.ts';
import { selectHost } from './select-host.ts';
import { DEFAULT_SCHEDULER_OPTIONS, type SchedulerDeps, type SchedulerOptions } from './selection.ts';

/** Any number of schedulers may serve the queue: the claim decides. */
export async function startScheduler(
  deps: SchedulerDeps,
  options: Partial<SchedulerOptions> = {},
): Promise<Subscription> {
  const all = { ...DEFAULT_SCHEDULER_OPTIONS, ...options };
  return serveRpc<SchedulerRpc>(deps.bus, SCHEDULER_QUEUE, {
    selectHost: async (args, delivery) => selectHost(deps, args, delivery, all),
    selectDestination: async (args, delivery) => selectDestination(deps, args, delivery, all),
  });
}
