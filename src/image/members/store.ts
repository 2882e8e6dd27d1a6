// All SQL of image members: the projects with which images are shared.
import type { Executor } from '#platform/sql/database.ts';
import type { ImageMemberRow, ImageTables } from '../tables.ts';

type Db = Executor<ImageTables>;

/** @param only one project's membership */
export async function listMembers(db: Db, imageId: string, only?: string): Promise<ImageMemberRow[]> {
  let select = db.selectFrom('image_members').selectAll().where('image_id', '=', imageId);
  if (only !== undefined) select = select.where('member', '=', only);
  return select.orderBy('created_at').orderBy('member').execute();
}

/** @throws a unique violation when the project is a member already */
export async function insertMember(db: Db, row: ImageMemberRow): Promise<void> {
  await db.insertInto('image_members').values(row).execute();
}

/** @returns whether there is such a member */
export async function updateMember(
  db: Db,
  imageId: string,
  member: string,
  set: Pick<ImageMemberRow, 'status' | 'updated_at'>,
): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('image_members')
    .set(set)
    .where('image_id', '=', imageId)
    .where('member', '=', member)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

/** @returns whether there was such a member */
export async function removeMember(db: Db, imageId: string, member: string): Promise<boolean> {
  const { numDeletedRows } = await db
    .deleteFrom('image_members')
    .where('image_id', '=', imageId)
    .where('member', '=', member)
    .executeTakeFirst();
  return numDeletedRows > 0n;
}
