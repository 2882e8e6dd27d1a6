// The launch path as a table: number, stable name, who talks to whom and how. Order of cause; traces are printed in it.

export interface Hop {
  /** As in the launch path; null for steps between its hops. */
  readonly number: number | null;
  readonly name: string;
  readonly from: string;
  readonly to: string;
  readonly by: string;
}

export const LAUNCH_HOPS: readonly Hop[] = [
  { number: 1, name: 'authenticate', from: 'client', to: 'identity', by: 'REST' },
  { number: 2, name: 'request', from: 'client', to: 'compute API', by: 'REST' },
  { number: 3, name: 'record', from: 'compute API', to: 'compute database', by: 'SQL' },
  { number: 4, name: 'schedule', from: 'compute API', to: 'scheduler', by: 'RPC' },
  { number: 5, name: 'select', from: 'scheduler', to: 'placement', by: 'SQL' },
  { number: 6, name: 'dispatch', from: 'scheduler', to: 'compute agent', by: 'RPC' },
  { number: 7, name: 'prepare', from: 'compute agent', to: 'conductor', by: 'RPC' },
  { number: 8, name: 'image.locate', from: 'compute agent', to: 'image API', by: 'REST' },
  { number: 9, name: 'image.load', from: 'compute agent', to: 'image store', by: 'store' },
  { number: 10, name: 'network.allocate', from: 'compute agent', to: 'network API', by: 'REST' },
  { number: null, name: 'network.plug', from: 'compute agent', to: 'Open vSwitch', by: 'OVSDB' },
  { number: 11, name: 'network.northbound', from: 'network API', to: 'ovn-nb', by: 'OVSDB' },
  { number: 12, name: 'network.southbound', from: 'ovn-northd', to: 'ovn-sb', by: 'OVSDB' },
  { number: 13, name: 'network.bind', from: 'ovn-controller', to: 'ovs-vswitchd', by: 'OpenFlow' },
  { number: 14, name: 'volume.request', from: 'compute agent', to: 'volume API', by: 'REST' },
  { number: 15, name: 'volume.schedule', from: 'volume API', to: 'volume scheduler', by: 'RPC' },
  { number: null, name: 'volume.connect', from: 'compute agent', to: 'volume service', by: 'RPC' },
  { number: 16, name: 'spawn', from: 'compute agent', to: 'libvirt', by: 'RPC' },
  { number: 17, name: 'volume.attach', from: 'libvirt', to: 'volume', by: 'RPC' },
  { number: null, name: 'activate', from: 'compute agent', to: 'libvirt', by: 'RPC' },
  { number: null, name: 'ready', from: 'guest', to: 'metadata', by: 'HTTP' },
];

const ORDER = new Map(LAUNCH_HOPS.map((hop, index) => [hop.name, index]));

/** Where a step stands in the launch path; unknown steps come last. */
export function hopOrder(name: string): number {
  return ORDER.get(name) ?? LAUNCH_HOPS.length;
}

export function hopNamed(name: string): Hop | undefined {
  const index = ORDER.get(name);
  return index === undefined ? undefined : LAUNCH_HOPS[index];
}
