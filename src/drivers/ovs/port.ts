// The virtual switch of one host in our words: guests' tap devices and their place on the integration bridge.
// The compute agent uses it. `real.ts` speaks OVSDB to the host's Open vSwitch; `fake.ts` is a working model.

/** Key in `external_ids` of the cloud that an interface on a shared switch belongs to. */
export const CLOUD_KEY = 'pileus-cloud';

export interface SwitchPort {
  /** Becomes the interface's `iface-id`, by which OVN binds it. */
  readonly portId: string;
  /** Kept beside it, so that leftovers name their owner. */
  readonly serverId: string;
  /** At most 15 characters. */
  readonly devname: string;
  readonly mac: string;
  readonly mtu: number;
}

export interface PluggedPort {
  readonly portId: string;
  readonly serverId: string;
  readonly devname: string;
}

export interface PlugResult {
  /** OpenFlow port on the integration bridge; undefined while the switch has not given one. */
  readonly ofport: number | undefined;
  readonly bridge: string;
  readonly datapath: 'netdev' | 'system';
}

export interface HostSwitch extends AsyncDisposable {
  /** True when the datapath moves packets with unfinished checksums safely (kernel), false for the userspace one. */
  readonly offloads: boolean;
  /** Makes the tap device if it is not there, and puts it on the integration bridge. May be repeated. */
  plug(port: SwitchPort): Promise<PlugResult>;
  /** Takes the port off the bridge and removes the tap device. May be repeated; absent is no error. */
  unplug(devname: string): Promise<void>;
  /** Every port of a server on the integration bridge. */
  listPlugged(): Promise<PluggedPort[]>;
  /** A nudge when a port of a server has left the bridge, whoever took it off. @returns the unsubscribe */
  onUnplugged(listener: () => void): () => void;
  /**
   * OpenFlow rules on the integration bridge, for the launch record; takes tens of milliseconds. Absent where packets are
   * only modelled: there are no rules to count. @throws Error when the switch has no such port
   */
  countFlows?(port: FlowsOf, signal: AbortSignal): Promise<FlowCounts>;
}

/** A port as OVN's rules name it. */
export interface FlowsOf {
  readonly devname: string;
  /** The tunnel key of its datapath, and its own within that. */
  readonly datapathKey: number;
  readonly portKey: number;
}

export interface FlowCounts {
  /** Rules that match on the port, as the one a packet comes from or goes to. */
  readonly of_port: number;
  /** Rules of its datapath. */
  readonly of_datapath: number;
  /** All rules of the bridge. */
  readonly of_bridge: number;
}
