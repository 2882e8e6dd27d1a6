// SQL of clusters. Their members are counted from the services.
import type { Executor } from '#platform/sql/database.ts';
import type { VolumeClusterRow, VolumeTables } from '#volume/tables.ts';

type Db = Executor<VolumeTables>;

export async function listClusters(db: Db): Promise<VolumeClusterRow[]> {
  return db.selectFrom('volume_clusters').selectAll().orderBy('created_at').orderBy('name').execute();
}

/** Makes it at its first member. */
export async function joinCluster(db: Db, name: string, now: string): Promise<void> {
  await db
    .insertInto('volume_clusters')
    .values({
      name,
      binary: 'cinder-volume',
      disabled: 0,
      disabled_reason: null,
      frozen: 0,
      created_at: now,
      updated_at: null,
    })
    .onConflict((c) => c.columns(['name', 'binary']).doNothing())
    .execute();
}

export async function updateCluster(
  db: Db,
  name: string,
  changes: Partial<Pick<VolumeClusterRow, 'disabled' | 'disabled_reason' | 'frozen' | 'updated_at'>>,
): Promise<void> {
  await db.updateTable('volume_clusters').set(changes).where('name', '=', name).execute();
}

/** `host@backend` → the cluster that its service is in. */
export async function listClusterNames(db: Db): Promise<ReadonlyMap<string, string>> {
  const rows = await db
    .selectFrom('volume_services')
    .select(['host', 'cluster_name'])
    .where('binary', '=', 'cinder-volume')
    .where('cluster_name', 'is not', null)
    .execute();
  return new Map(rows.map(({ host, cluster_name }) => [host, cluster_name ?? '']));
}
