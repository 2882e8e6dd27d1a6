// Serves the queue `volume-scheduler`. `src/cloud/assemble.ts` starts it where the role is.
import { serveRpc } from '#platform/bus/bus.ts';
import { isoTime } from '#platform/context/clock.ts';
import { startLoop } from '#platform/loop/loop.ts';
import { LogLevels } from '#platform/log/log-levels.ts';
import {
  VOLUME_SCHEDULER_QUEUE,
  volumeSchedulerQueue,
  type ServiceRpc,
  type VolumeSchedulerRpc,
} from '#volume/rpc.ts';
import { cleanUp } from '../workers/clean-up.ts';
import { selectBackend, type SchedulerDeps } from './select-backend.ts';
import { saveReport } from './store.ts';

/** @param host the name under which `os-services` shows it. Any number of schedulers may serve the queue. */
export async function startVolumeScheduler(service: SchedulerDeps, host: string): Promise<AsyncDisposable> {
  const levels = new LogLevels(service.log);
  const deps = { ...service, log: levels.logger('volume.scheduler') };
  const beat = async (): Promise<void> =>
    saveReport(deps.db.kysely, {
      host,
      binary: 'cinder-scheduler',
      availability_zone: deps.config.defaultAvailabilityZone,
      cluster: null,
      report: null,
      now: isoTime(deps.clock),
    });
  await beat();
  const heartbeat = startLoop({
    name: 'volume-scheduler-heartbeat',
    intervalMs: deps.config.reportIntervalMs,
    log: levels.logger('volume.heartbeat'),
    run: beat,
  });
  const queue = await serveRpc<VolumeSchedulerRpc>(deps.bus, VOLUME_SCHEDULER_QUEUE, {
    selectBackend: async (args, delivery) => selectBackend(deps, args, delivery),
    cleanUp: async (args) => cleanUp(deps, args, NOTHING),
  });
  const own = await serveRpc<Omit<ServiceRpc, 'cleanUp'>>(deps.bus, volumeSchedulerQueue(host), {
    setLogLevels: async ({ prefix, level }) => levels.set(prefix, level),
    getLogLevels: async ({ prefix }) => levels.get(prefix),
  });
  return {
    [Symbol.asyncDispose]: async () => {
      await heartbeat[Symbol.asyncDispose]();
      await own.close();
      await queue.close();
    },
  };
}

/** A choice is one transaction: none is ever half done. */
const NOTHING: ReadonlySet<string> = new Set();
