// All SQL of locations: in which stores an image's data is, and under which name.
import type { Executor } from '#platform/sql/database.ts';
import type { ImageLocationRow, ImageTables } from '../tables.ts';

type Db = Executor<ImageTables>;

/** Data that can be read. One statement, whatever the number. */
export async function listLocations(
  db: Db,
  imageIds: readonly string[],
): Promise<Map<string, ImageLocationRow[]>> {
  const found = new Map<string, ImageLocationRow[]>(imageIds.map((id) => [id, []]));
  if (imageIds.length === 0) return found;
  const rows = await db
    .selectFrom('image_locations')
    .selectAll()
    .where('image_id', 'in', imageIds)
    .where('state', '=', 'ready')
    .orderBy('created_at')
    .orderBy('store')
    .execute();
  for (const row of rows) found.get(row.image_id)?.push(row);
  return found;
}

export async function listLocationsOf(db: Db, imageId: string): Promise<ImageLocationRow[]> {
  return (await listLocations(db, [imageId])).get(imageId) ?? [];
}

/** @throws a unique violation when the store has the image already */
export async function insertLocation(db: Db, row: ImageLocationRow): Promise<void> {
  await db.insertInto('image_locations').values(row).execute();
}

/** @returns whether it was there */
export async function removeLocation(db: Db, imageId: string, name: string): Promise<boolean> {
  const { numDeletedRows } = await db
    .deleteFrom('image_locations')
    .where('image_id', '=', imageId)
    .where('name', '=', name)
    .executeTakeFirst();
  return numDeletedRows > 0n;
}

/** Names in stores that rows refer to: data, and what is being written. */
export async function listDataNames(db: Db): Promise<Set<string>> {
  const uploads = await db
    .selectFrom('images')
    .select('upload_id')
    .where('upload_id', 'is not', null)
    .execute();
  const locations = await db.selectFrom('image_locations').select('name').execute();
  return new Set([...uploads.map((row) => row.upload_id ?? ''), ...locations.map((row) => row.name)]);
}

/** Also one that is being written. */
export async function findLocation(
  db: Db,
  imageId: string,
  name: string,
): Promise<ImageLocationRow | undefined> {
  return db
    .selectFrom('image_locations')
    .selectAll()
    .where('image_id', '=', imageId)
    .where('name', '=', name)
    .executeTakeFirst();
}

/** What was written is whole. @returns whether it is still wanted */
export async function readyLocation(db: Db, imageId: string, name: string): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('image_locations')
    .set({ state: 'ready' })
    .where('image_id', '=', imageId)
    .where('name', '=', name)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}
