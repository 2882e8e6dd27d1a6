// SQL of the services of the volume service, for those who show and switch them.
import type { Executor } from '#platform/sql/database.ts';
import type { VolumeServiceRow, VolumeTables } from '#volume/tables.ts';
import { sql } from 'kysely';

type Db = Executor<VolumeTables>;

export async function listServices(db: Db): Promise<VolumeServiceRow[]> {
  return db.selectFrom('volume_services').selectAll().orderBy('host').orderBy('binary').execute();
}

export async function updateService(
  db: Db,
  id: string,
  changes: Partial<Pick<VolumeServiceRow, 'disabled' | 'disabled_reason' | 'frozen' | 'updated_at'>>,
): Promise<void> {
  await db.updateTable('volume_services').set(changes).where('id', '=', id).execute();
}

/** What a project has on a backend. Sizes in GiB. */
export interface Stored {
  readonly project_id: string;
  readonly number: number;
  readonly gigabytes: number;
}

/** `host@backend`; the volumes' own host names the pool as well. */
export async function sumVolumesOn(db: Db, host: string): Promise<Stored[]> {
  const rows = await db
    .selectFrom('volumes')
    .select([
      'project_id',
      sql<number>`count(*)`.as('number'),
      sql<number>`coalesce(sum(size), 0)`.as('gigabytes'),
    ])
    .where(onHost(host))
    .groupBy('project_id')
    .orderBy('project_id')
    .execute();
  return rows.map(numbers);
}

export async function sumSnapshotsOn(db: Db, host: string): Promise<Stored[]> {
  const rows = await db
    .selectFrom('snapshots')
    .innerJoin('volumes', 'volumes.id', 'snapshots.volume_id')
    .select([
      'snapshots.project_id as project_id',
      sql<number>`count(*)`.as('number'),
      sql<number>`coalesce(sum(snapshots.volume_size), 0)`.as('gigabytes'),
    ])
    .where(onHost(host))
    .where('snapshots.internal', '=', 0)
    .groupBy('snapshots.project_id')
    .orderBy('snapshots.project_id')
    .execute();
  return rows.map(numbers);
}

const onHost = (host: string) =>
  sql<boolean>`(volumes.host = ${host} or substr(volumes.host, 1, ${host.length + 1}) = ${`${host}#`})`;

const numbers = (row: Stored): Stored => ({
  project_id: row.project_id,
  number: Number(row.number),
  gigabytes: Number(row.gigabytes),
});
