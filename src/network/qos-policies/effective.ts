// Which policy holds for a port or floating IP: its own, else its network's. Pure.
import { isNetworkOwned } from '../ports/owners.ts';
import type { FloatingIpRow, PortRow } from '../tables.ts';

/** Whether the network's policy is the port's: ports of the network service itself do not follow it. */
export function isFollower(port: Pick<PortRow, 'qos_policy_id' | 'device_owner'>): boolean {
  return port.qos_policy_id === null && !isNetworkOwned(port.device_owner);
}

export function policyOfPort(
  port: Pick<PortRow, 'qos_policy_id' | 'device_owner'>,
  network: string | null | undefined,
): string | null {
  return isFollower(port) ? (network ?? null) : port.qos_policy_id;
}

export function policyOfFloatingIp(
  fip: Pick<FloatingIpRow, 'qos_policy_id'>,
  network: string | null | undefined,
): string | null {
  return fip.qos_policy_id ?? network ?? null;
}
