// Tells the database what the backend has and can do, at the start and every few seconds.
import { isoTime } from '#platform/context/clock.ts';
import type { BackendReport } from '#volume/rpc.ts';
import { saveReport } from '#volume/scheduler/store.ts';
import { joinCluster } from '../clusters/store.ts';
import type { BackendDeps } from './deps.ts';

/** A backend that does not answer is not reported: its service is taken for down after a while. */
export async function reportBackend(deps: BackendDeps): Promise<void> {
  if (deps.cluster !== null) await joinCluster(deps.db.kysely, deps.cluster, isoTime(deps.clock));
  const stats = await deps.driver.stats();
  const report: BackendReport = {
    host: deps.host,
    availability_zone: deps.availabilityZone,
    pools: [{ name: deps.pool, ...stats }],
    simulated: stats.simulated,
  };
  await saveReport(deps.db.kysely, {
    host: deps.host,
    binary: 'cinder-volume',
    availability_zone: deps.availabilityZone,
    cluster: deps.cluster,
    report,
    now: isoTime(deps.clock),
  });
}
