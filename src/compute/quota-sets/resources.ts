// The resources that compute limits, with upstream's defaults and units, and the microversions that show them.
// Read by quota-sets, quota-class-sets, limits, and by the count that guards a create.

export interface QuotaResource {
  readonly name: string;
  readonly fallback: number;
  /** Answers below this microversion carry it. Absent: all do. */
  readonly until?: '2.35' | '2.49' | '2.56';
}

/** -1 means without limit. */
export const UNLIMITED = -1;

export const QUOTA_RESOURCES = [
  { name: 'instances', fallback: 10 },
  { name: 'cores', fallback: 20 },
  { name: 'ram', fallback: 51200 },
  { name: 'floating_ips', fallback: -1, until: '2.35' },
  { name: 'fixed_ips', fallback: -1, until: '2.35' },
  { name: 'metadata_items', fallback: 128 },
  { name: 'injected_files', fallback: 5, until: '2.56' },
  { name: 'injected_file_content_bytes', fallback: 10240, until: '2.56' },
  { name: 'injected_file_path_bytes', fallback: 255, until: '2.56' },
  { name: 'security_groups', fallback: -1, until: '2.35' },
  { name: 'security_group_rules', fallback: -1, until: '2.35' },
  { name: 'key_pairs', fallback: 100 },
  { name: 'server_groups', fallback: 10 },
  { name: 'server_group_members', fallback: 10 },
] as const satisfies readonly QuotaResource[];

export type QuotaName = (typeof QUOTA_RESOURCES)[number]['name'];

export const DEFAULT_LIMITS: Readonly<Record<QuotaName, number>> = Object.fromEntries(
  QUOTA_RESOURCES.map((resource) => [resource.name, resource.fallback]),
) as Record<QuotaName, number>;
