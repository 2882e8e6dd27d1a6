// What a project uses of what is limited, counted from the images themselves.
import { sql } from 'kysely';
import type { Executor } from '#platform/sql/database.ts';
import type { StoredData } from '../store/port.ts';
import type { ImageTables } from '../tables.ts';

type Db = Executor<ImageTables>;

/** Bytes of the data of a project's images, once for each store that has it. */
export async function sumData(db: Db, owner: string): Promise<number> {
  const { rows } = await sql<{ bytes: number }>`select coalesce(sum(i.size), 0) as bytes
    from images i join image_locations l on l.image_id = i.id where i.owner = ${owner}`.execute(db);
  return Number(rows[0]?.bytes ?? 0);
}

/** Bytes that wait in the staging area. */
export async function sumStaged(db: Db, owner: string): Promise<number> {
  const rows = await db
    .selectFrom('images')
    .select('staged_json')
    .where('owner', '=', owner)
    .where('staged_json', 'is not', null)
    .execute();
  return rows.reduce((sum, row) => sum + (JSON.parse(row.staged_json ?? '{}') as StoredData).size, 0);
}

export async function countImages(db: Db, owner: string): Promise<number> {
  const { rows } = await sql<{ n: number }>`select count(*) as n from images where owner = ${owner}`.execute(
    db,
  );
  return Number(rows[0]?.n ?? 0);
}

/** Images into which data is on its way. */
export async function countUploading(db: Db, owner: string): Promise<number> {
  const { rows } = await sql<{ n: number }>`select count(*) as n from images where owner = ${owner}
    and (status in ('saving', 'uploading', 'importing') or import_task is not null)`.execute(db);
  return Number(rows[0]?.n ?? 0);
}
