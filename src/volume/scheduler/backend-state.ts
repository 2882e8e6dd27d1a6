// What the scheduler's filters and weighers look at: a pool of a backend, and what a volume asks of one.
import type { BackendStats } from '#drivers/volume/port.ts';

export interface BackendState {
  /** `host@backend#pool` */
  readonly name: string;
  /** `host@backend` */
  readonly service: string;
  readonly pool: string;
  readonly zone: string;
  /** `<cluster>@<backend>` */
  readonly cluster: string | null;
  readonly up: boolean;
  readonly enabled: boolean;
  readonly stats: BackendStats;
  /** GiB that volumes on it may grow to: as reported or as the database says, whichever is more. */
  readonly promisedGb: number;
  readonly volumes: number;
}

export interface SelectionRequest {
  readonly volumeId: string;
  readonly sizeGb: number;
  readonly zone: string;
  readonly extraSpecs: Readonly<Record<string, string>>;
  /** `host@backend` tried before. */
  readonly exclude: readonly string[];
  /** Where the snapshot or volume lies that it is made from; undefined when it may be anywhere. */
  readonly sourceHost: string | undefined;
  /** `host@backend` of the volumes that its snapshots are to be taken with; undefined when it may be anywhere. */
  readonly groupService: string | undefined;
  /** Where the volumes of the hints are; undefined without such a hint. */
  readonly sameAs: readonly string[] | undefined;
  readonly differentFrom: readonly string[] | undefined;
}

export interface Rejection {
  /** Groups backends in the sentence that users read: short, and free of names. */
  readonly reason: string;
  /** For administrators. */
  readonly detail?: string;
}

export interface BackendFilter {
  readonly name: string;
  readonly reject: (backend: BackendState, request: SelectionRequest) => Rejection | undefined;
}

export interface BackendWeigher {
  readonly name: string;
  readonly weigh: (backend: BackendState, request: SelectionRequest) => number;
}
