// What the REST handlers ask of OVN after a commit; repair loops do the rest. Implemented over the OVN driver in
// `loops/`; tests of the REST side take a model of it.

export type ResourceKind =
  | 'network'
  | 'subnet'
  | 'port'
  | 'router'
  /** `id` is the id of the interface's port. */
  | 'router_interface'
  | 'floatingip'
  | 'security_group'
  | 'security_group_rule'
  | 'address_group'
  /** All that the policy hangs on. */
  | 'qos_policy'
  /** `id` is a network's: what follows its policy, because it has none of its own. */
  | 'network_qos';

export interface ResourceRef {
  readonly kind: ResourceKind;
  readonly id: string;
}

/** Rows written, by northbound table: `{ Logical_Switch_Port: 1 }`. */
export interface NorthboundChange {
  readonly inserted: Readonly<Record<string, number>>;
  readonly updated: Readonly<Record<string, number>>;
  readonly deleted: Readonly<Record<string, number>>;
}

/** The first link of the chain that is not there, in the order of cause. */
export type MissingHop = 'northbound row' | 'southbound binding' | 'chassis claim' | 'flows';

export interface PortState {
  /** True when OVN says that traffic flows: the chassis has claimed the port and its flows are in. */
  readonly up: boolean;
  /** Hostname of the chassis that holds the port. */
  readonly host: string | null;
  /** The chassis' name (its system id). */
  readonly chassis: string | null;
  readonly tunnelKey: number | null;
  /** Null when up. */
  readonly missingHop: MissingHop | null;
  /** Facts for the launch record, by hop: row ids, logical flows, OpenFlow rules. */
  readonly evidence?: {
    readonly northbound?: Readonly<Record<string, unknown>>;
    readonly southbound?: Readonly<Record<string, unknown>>;
    readonly binding?: Readonly<Record<string, unknown>>;
  };
}

/** A chassis (or what runs on it) as the agents API shows it. */
export interface AgentView {
  readonly id: string;
  /** `OVN Controller agent`, `OVN Controller Gateway agent`, `OVN Metadata agent` */
  readonly agentType: string;
  /** `ovn-controller`, `neutron-ovn-metadata-agent` */
  readonly binary: string;
  readonly host: string;
  readonly alive: boolean;
  readonly adminStateUp: boolean;
  readonly availabilityZones: readonly string[];
  readonly description: string;
  readonly configurations: Readonly<Record<string, unknown>>;
  /** ISO 8601; null when it was never seen. */
  readonly createdAt: string | null;
  readonly heartbeatAt: string | null;
}

/** A port's way through OVN with its times, as the launch record keeps it. */
export interface PortTrace {
  readonly port_id: string;
  readonly up: boolean;
  readonly missing: MissingHop | null;
  readonly northbound: Readonly<Record<string, unknown>>;
  readonly southbound: Readonly<Record<string, unknown>>;
  readonly binding: Readonly<Record<string, unknown>>;
}

export interface Northbound {
  /**
   * Brings the logical rows of these resources (and what depends on them) in line with SQL; a resource that SQL does not
   * have any more is removed. Resolves with what it wrote, for the launch record.
   * @throws when OVN cannot be reached or refuses; the work stays recorded in `northbound_work`.
   */
  sync(refs: readonly ResourceRef[], signal?: AbortSignal): Promise<NorthboundChange>;
  /** Read from a complete snapshot of the databases, at any time. */
  portState(portId: string): PortState;
  /** Called when a port's state differs from what it was; a nudge, `portState` decides. */
  onPortState(listener: (portId: string, state: PortState) => void): void;
  agents(): readonly AgentView[];
  /** Keeps a text with the agent, in OVN. @throws NetworkError 409 before it reported; when OVN cannot be reached */
  describeAgent(id: string, description: string): Promise<void>;
  /** Takes the chassis out of OVN; one whose controller lives would come back. @throws when OVN cannot be reached */
  removeAgent(id: string): Promise<void>;
  /** @param withFlows counts the logical flows of the port's datapath as well, which takes the server a search */
  tracePort?(portId: string, withFlows?: boolean): Promise<PortTrace>;
}

export const NO_CHANGE: NorthboundChange = { inserted: {}, updated: {}, deleted: {} };
