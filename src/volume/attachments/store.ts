// SQL of attachments: the only truth about who uses a volume.
import { sql, type RawBuilder } from 'kysely';
import type { Executor } from '#platform/sql/database.ts';
import { afterMarker, orderOf, type Page } from '#volume/paging.ts';
import type { AttachmentRow, VolumeTables } from '#volume/tables.ts';

type Db = Executor<VolumeTables>;

export async function findAttachmentRow(db: Db, id: string): Promise<AttachmentRow | undefined> {
  return db.selectFrom('attachments').selectAll().where('id', '=', id).executeTakeFirst();
}

export async function listOfVolume(db: Db, volumeId: string): Promise<AttachmentRow[]> {
  return db
    .selectFrom('attachments')
    .selectAll()
    .where('volume_id', '=', volumeId)
    .orderBy('created_at')
    .orderBy('id')
    .execute();
}

export async function insertAttachment(trx: Db, attachment: AttachmentRow): Promise<void> {
  await trx.insertInto('attachments').values(attachment).execute();
}

export async function updateAttachment(
  db: Db,
  id: string,
  changes: Partial<Omit<AttachmentRow, 'id'>>,
): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('attachments')
    .set(changes)
    .where('id', '=', id)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

/** False when it was gone. */
export async function deleteAttachmentRow(trx: Db, id: string): Promise<boolean> {
  const { numDeletedRows } = await trx.deleteFrom('attachments').where('id', '=', id).executeTakeFirst();
  return numDeletedRows > 0n;
}

export interface ExportedAttachment {
  readonly id: string;
  readonly volume_id: string;
  readonly mode: 'rw' | 'ro';
  readonly connector_json: string;
}

/** What is to be reachable on the backend whose volumes have `host` in front of the pool. */
export async function listExported(db: Db, hostAtBackend: string): Promise<ExportedAttachment[]> {
  const rows = await db
    .selectFrom('attachments')
    .innerJoin('volumes', 'volumes.id', 'attachments.volume_id')
    .select(['attachments.id', 'attachments.volume_id', 'attachments.mode', 'attachments.connector_json'])
    .where('attachments.connector_json', 'is not', null)
    .where('volumes.host', 'like', `${hostAtBackend.replaceAll(/[%_]/g, '_')}#%`)
    .execute();
  return rows.map((row) => ({ ...row, connector_json: row.connector_json ?? '{}' }));
}

export interface AttachmentFilters {
  readonly projectId?: string | undefined;
  readonly equal: Readonly<Partial<Record<'volume_id' | 'instance_id' | 'status' | 'attached_host', string>>>;
  /** Parts of the column's text. */
  readonly like?: Readonly<Record<string, string>>;
}

export const SORTABLE = ['id', 'created_at', 'status', 'volume_id', 'instance_id'] as const;
const column = (key: string): RawBuilder<unknown> => sql`coalesce(attachments.${sql.ref(key)}, '')`;

/** Undefined when the marker is none of them. */
export async function listAttachmentRows(
  db: Db,
  { projectId, equal, like = {} }: AttachmentFilters,
  page: Page,
): Promise<AttachmentRow[] | undefined> {
  let query = db.selectFrom('attachments').selectAll();
  if (projectId !== undefined) query = query.where('project_id', '=', projectId);
  for (const [name, value] of Object.entries(equal))
    query = query.where(sql.ref(`attachments.${name}`), '=', value);
  for (const [name, part] of Object.entries(like))
    query = query.where(
      sql<boolean>`${column(name)} like ${`%${part.replaceAll(/[%_!]/g, '!$&')}%`} escape '!'`,
    );
  if (page.marker !== undefined) {
    const values: Record<string, unknown> | undefined = await db
      .selectFrom('attachments')
      .select(page.sort.map(({ key }) => sql<unknown>`${column(key)}`.as(key)))
      .where('id', '=', page.marker)
      .executeTakeFirst();
    if (!values) return undefined;
    query = query.where(afterMarker(page.sort, column, values));
  }
  for (const order of orderOf(page.sort, column)) query = query.orderBy(order);
  return query.limit(page.limit).offset(page.offset).execute();
}
