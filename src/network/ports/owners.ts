// Device owners that mean something to the network service itself. Pure.

export const ROUTER_INTERFACE = 'network:router_interface';
export const ROUTER_GATEWAY = 'network:router_gateway';
export const FLOATING_IP = 'network:floatingip';
/** The port through which hosts answer the metadata address; one a network. */
export const DISTRIBUTED = 'network:distributed';
export const DHCP = 'network:dhcp';

/** Ports that the service made for itself: they go with the network, and do not keep a subnet in use. */
export function isAutoDeleted(owner: string): boolean {
  return owner === DISTRIBUTED || owner === DHCP;
}

export function isRouterOwned(owner: string): boolean {
  return owner === ROUTER_INTERFACE || owner === ROUTER_GATEWAY;
}

/** Ports that only the L3 part may delete. */
export function isL3Owned(owner: string): boolean {
  return isRouterOwned(owner) || owner === FLOATING_IP;
}

/** Owners that ordinary users may not claim, and that get no security groups by default. */
export function isNetworkOwned(owner: string): boolean {
  return owner.startsWith('network:');
}
