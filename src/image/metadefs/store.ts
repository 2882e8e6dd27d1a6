// All SQL of metadata definitions.
import { sql } from 'kysely';
import type { Executor } from '#platform/sql/database.ts';
import type { ImageTables } from '../tables.ts';
import type { AssociationRow, ItemKind, ItemRow, NamespaceRow, ResourceTypeRow } from './tables.ts';

type Db = Executor<ImageTables>;

export const NAMESPACE_SORT_COLUMNS = ['namespace', 'created_at', 'updated_at'] as const;
export const ITEM_SORT_COLUMNS = ['name', 'created_at', 'updated_at'] as const;

export interface Page<C extends string> {
  readonly sort: { readonly column: C; readonly dir: 'asc' | 'desc' };
  readonly limit: number;
}

export interface NamespaceQuery extends Page<(typeof NAMESPACE_SORT_COLUMNS)[number]> {
  /** Undefined: a token of no project. */
  readonly projectId: string | undefined;
  readonly admin: boolean;
  readonly visibility?: string;
  readonly resourceTypes?: readonly string[];
  readonly after?: NamespaceRow;
}

export async function findNamespaceRow(db: Db, namespace: string): Promise<NamespaceRow | undefined> {
  return db
    .selectFrom('metadef_namespaces')
    .selectAll()
    .where('namespace', '=', namespace)
    .executeTakeFirst();
}

export async function listNamespaceRows(db: Db, query: NamespaceQuery): Promise<NamespaceRow[]> {
  const { column, dir } = query.sort;
  let select = db.selectFrom('metadef_namespaces').selectAll();
  if (!query.admin)
    select = select.where((e) =>
      e.or([e('visibility', '=', 'public'), e('owner', '=', query.projectId ?? '')]),
    );
  if (query.visibility !== undefined)
    select = select.where('visibility', '=', query.visibility as NamespaceRow['visibility']);
  if (query.resourceTypes)
    select = select.where(
      'id',
      'in',
      db
        .selectFrom('metadef_associations')
        .select('namespace_id')
        .where('resource_type', 'in', query.resourceTypes),
    );
  if (query.after) {
    const op = dir === 'asc' ? sql`>` : sql`<`;
    select = select.where(
      sql<boolean>`(${sql.ref(column)}, id) ${op} (${query.after[column]}, ${query.after.id})`,
    );
  }
  return select.orderBy(column, dir).orderBy('id', dir).limit(query.limit).execute();
}

/** @throws a unique violation when the name is taken */
export async function insertNamespace(db: Db, row: NamespaceRow): Promise<void> {
  await db.insertInto('metadef_namespaces').values(row).execute();
}

/** @throws a unique violation when the name is taken @returns whether it was there */
export async function updateNamespace(db: Db, id: string, set: Partial<NamespaceRow>): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('metadef_namespaces')
    .set(set)
    .where('id', '=', id)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

/** With all that is in it, unless it became protected meanwhile. @returns whether it was removed */
export async function removeNamespace(trx: Db, id: string): Promise<boolean> {
  const { numDeletedRows } = await trx
    .deleteFrom('metadef_namespaces')
    .where('id', '=', id)
    .where('protected', '=', 0)
    .executeTakeFirst();
  if (numDeletedRows === 0n) return false;
  await trx.deleteFrom('metadef_items').where('namespace_id', '=', id).execute();
  await trx.deleteFrom('metadef_associations').where('namespace_id', '=', id).execute();
  return true;
}

export async function listResourceTypeRows(db: Db): Promise<ResourceTypeRow[]> {
  return db.selectFrom('metadef_resource_types').selectAll().orderBy('name').execute();
}

export async function listAssociations(db: Db, namespaceIds: readonly string[]): Promise<AssociationRow[]> {
  if (namespaceIds.length === 0) return [];
  return db
    .selectFrom('metadef_associations')
    .selectAll()
    .where('namespace_id', 'in', namespaceIds)
    .orderBy('resource_type')
    .execute();
}

/** A type that is not known yet becomes so. @throws a unique violation when the namespace is associated already */
export async function insertAssociation(trx: Db, row: AssociationRow): Promise<void> {
  const { resource_type: name, created_at, updated_at } = row;
  await trx
    .insertInto('metadef_resource_types')
    .values({ name, created_at, updated_at })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  await trx.insertInto('metadef_associations').values(row).execute();
}

/** @returns whether it was there */
export async function removeAssociation(db: Db, namespaceId: string, resourceType: string): Promise<boolean> {
  const { numDeletedRows } = await db
    .deleteFrom('metadef_associations')
    .where('namespace_id', '=', namespaceId)
    .where('resource_type', '=', resourceType)
    .executeTakeFirst();
  return numDeletedRows > 0n;
}

export async function findItem(
  db: Db,
  namespaceId: string,
  kind: ItemKind,
  name: string,
): Promise<ItemRow | undefined> {
  return db
    .selectFrom('metadef_items')
    .selectAll()
    .where('namespace_id', '=', namespaceId)
    .where('kind', '=', kind)
    .where('name', '=', name)
    .executeTakeFirst();
}

/** Of one kind, or of all when none is named. */
export async function listItems(
  db: Db,
  namespaceId: string,
  kind?: ItemKind,
  page?: Page<(typeof ITEM_SORT_COLUMNS)[number]> & { readonly after?: ItemRow },
): Promise<ItemRow[]> {
  let select = db.selectFrom('metadef_items').selectAll().where('namespace_id', '=', namespaceId);
  if (kind) select = select.where('kind', '=', kind);
  if (!page) return select.orderBy('kind').orderBy('created_at').orderBy('name').execute();
  const { column, dir } = page.sort;
  if (page.after) {
    const op = dir === 'asc' ? sql`>` : sql`<`;
    select = select.where(
      sql<boolean>`(${sql.ref(column)}, name) ${op} (${page.after[column]}, ${page.after.name})`,
    );
  }
  return select.orderBy(column, dir).orderBy('name', dir).limit(page.limit).execute();
}

/** @throws a unique violation when a name is taken */
export async function insertItems(db: Db, rows: readonly ItemRow[]): Promise<void> {
  if (rows.length > 0) await db.insertInto('metadef_items').values(rows).execute();
}

/** @throws a unique violation when the new name is taken @returns whether it was there */
export async function updateItem(
  db: Db,
  { namespace_id, kind, name }: Pick<ItemRow, 'namespace_id' | 'kind' | 'name'>,
  set: Pick<ItemRow, 'name' | 'body_json' | 'updated_at'>,
): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('metadef_items')
    .set(set)
    .where('namespace_id', '=', namespace_id)
    .where('kind', '=', kind)
    .where('name', '=', name)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

/** One, or all of the kind when none is named. @returns whether any was there */
export async function removeItems(
  db: Db,
  namespaceId: string,
  kind: ItemKind,
  name?: string,
): Promise<boolean> {
  let remove = db
    .deleteFrom('metadef_items')
    .where('namespace_id', '=', namespaceId)
    .where('kind', '=', kind);
  if (name !== undefined) remove = remove.where('name', '=', name);
  const { numDeletedRows } = await remove.executeTakeFirst();
  return numDeletedRows > 0n;
}
