// Whether a service is up, and what its backend reported. Pure.
import type { BackendReport } from '#volume/rpc.ts';
import type { VolumeConfig } from '#volume/config.ts';
import type { VolumeServiceRow } from '#volume/tables.ts';

export const isUp = (
  service: Pick<VolumeServiceRow, 'last_seen_at'>,
  now: number,
  { serviceDownMs }: Pick<VolumeConfig, 'serviceDownMs'>,
): boolean => now - Date.parse(service.last_seen_at) <= serviceDownMs;

/** Undefined for a scheduler, and for a backend that has not reported yet. */
export const reportOf = (service: Pick<VolumeServiceRow, 'report_json'>): BackendReport | undefined =>
  service.report_json === null ? undefined : (JSON.parse(service.report_json) as BackendReport);
