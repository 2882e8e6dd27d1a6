// The options of compute, with defaults. Plain values: `src/cloud` fills in what an operator sets.

export interface ComputeConfig {
  /** Upper bound of a launch over all its attempts; past it the launch is unwound and fails. */
  readonly launchDeadlineMs: number;
  /** Upper bound of every other action on a server. */
  readonly actionDeadlineMs: number;
  /** Upper bound of a snapshot: an upload of the whole root disk. */
  readonly snapshotDeadlineMs: number;
  /** How long a console URL can be opened. */
  readonly consoleTokenTtlMs: number;
  /** Without an aggregate that names a zone, hosts are in this one. */
  readonly defaultAvailabilityZone: string;
  /** The most entries of a list answer, whatever `limit` asks for. */
  readonly maxLimit: number;
  /** `%08x` of the launch order is not kept: a server's libvirt name is this and the id. */
  readonly instanceNamePrefix: string;
  /** Limits of a project without limits of its own; -1: unlimited. */
  readonly quotas: Readonly<Record<QuotaResource, number>>;
}

/** Resources with a limit, by their names in `os-quota-sets`. */
export type QuotaResource =
  | 'instances'
  | 'cores'
  | 'ram'
  | 'metadata_items'
  | 'injected_files'
  | 'injected_file_content_bytes'
  | 'injected_file_path_bytes'
  | 'key_pairs'
  | 'server_groups'
  | 'server_group_members';

export const DEFAULT_COMPUTE_CONFIG: ComputeConfig = {
  launchDeadlineMs: 300_000,
  actionDeadlineMs: 120_000,
  snapshotDeadlineMs: 3_600_000,
  consoleTokenTtlMs: 600_000,
  defaultAvailabilityZone: 'nova',
  maxLimit: 1000,
  instanceNamePrefix: 'instance-',
  quotas: {
    instances: 10,
    cores: 20,
    ram: 51_200,
    metadata_items: 128,
    injected_files: 5,
    injected_file_content_bytes: 10_240,
    injected_file_path_bytes: 255,
    key_pairs: 100,
    server_groups: 10,
    server_group_members: 10,
  },
};
