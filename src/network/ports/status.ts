// A port's status, derived from what the databases of OVN say right now. Pure but for the question itself.
import type { PortState } from '../northbound.ts';
import type { PortRow } from '../tables.ts';
import { FLOATING_IP, isAutoDeleted, isRouterOwned } from './owners.ts';

export type PortStatus = 'ACTIVE' | 'BUILD' | 'DOWN' | 'N/A';

/** BUILD: OVN's northbound database does not have it yet. Floating IPs' ports exist only here, so nothing can be up. */
export function portStatus(
  port: Pick<PortRow, 'device_owner' | 'admin_state_up'>,
  state: PortState,
): PortStatus {
  if (port.device_owner === FLOATING_IP) return 'N/A';
  if (port.admin_state_up !== 1) return 'DOWN';
  if (state.up) return 'ACTIVE';
  if (state.missingHop === 'northbound row') return 'BUILD';
  // Router and metadata ports are everywhere at once: once OVN has them there is nothing left to wait for.
  return isRouterOwned(port.device_owner) || isAutoDeleted(port.device_owner) ? 'ACTIVE' : 'DOWN';
}
