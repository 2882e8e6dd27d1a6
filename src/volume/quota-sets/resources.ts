// What the volume service limits, with upstream's defaults. Beside these each volume type has its own three.
// Read by quota-sets, quota-class-sets, limits, and by the count that guards a create.

/** -1 means without limit. */
export const UNLIMITED = -1;

export const DEFAULT_LIMITS = {
  volumes: 10,
  per_volume_gigabytes: UNLIMITED,
  snapshots: 10,
  gigabytes: 1000,
  backups: 10,
  backup_gigabytes: 1000,
  groups: 10,
} as const satisfies Readonly<Record<string, number>>;

export type QuotaName = keyof typeof DEFAULT_LIMITS;

/** Limits that exist once more for each type, as `volumes_<type>`; without a limit unless somebody sets one. */
export const TYPED_QUOTAS = ['volumes', 'snapshots', 'gigabytes'] as const satisfies readonly QuotaName[];

export type TypedQuotaName = (typeof TYPED_QUOTAS)[number];

export const typedName = (name: TypedQuotaName, typeName: string): string => `${name}_${typeName}`;
