// All SQL of images and their tags.
import { sql, type Expression, type SqlBool } from 'kysely';
import type { Database, Executor } from '#platform/sql/database.ts';
import { listLocations } from '../locations/store.ts';
import type { ImageLocationRow, ImageRow, ImageTables, MemberStatus } from '../tables.ts';

type Db = Executor<ImageTables>;

/** An image with its tags, sorted, and where its data is. */
export interface WholeImage {
  readonly image: ImageRow;
  readonly tags: readonly string[];
  readonly locations: readonly ImageLocationRow[];
}

/** Which images a list may hold. `projectId` undefined: a token of no project. */
export interface Scope {
  readonly projectId: string | undefined;
  readonly admin: boolean;
  readonly memberStatus: MemberStatus | 'all';
  /** `default`: what a caller has to do with; `all` adds the community's. */
  readonly visibility: 'default' | 'all' | ImageRow['visibility'];
}

export type Operator = '=' | '!=' | '>' | '>=' | '<' | '<=';

export interface Condition {
  readonly column: keyof ImageRow;
  readonly op: Operator | 'in';
  readonly value: string | number | readonly string[];
}

export interface SortKey {
  readonly column: SortColumn;
  readonly dir: 'asc' | 'desc';
}

export const SORT_COLUMNS = [
  'name',
  'status',
  'container_format',
  'disk_format',
  'size',
  'id',
  'created_at',
  'updated_at',
] as const;
export type SortColumn = (typeof SORT_COLUMNS)[number];
const NUMBERS: ReadonlySet<SortColumn> = new Set(['size']);

export interface ImageQuery {
  readonly scope: Scope;
  readonly conditions: readonly Condition[];
  readonly tags: readonly string[];
  readonly properties: ReadonlyArray<readonly [name: string, value: string]>;
  /** Ends with a unique one. */
  readonly sort: readonly SortKey[];
  readonly after: ImageRow | undefined;
  readonly limit: number;
}

export async function findImageRow(db: Db, id: string): Promise<ImageRow | undefined> {
  return db.selectFrom('images').selectAll().where('id', '=', id).executeTakeFirst();
}

export async function findMembership(
  db: Db,
  imageId: string,
  projectId: string,
): Promise<MemberStatus | undefined> {
  const row = await db
    .selectFrom('image_members')
    .select('status')
    .where('image_id', '=', imageId)
    .where('member', '=', projectId)
    .executeTakeFirst();
  return row?.status;
}

export async function listTags(db: Db, imageIds: readonly string[]): Promise<Map<string, string[]>> {
  const tags = new Map<string, string[]>(imageIds.map((id) => [id, []]));
  if (imageIds.length === 0) return tags;
  const rows = await db
    .selectFrom('image_tags')
    .selectAll()
    .where('image_id', 'in', imageIds)
    .orderBy('image_id')
    .orderBy('tag')
    .execute();
  for (const { image_id, tag } of rows) tags.get(image_id)?.push(tag);
  return tags;
}

/** Three statements, whatever the length. */
export async function listImageRows(db: Database<ImageTables>, query: ImageQuery): Promise<WholeImage[]> {
  let select = db.kysely.selectFrom('images').selectAll().where(inScope(query.scope));
  for (const condition of query.conditions) select = select.where(comparison(condition));
  for (const tag of new Set(query.tags)) {
    select = select.where(
      sql<SqlBool>`exists (select 1 from image_tags t where t.image_id = images.id and t.tag = ${tag})`,
    );
  }
  for (const [name, value] of query.properties) select = select.where(hasProperty(db, name, value));
  if (query.after) select = select.where(isAfter(query.sort, query.after));
  for (const { column, dir } of query.sort) select = select.orderBy(sortable(column), dir);
  const rows = await select.limit(query.limit).execute();
  const ids = rows.map((row) => row.id);
  const tags = await listTags(db.kysely, ids);
  const locations = await listLocations(db.kysely, ids);
  return rows.map((image) => ({
    image,
    tags: tags.get(image.id) ?? [],
    locations: locations.get(image.id) ?? [],
  }));
}

/** Times are whole seconds to clients, and are compared so. */
function comparison({ column, op, value }: Condition): Expression<SqlBool> {
  const left = sql.ref(`images.${column}`);
  if (Array.isArray(value)) return sql<SqlBool>`${left} in (${sql.join(value)})`;
  if (column !== 'created_at' && column !== 'updated_at')
    return sql<SqlBool>`${left} ${sql.raw(op)} ${value}`;
  return sql<SqlBool>`substr(${left}, 1, 19) ${sql.raw(op)} ${String(value).slice(0, 19)}`;
}

function inScope({ projectId, admin, memberStatus, visibility }: Scope): Expression<SqlBool> {
  const own = projectId === undefined ? sql<SqlBool>`1 = 0` : sql<SqlBool>`images.owner = ${projectId}`;
  const ofStatus = memberStatus === 'all' ? sql`` : sql`and m.status = ${memberStatus}`;
  const member =
    projectId === undefined
      ? sql<SqlBool>`1 = 0`
      : sql<SqlBool>`(visibility = 'shared' and images.id in (select m.image_id from image_members m where m.member = ${projectId} ${ofStatus}))`;
  const concerned = admin
    ? sql<SqlBool>`1 = 1`
    : sql<SqlBool>`(${own} or ${member} or visibility in ('public', 'community'))`;
  if (visibility === 'all') return concerned;
  if (visibility === 'default') return sql<SqlBool>`(${concerned} and (visibility <> 'community' or ${own}))`;
  return sql<SqlBool>`(${concerned} and visibility = ${visibility})`;
}

/** Names and values are bound, so that no name can be read as a path. */
function hasProperty(db: Database<ImageTables>, name: string, value: string): Expression<SqlBool> {
  return db.engine === 'sqlite'
    ? sql<SqlBool>`exists (select 1 from json_each(images.properties_json) p where p.key = ${name} and p.value = ${value})`
    : sql<SqlBool>`exists (select 1 from json_each_text(images.properties_json::json) p where p.key = ${name} and p.value = ${value})`;
}

/** Nulls sort as the least, on every engine. */
function sortable(column: SortColumn): Expression<string | number> {
  const nothing = NUMBERS.has(column) ? sql`-1` : sql`''`;
  return sql<string | number>`coalesce(${sql.ref(`images.${column}`)}, ${nothing})`;
}

/** Rows behind `marker` in the order of `sort`. */
function isAfter(sort: readonly SortKey[], marker: ImageRow): Expression<SqlBool> {
  const branches = sort.map((last, index) => {
    const same = sort
      .slice(0, index)
      .map((key) => sql<SqlBool>`${sortable(key.column)} = ${markerValue(key, marker)}`);
    const comparison = last.dir === 'asc' ? sql`>` : sql`<`;
    return sql<SqlBool>`(${sql.join([...same, sql`${sortable(last.column)} ${comparison} ${markerValue(last, marker)}`], sql` and `)})`;
  });
  return sql<SqlBool>`(${sql.join(branches, sql` or `)})`;
}

function markerValue({ column }: SortKey, marker: ImageRow): string | number {
  return marker[column] ?? (NUMBERS.has(column) ? -1 : '');
}

/** Also takes the id for ever. @throws a unique violation when it was ever used */
export async function insertImage(trx: Db, image: ImageRow, tags: readonly string[]): Promise<void> {
  await trx.insertInto('used_image_ids').values({ id: image.id }).execute();
  await trx.insertInto('images').values(image).execute();
  await insertTags(trx, image.id, tags);
}

export async function insertTags(trx: Db, imageId: string, tags: readonly string[]): Promise<void> {
  const unique = [...new Set(tags)];
  if (unique.length === 0) return;
  await trx
    .insertInto('image_tags')
    .values(unique.map((tag) => ({ image_id: imageId, tag })))
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

export async function replaceTags(trx: Db, imageId: string, tags: readonly string[]): Promise<void> {
  await trx.deleteFrom('image_tags').where('image_id', '=', imageId).execute();
  await insertTags(trx, imageId, tags);
}

/** @returns whether it was there */
export async function removeTag(trx: Db, imageId: string, tag: string): Promise<boolean> {
  const { numDeletedRows } = await trx
    .deleteFrom('image_tags')
    .where('image_id', '=', imageId)
    .where('tag', '=', tag)
    .executeTakeFirst();
  return numDeletedRows > 0n;
}

/** Compare-and-set on the columns of `when`. @returns whether the row was as expected */
export async function updateImage(
  db: Db,
  id: string,
  when: Partial<Pick<ImageRow, 'status' | 'upload_id' | 'updated_at' | 'import_task'>>,
  set: Partial<ImageRow>,
): Promise<boolean> {
  let update = db.updateTable('images').set(set).where('id', '=', id);
  if (when.status !== undefined) update = update.where('status', '=', when.status);
  if (when.upload_id !== undefined) update = update.where('upload_id', '=', when.upload_id);
  if (when.import_task === null) update = update.where('import_task', 'is', null);
  else if (when.import_task !== undefined) update = update.where('import_task', '=', when.import_task);
  if (when.updated_at !== undefined) update = update.where('updated_at', '=', when.updated_at);
  const { numUpdatedRows } = await update.executeTakeFirst();
  return numUpdatedRows > 0n;
}

/** The image with tags, members and locations, unless it became protected meanwhile. @returns whether it was removed */
export async function removeImage(trx: Db, id: string): Promise<boolean> {
  const { numDeletedRows } = await trx
    .deleteFrom('images')
    .where('id', '=', id)
    .where('protected', '=', 0)
    .executeTakeFirst();
  if (numDeletedRows === 0n) return false;
  await trx.deleteFrom('image_tags').where('image_id', '=', id).execute();
  await trx.deleteFrom('image_members').where('image_id', '=', id).execute();
  await trx.deleteFrom('image_locations').where('image_id', '=', id).execute();
  return true;
}

/** Images in `saving` or being staged whose uploader has not renewed its lease by `now`; `null` for all of them. */
export async function releaseUploads(db: Db, now: string | null): Promise<number> {
  let update = db
    .updateTable('images')
    .set({ status: 'queued', upload_id: null, upload_lease: null })
    .where('status', 'in', ['saving', 'uploading'])
    .where('upload_lease', 'is not', null);
  if (now !== null) update = update.where('upload_lease', '<', now);
  const { numUpdatedRows } = await update.executeTakeFirst();
  return Number(numUpdatedRows);
}
