// SQL of services and of what the scheduler reads of backends.
import { sql } from 'kysely';
import type { Executor } from '#platform/sql/database.ts';
import type { BackendReport } from '#volume/rpc.ts';
import type { VolumeServiceRow, VolumeTables } from '#volume/tables.ts';

type Db = Executor<VolumeTables>;

export async function findServiceRow(
  db: Db,
  host: string,
  binary: VolumeServiceRow['binary'],
): Promise<VolumeServiceRow | undefined> {
  return db
    .selectFrom('volume_services')
    .selectAll()
    .where('host', '=', host)
    .where('binary', '=', binary)
    .executeTakeFirst();
}

export async function listVolumeServices(db: Db): Promise<VolumeServiceRow[]> {
  return db
    .selectFrom('volume_services')
    .selectAll()
    .where('binary', '=', 'cinder-volume')
    .orderBy('host')
    .execute();
}

/** A service's sign of life, with what it tells of its backend. Makes the row at its first. */
export async function saveReport(
  db: Db,
  service: {
    readonly host: string;
    readonly binary: VolumeServiceRow['binary'];
    readonly availability_zone: string;
    readonly cluster: string | null;
    readonly report: BackendReport | null;
    readonly now: string;
  },
): Promise<void> {
  const { host, binary, availability_zone, cluster: cluster_name, report, now } = service;
  const report_json = report === null ? null : JSON.stringify(report);
  await db
    .insertInto('volume_services')
    .values({
      id: crypto.randomUUID(),
      host,
      binary,
      availability_zone,
      disabled: 0,
      disabled_reason: null,
      frozen: 0,
      report_json,
      cluster_name,
      last_seen_at: now,
      created_at: now,
      updated_at: now,
    })
    .onConflict((c) =>
      c
        .columns(['host', 'binary'])
        .doUpdateSet({ availability_zone, report_json, cluster_name, last_seen_at: now, updated_at: now }),
    )
    .execute();
}

/** GiB that the volumes on each `host@backend#pool` were promised, counted from the volumes. */
export async function sumByHost(db: Db): Promise<Map<string, { volumes: number; gigabytes: number }>> {
  const rows = await db
    .selectFrom('volumes')
    .select([
      'host',
      sql<number>`count(*)`.as('volumes'),
      sql<number>`coalesce(sum(size), 0)`.as('gigabytes'),
    ])
    .where('host', 'is not', null)
    .groupBy('host')
    .execute();
  return new Map(
    rows.map(({ host, volumes, gigabytes }) => [
      host ?? '',
      { volumes: Number(volumes), gigabytes: Number(gigabytes) },
    ]),
  );
}

/** Where each of the volumes is; those without a backend are left out. */
export async function hostsOfVolumes(db: Db, ids: readonly string[]): Promise<Map<string, string>> {
  if (ids.length === 0) return new Map();
  const rows = await db.selectFrom('volumes').select(['id', 'host']).where('id', 'in', ids).execute();
  return new Map(rows.flatMap(({ id, host }) => (host === null ? [] : [[id, host] as const])));
}
