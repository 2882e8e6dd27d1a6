// Whether a compute service is up. Pure.
import type { ComputeServiceRow } from './tables.ts';

const HEARTBEAT_TIMEOUT_MS = 60_000; // as the scheduler's: what lists as up can be chosen

export function isUp(service: Pick<ComputeServiceRow, 'forced_down' | 'last_seen_at'>, now: number): boolean {
  return service.forced_down === 0 && now - Date.parse(service.last_seen_at) <= HEARTBEAT_TIMEOUT_MS;
}
