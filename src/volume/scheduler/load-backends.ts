// The pools of all volume services, as last reported, with what the database says they have promised.
import type { Executor } from '#platform/sql/database.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import type { BackendReport } from '#volume/rpc.ts';
import type { VolumeTables } from '#volume/tables.ts';
import { poolHost } from '#volume/volumes/host-name.ts';
import { listClusters } from '../clusters/store.ts';
import type { BackendState } from './backend-state.ts';
import { listVolumeServices, sumByHost } from './store.ts';

export async function loadBackends(
  db: Executor<VolumeTables>,
  { clock, config }: Pick<VolumeDeps, 'clock' | 'config'>,
): Promise<BackendState[]> {
  const services = await listVolumeServices(db);
  const clusters = new Map((await listClusters(db)).map((each) => [each.name, each]));
  const promised = await sumByHost(db);
  return services.flatMap((service) => {
    if (service.report_json === null) return [];
    const { pools } = JSON.parse(service.report_json) as BackendReport;
    const switches = clusters.get(service.cluster_name ?? '') ?? service;
    return pools.map(({ name: pool, ...stats }): BackendState => {
      const name = poolHost(service.host, pool);
      const own = promised.get(name) ?? { volumes: 0, gigabytes: 0 };
      return {
        name,
        service: service.host,
        pool,
        zone: service.availability_zone,
        up: Date.parse(service.last_seen_at) + config.serviceDownMs > clock.now(),
        cluster: service.cluster_name,
        enabled: switches.disabled === 0 && switches.frozen === 0,
        stats,
        promisedGb: Math.max(stats.provisionedGb, own.gigabytes),
        volumes: own.volumes,
      };
    });
  });
}
