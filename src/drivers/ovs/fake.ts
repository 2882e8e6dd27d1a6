// A working model of a host's switch, in memory: what is plugged, and who is told. Used by src/sim and tests.
import type { HostSwitch, PluggedPort } from './port.ts';

export interface FakeSwitchOptions {
  readonly onPlug?: (portId: string) => Promise<void> | void;
  readonly onUnplug?: (portId: string) => Promise<void> | void;
}

export function createFakeSwitch({ onPlug, onUnplug }: FakeSwitchOptions = {}): HostSwitch & {
  has(devname: string): boolean;
} {
  const ports = new Map<string, PluggedPort & { ofport: number }>();
  const listeners = new Set<() => void>();
  let next = 1;
  return {
    offloads: true,
    has: (devname) => ports.has(devname),
    plug: async ({ portId, serverId, devname }) => {
      const known = ports.get(devname);
      const ofport = known?.ofport ?? next++;
      ports.set(devname, { portId, serverId, devname, ofport });
      if (known?.portId !== portId) {
        if (known) await onUnplug?.(known.portId);
        await onPlug?.(portId);
      }
      return { ofport, bridge: 'br-int', datapath: 'netdev' };
    },
    unplug: async (devname) => {
      const known = ports.get(devname);
      ports.delete(devname);
      if (known) await onUnplug?.(known.portId);
      for (const listener of listeners) listener();
    },
    listPlugged: async () =>
      [...ports.values()].map(({ portId, serverId, devname }) => ({ portId, serverId, devname })),
    onUnplugged: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    [Symbol.asyncDispose]: async () => ports.clear(),
  };
}
