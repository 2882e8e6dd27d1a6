// Serves the queue `volume-scheduler`. `src/cloud/assemble.ts` starts it where the role is.
import { serveRpc } from '#platform/bus/bus.ts';
import { isoTime } from '#platform/context/clock.ts';
import { startLoop } from '#platform/loop/loop.ts';
import { VOLUME_SCHEDULER_QUEUE, type VolumeSchedulerRpc } from '#volume/rpc.ts';
import { selectBackend, type SchedulerDeps } from './select-backend.ts';
import { saveReport } from './store.ts';

/** @param host the name under which `os-services` shows it. Any number of schedulers may serve the queue. */
export async function startVolumeScheduler(deps: SchedulerDeps, host: string): Promise<AsyncDisposable> {
  const beat = async (): Promise<void> =>
    saveReport(deps.db.kysely, {
      host,
      binary: 'cinder-scheduler',
      availability_zone: deps.config.defaultAvailabilityZone,
      report: null,
      now: isoTime(deps.clock),
    });
  await beat();
  const heartbeat = startLoop({
    name: 'volume-scheduler-heartbeat',
    intervalMs: deps.config.reportIntervalMs,
    log: deps.log,
    run: beat,
  });
  const queue = await serveRpc<VolumeSchedulerRpc>(deps.bus, VOLUME_SCHEDULER_QUEUE, {
    selectBackend: async (args, delivery) => selectBackend(deps, args, delivery),
  });
  return {
    [Symbol.asyncDispose]: async () => {
      await heartbeat[Symbol.asyncDispose]();
      await queue.close();
    },
  };
}
