// What the scheduler knows of a host and of the request while it chooses. Filters and weighers are pure functions of these.
import type { ExplainedSearch } from '#placement/claim.ts';
import type { HostReport } from '../rpc.ts';
import type { FlavorSnapshot, PortRequest } from '../tables.ts';

export type PlacementRefusal = NonNullable<ReturnType<ExplainedSearch['refusals']['get']>>[number];

export interface HostAggregate {
  readonly id: number;
  readonly name: string;
  readonly metadata: Readonly<Record<string, string>>;
}

export interface HostState {
  readonly host: string;
  readonly node: string;
  /** The compute node's resource provider. */
  readonly providerId: string;
  readonly report: HostReport;
  readonly disabled: boolean;
  readonly disabledReason: string | null;
  readonly forcedDown: boolean;
  /** Null when no such service ever reported. */
  readonly lastSeenAt: string | null;
  readonly zone: string;
  readonly aggregates: readonly HostAggregate[];
  /** What placement would still give out, by resource class. */
  readonly free: Readonly<Record<string, number>>;
  /** Who would give what for the request: provider → amounts; the host's own, nested and shared ones. Empty when refused. */
  readonly candidate: ReadonlyMap<string, Readonly<Record<string, number>>>;
  /** Why placement gives no candidate; empty when it does. */
  readonly refusals: readonly PlacementRefusal[];
  /** Servers of the request's group that are here. */
  readonly groupMembers: number;
  /** Servers that are being built here. */
  readonly building: number;
  /** Those of the servers named by the request's hints that are here. */
  readonly hinted: readonly string[];
}

export interface GroupPolicy {
  readonly id: string;
  readonly policy: 'affinity' | 'anti-affinity' | 'soft-affinity' | 'soft-anti-affinity';
  readonly maxServersPerHost: number;
}

export interface SelectionRequest {
  readonly instanceId: string;
  readonly projectId: string;
  readonly userId: string;
  readonly flavor: FlavorSnapshot;
  readonly resources: Readonly<Record<string, number>>;
  readonly requiredTraits: readonly string[];
  readonly forbiddenTraits: readonly string[];
  /** What the server's ports ask for beside. */
  readonly portRequests: readonly PortRequest[];
  /** Properties of the image, by name. */
  readonly image: Readonly<Record<string, string>>;
  readonly zone: string | null;
  readonly requestedHost: string | null;
  readonly exclude: readonly string[];
  /** Why, when it is not that they failed. */
  readonly excludedAs?: string;
  readonly group: GroupPolicy | null;
  /** Hosts that have members of the group already. */
  readonly groupHosts: readonly string[];
  readonly sameHost: readonly string[];
  readonly differentHost: readonly string[];
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** A service that was not seen for longer is down. */
  readonly heartbeatTimeoutMs: number;
}

/** Why a host is out. `reason` groups hosts in the summary that users read; `detail` is for administrators. */
export interface Rejection {
  readonly reason: string;
  readonly detail?: string;
  /** With `free`: the summary names the need and the most that any host has. */
  readonly needed?: number;
  readonly free?: number;
}

export interface HostFilter {
  readonly name: string;
  /** Undefined: the host may stay. */
  readonly reject: (host: HostState, request: SelectionRequest) => Rejection | undefined;
}

export interface HostWeigher {
  /** Also the key of its multiplier in the options. */
  readonly name: WeigherName;
  /** More is better; normalised to 0…1 over the hosts, then multiplied. */
  readonly weigh: (host: HostState, request: SelectionRequest) => number;
}

export type WeigherName = 'ram' | 'cpu' | 'disk' | 'soft-affinity' | 'soft-anti-affinity' | 'builds';
