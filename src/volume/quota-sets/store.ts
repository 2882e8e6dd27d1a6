// SQL of limits and of what is counted against them.
import type { Executor } from '#platform/sql/database.ts';
import type { VolumeQuotaRow, VolumeTables } from '#volume/tables.ts';
import { sql } from 'kysely';

type Db = Executor<VolumeTables>;

/** Things of one type, or without a type (null). */
export interface Sum {
  readonly typeName: string | null;
  readonly number: number;
  readonly gigabytes: number;
}

export async function listLimits(db: Db, scopes: readonly string[]): Promise<VolumeQuotaRow[]> {
  return db.selectFrom('volume_quotas').selectAll().where('scope', 'in', scopes).execute();
}

export async function listTypeNames(db: Db): Promise<string[]> {
  const rows = await db.selectFrom('volume_types').select('name').orderBy('name').execute();
  return rows.map((row) => row.name);
}

const numbersOf = (row: {
  typeName: string | null;
  number: number | string;
  gigabytes: number | string;
}): Sum => ({
  typeName: row.typeName,
  number: Number(row.number),
  gigabytes: Number(row.gigabytes),
});

export async function sumVolumes(db: Db, projectId: string): Promise<Sum[]> {
  const rows = await db
    .selectFrom('volumes')
    .leftJoin('volume_types', 'volume_types.id', 'volumes.volume_type_id')
    .select([
      'volume_types.name as typeName',
      sql<number>`count(*)`.as('number'),
      sql<number>`coalesce(sum(volumes.size), 0)`.as('gigabytes'),
    ])
    .where('volumes.project_id', '=', projectId)
    .groupBy('volume_types.name')
    .execute();
  return rows.map(numbersOf);
}

export async function sumSnapshots(db: Db, projectId: string): Promise<Sum[]> {
  const rows = await db
    .selectFrom('snapshots')
    .leftJoin('volume_types', 'volume_types.id', 'snapshots.volume_type_id')
    .select([
      'volume_types.name as typeName',
      sql<number>`count(*)`.as('number'),
      sql<number>`coalesce(sum(snapshots.volume_size), 0)`.as('gigabytes'),
    ])
    .where('snapshots.project_id', '=', projectId)
    .where('snapshots.internal', '=', 0)
    .groupBy('volume_types.name')
    .execute();
  return rows.map(numbersOf);
}

export async function sumBackups(db: Db, projectId: string): Promise<Omit<Sum, 'typeName'>> {
  const row = await db
    .selectFrom('backups')
    .select([sql<number>`count(*)`.as('number'), sql<number>`coalesce(sum(size), 0)`.as('gigabytes')])
    .where('project_id', '=', projectId)
    .executeTakeFirstOrThrow();
  return { number: Number(row.number), gigabytes: Number(row.gigabytes) };
}

export async function countGroups(db: Db, projectId: string): Promise<number> {
  const row = await db
    .selectFrom('volume_groups')
    .select((e) => e.fn.countAll<number>().as('count'))
    .where('project_id', '=', projectId)
    .executeTakeFirstOrThrow();
  return Number(row.count);
}

export async function saveLimits(
  trx: Db,
  scope: string,
  limits: Readonly<Record<string, number>>,
): Promise<void> {
  for (const [resource, hard_limit] of Object.entries(limits)) {
    await trx
      .insertInto('volume_quotas')
      .values({ scope, resource, hard_limit })
      .onConflict((conflict) => conflict.columns(['scope', 'resource']).doUpdateSet({ hard_limit }))
      .execute();
  }
}

export async function removeLimits(trx: Db, scope: string): Promise<void> {
  await trx.deleteFrom('volume_quotas').where('scope', '=', scope).execute();
}
