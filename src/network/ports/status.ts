// A port's status, derived from what the databases of OVN say right now. Pure but for the question itself.
import type { MissingHop, PortState } from '../northbound.ts';
import type { PortRow } from '../tables.ts';
import { FLOATING_IP, isAutoDeleted, isRouterOwned } from './owners.ts';

export type PortStatus = 'ACTIVE' | 'BUILD' | 'DOWN' | 'N/A';

/** BUILD: OVN's northbound database does not have it yet. Floating IPs' ports exist only here, so nothing can be up. */
export function portStatus(
  port: Pick<PortRow, 'device_owner' | 'admin_state_up' | 'binding_host_id'>,
  state: Pick<PortState, 'up' | 'missingHop' | 'host' | 'chassis'>,
): PortStatus {
  if (port.device_owner === FLOATING_IP) return 'N/A';
  if (port.admin_state_up !== 1) return 'DOWN';
  if (state.up) return isElsewhere(port, state) ? 'DOWN' : 'ACTIVE';
  if (state.missingHop === 'northbound row') return 'BUILD';
  // Router and metadata ports are everywhere at once: once OVN has them there is nothing left to wait for.
  return isRouterOwned(port.device_owner) || isAutoDeleted(port.device_owner) ? 'ACTIVE' : 'DOWN';
}

/** True while a chassis holds the port that is not the one it is bound to: when it has been bound anew just now. */
function isElsewhere(
  { binding_host_id: bound }: Pick<PortRow, 'binding_host_id'>,
  { host, chassis }: Pick<PortState, 'host' | 'chassis'>,
): boolean {
  return bound !== '' && host !== null && host !== bound && chassis !== bound;
}

/** What the port lacks to be up where it is bound. */
export function missingWhereBound(
  port: Pick<PortRow, 'binding_host_id'>,
  state: Pick<PortState, 'missingHop' | 'host' | 'chassis'>,
): MissingHop | null {
  return isElsewhere(port, state) ? 'chassis claim' : state.missingHop;
}
