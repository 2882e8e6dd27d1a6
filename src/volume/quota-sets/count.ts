// Counts what a project uses, from the rows themselves, and refuses what would go past its limits. `assertVolumeQuota` is
// called by every handler that makes something, inside the transaction that makes it.
import type { Executor } from '#platform/sql/database.ts';
import type { VolumeTables } from '#volume/tables.ts';
import { VolumeQuotaExceeded } from './errors.ts';
import { DEFAULT_LIMITS, TYPED_QUOTAS, typedName, UNLIMITED, type QuotaName } from './resources.ts';
import {
  countGroups,
  listLimits,
  listTypeNames,
  sumBackups,
  sumSnapshots,
  sumVolumes,
  type Sum,
} from './store.ts';

type Numbers = Record<string, number>;

/** What is to be made. Sizes in GiB. */
export interface AskedVolumeQuota {
  readonly volumes?: number;
  /** Of volumes and snapshots together. */
  readonly gigabytes?: number;
  readonly snapshots?: number;
  readonly backups?: number;
  readonly backup_gigabytes?: number;
  readonly groups?: number;
  /** The whole size that one volume is to have. */
  readonly per_volume_gigabytes?: number;
  /** Name of the type of what is asked, so that the type's own limits hold as well. */
  readonly typeName?: string | undefined;
}

/** The limits that hold for a project: its own, else the default class's, else upstream's. With those of every type. */
export async function limitsOf(db: Executor<VolumeTables>, projectId: string): Promise<Numbers> {
  return limitsAt(db, `project:${projectId}`);
}

/** As `limitsOf`, for any scope: of `class:default` those that hold for projects without their own. */
export async function limitsAt(db: Executor<VolumeTables>, scope: string): Promise<Numbers> {
  const rows = await listLimits(db, ['class:default', scope]);
  const limits: Numbers = { ...DEFAULT_LIMITS };
  for (const typeName of await listTypeNames(db))
    for (const name of TYPED_QUOTAS) limits[typedName(name, typeName)] = UNLIMITED;
  for (const at of ['class:default', scope])
    for (const row of rows) {
      if (row.scope === at && Object.hasOwn(limits, row.resource)) limits[row.resource] = row.hard_limit;
    }
  return limits;
}

/** What a project uses of everything that is limited. Snapshots count into gigabytes, as upstream counts them. */
export async function usedByProject(db: Executor<VolumeTables>, projectId: string): Promise<Numbers> {
  const volumes = await sumVolumes(db, projectId);
  const snapshots = await sumSnapshots(db, projectId);
  const backups = await sumBackups(db, projectId);
  const used: Numbers = {
    volumes: 0,
    snapshots: 0,
    gigabytes: 0,
    per_volume_gigabytes: 0,
    backups: backups.number,
    backup_gigabytes: backups.gigabytes,
    groups: await countGroups(db, projectId),
  };
  const add = (name: 'volumes' | 'snapshots', sums: readonly Sum[]): void => {
    for (const { typeName, number, gigabytes } of sums) {
      const names = typeName === null ? [''] : ['', `_${typeName}`];
      for (const suffix of names) {
        used[`${name}${suffix}`] = (used[`${name}${suffix}`] ?? 0) + number;
        used[`gigabytes${suffix}`] = (used[`gigabytes${suffix}`] ?? 0) + gigabytes;
      }
    }
  };
  add('volumes', volumes);
  add('snapshots', snapshots);
  return used;
}

/**
 * Refuses when what is asked would pass a limit of the project. Call it in the transaction that inserts: two creates at once
 * then can't both take what only one may.
 * @throws VolumeQuotaExceeded
 */
export async function assertVolumeQuota(
  trx: Executor<VolumeTables>,
  projectId: string,
  asked: AskedVolumeQuota,
): Promise<void> {
  const { typeName, ...amounts } = asked;
  const limits = await limitsOf(trx, projectId);
  const used = await usedByProject(trx, projectId);
  for (const [name, amount] of Object.entries(amounts) as Array<[QuotaName, number | undefined]>) {
    if (amount === undefined || amount <= 0) continue;
    refuseOver(name, amount, used, limits);
    if (typeName !== undefined && (TYPED_QUOTAS as readonly string[]).includes(name))
      refuseOver(`${name}_${typeName}`, amount, used, limits);
  }
}

function refuseOver(name: string, asked: number, used: Readonly<Numbers>, limits: Readonly<Numbers>): void {
  const limit = limits[name] ?? UNLIMITED;
  const taken = used[name] ?? 0;
  if (limit !== UNLIMITED && taken + asked > limit)
    throw new VolumeQuotaExceeded({ name, asked, used: taken, limit });
}
