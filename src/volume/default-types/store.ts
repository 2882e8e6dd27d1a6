// SQL of the default types of projects.
import type { Executor } from '#platform/sql/database.ts';
import type { DefaultTypeRow, VolumeTables } from '#volume/tables.ts';

type Db = Executor<VolumeTables>;

export async function listProjectDefaults(db: Db): Promise<DefaultTypeRow[]> {
  return db.selectFrom('default_types').selectAll().orderBy('project_id').execute();
}

/** The id of the project's own default type. */
export async function findProjectDefault(db: Db, projectId: string): Promise<string | undefined> {
  const row = await db
    .selectFrom('default_types')
    .select('volume_type_id')
    .where('project_id', '=', projectId)
    .executeTakeFirst();
  return row?.volume_type_id;
}

export async function saveProjectDefault(db: Db, row: DefaultTypeRow): Promise<void> {
  await db
    .insertInto('default_types')
    .values(row)
    .onConflict((conflict) =>
      conflict.column('project_id').doUpdateSet({ volume_type_id: row.volume_type_id }),
    )
    .execute();
}

export async function removeProjectDefault(db: Db, projectId: string): Promise<void> {
  await db.deleteFrom('default_types').where('project_id', '=', projectId).execute();
}
