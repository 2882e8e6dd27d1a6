// The pools of the backends that report, as `get_pools` and `capabilities` show them. Pure.
import type { VolumeConfig } from '#volume/config.ts';
import type { BackendReport } from '#volume/rpc.ts';
import type { VolumeServiceRow } from '#volume/tables.ts';
import { shownTime } from '#volume/times.ts';
import { isUp, reportOf } from '../os-services/states.ts';

type Reported = BackendReport['pools'][number];

export interface Pool {
  /** `host@backend#pool` */
  readonly name: string;
  readonly host: string;
  readonly backend: string;
  readonly stats: Reported;
  readonly seenAt: string;
}

/** Of the services that are up. */
export function poolsOf(
  services: readonly VolumeServiceRow[],
  now: number,
  config: Pick<VolumeConfig, 'serviceDownMs'>,
): Pool[] {
  return services
    .filter((row) => row.binary === 'cinder-volume' && isUp(row, now, config))
    .flatMap((row) =>
      (reportOf(row)?.pools ?? []).map((stats) => ({
        name: `${row.host}#${stats.name}`,
        host: row.host,
        backend: row.host.split('@')[1] ?? row.host,
        stats,
        seenAt: row.last_seen_at,
      })),
    );
}

export function capabilitiesView({ backend, stats, seenAt }: Pool): Record<string, unknown> {
  return {
    pool_name: stats.name,
    volume_backend_name: backend,
    vendor_name: stats.vendorName,
    driver_version: stats.driverVersion,
    storage_protocol: stats.storageProtocol,
    total_capacity_gb: stats.totalGb,
    free_capacity_gb: stats.freeGb,
    provisioned_capacity_gb: stats.provisionedGb,
    max_over_subscription_ratio: String(stats.maxOverSubscriptionRatio),
    reserved_percentage: 0,
    thin_provisioning_support: stats.thinProvisioning,
    thick_provisioning_support: !stats.thinProvisioning,
    multiattach: stats.multiattach,
    QoS_support: false,
    replication_enabled: false,
    simulated: stats.simulated,
    timestamp: shownTime(seenAt),
  };
}
