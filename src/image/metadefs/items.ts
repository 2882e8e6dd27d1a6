// What is in a namespace and has a name: objects, properties and tags. They differ in their bodies, views and rules alone.
import { isoTime } from '#platform/context/clock.ts';
import { Reply, type Call } from '#platform/http/api.ts';
import { isUniqueViolation } from '#platform/sql/database.ts';
import type { ImageDeps } from '../deps.ts';
import { Conflict, Forbidden, Invalid, MetadefNotFound } from '../errors.ts';
import { findNamespace } from './find.ts';
import { links, pageOf } from './paging.ts';
import type { TagsBody } from './schema.ts';
import {
  findItem,
  insertItems,
  ITEM_SORT_COLUMNS,
  listAssociations,
  listItems,
  removeItems,
  updateItem,
} from './store.ts';
import type { ItemKind, ItemRow, NamespaceRow } from './tables.ts';
import { objectView, pathOfNamespace, propertyView, tagView } from './view.ts';

type Named = Readonly<Record<string, unknown>> & { readonly name: string };

/** What the service shows beside and does not keep. */
const NOT_KEPT: ReadonlySet<string> = new Set(['name', 'self', 'schema', 'created_at', 'updated_at']);

export function itemOf(namespaceId: string, kind: ItemKind, body: Named, now: string): ItemRow {
  return {
    namespace_id: namespaceId,
    kind,
    name: body.name,
    body_json: bodyText(body),
    created_at: now,
    updated_at: now,
  };
}

function bodyText(body: Named): string {
  return JSON.stringify(Object.fromEntries(Object.entries(body).filter(([key]) => !NOT_KEPT.has(key))));
}

function viewOf({ namespace }: NamespaceRow, row: ItemRow): Record<string, unknown> {
  return row.kind === 'object'
    ? objectView(namespace, row)
    : row.kind === 'property'
      ? propertyView(row)
      : tagView(row);
}

export async function createItem(call: Call, deps: ImageDeps, kind: ItemKind, rule: string): Promise<Reply> {
  const namespace = await findNamespace(call, deps, rule);
  const name = call.params['item'];
  const body = name === undefined ? (call.body as Named) : { name: checkedName(name) };
  const row = itemOf(namespace.id, kind, body, isoTime(deps.clock));
  await orTaken(namespace, kind, row.name, async () => insertItems(deps.db.kysely, [row]));
  return new Reply(201, viewOf(namespace, row));
}

/** A name that comes in the path and not in a body. @throws Invalid */
function checkedName(name: string): string {
  if (name.trim() === '' || name.length > 80 || /[\p{Cc}/]/u.test(name))
    throw new Invalid('A name is text of 1 to 80 characters without a slash.');
  return name;
}

async function orTaken<T>(
  { namespace }: NamespaceRow,
  kind: ItemKind,
  name: string,
  write: () => Promise<T>,
): Promise<T> {
  try {
    return await write();
  } catch (error) {
    if (!isUniqueViolation(error)) throw error;
    throw new Conflict(`The namespace ${namespace} has a ${kind} ${name} already.`, 'metadef-taken');
  }
}

const COLLECTION = { object: 'objects', property: 'properties', tag: 'tags' } as const;

export async function listItemsOf(
  call: Call,
  deps: ImageDeps,
  kind: ItemKind,
  rule: string,
): Promise<unknown> {
  const namespace = await findNamespace(call, deps, rule);
  const page = pageOf(call.query, ITEM_SORT_COLUMNS, deps.config);
  const marker = call.query.get('marker');
  const after = marker === null ? undefined : await findNamed(deps, namespace, kind, marker);
  if (marker !== null && !after) throw new Invalid(`Invalid marker: there is no such ${kind}`);
  // Properties come as a map, which has no pages.
  const paged = kind === 'property' ? undefined : { ...page, ...(after ? { after } : {}) };
  const rows = page.limit === 0 ? [] : await listItems(deps.db.kysely, namespace.id, kind, paged);
  const collection = COLLECTION[kind];
  const names = kind === 'property' ? [] : rows.map(({ name }) => name);
  return {
    [collection]:
      kind === 'property'
        ? Object.fromEntries(rows.map((row) => [row.name, propertyView(row)]))
        : kind === 'tag'
          ? rows.map(({ name }) => ({ name }))
          : rows.map((row) => viewOf(namespace, row)),
    ...links(`${pathOfNamespace(namespace.namespace)}/${collection}`, call.query, page, names),
    schema: `/v2/schemas/metadefs/${collection}`,
  };
}

async function findNamed(
  { db }: ImageDeps,
  { id }: NamespaceRow,
  kind: ItemKind,
  name: string,
): Promise<ItemRow | undefined> {
  return name.includes('\0') ? undefined : findItem(db.kysely, id, kind, name);
}

/** @throws MetadefNotFound */
async function requireItem(
  call: Call,
  deps: ImageDeps,
  namespace: NamespaceRow,
  kind: ItemKind,
): Promise<ItemRow> {
  const name = call.params['item'] ?? '';
  const row = await findNamed(deps, namespace, kind, await withoutPrefix(call, deps, namespace, kind, name));
  if (!row) throw new MetadefNotFound(kind, name);
  return row;
}

/** A property may be asked for as it is called on a resource of a type: with the prefix of the association. */
async function withoutPrefix(
  call: Call,
  deps: ImageDeps,
  { id }: NamespaceRow,
  kind: ItemKind,
  name: string,
): Promise<string> {
  const type = call.query.get('resource_type');
  if (kind !== 'property' || type === null) return name;
  const associations = await listAssociations(deps.db.kysely, [id]);
  const association = associations.find((each) => each.resource_type === type);
  if (!association || !name.startsWith(association.prefix ?? '')) throw new MetadefNotFound(kind, name);
  return name.slice((association.prefix ?? '').length);
}

export async function showItem(call: Call, deps: ImageDeps, kind: ItemKind, rule: string): Promise<unknown> {
  const namespace = await findNamespace(call, deps, rule);
  const row = await requireItem(call, deps, namespace, kind);
  return kind === 'property' ? { ...propertyView(row), name: call.params['item'] } : viewOf(namespace, row);
}

export async function replaceItem(
  call: Call,
  deps: ImageDeps,
  kind: ItemKind,
  rule: string,
): Promise<unknown> {
  const namespace = await findNamespace(call, deps, rule);
  const row = await requireItem(call, deps, namespace, kind);
  const body = call.body as Named;
  const set = { name: body.name, body_json: bodyText(body), updated_at: isoTime(deps.clock) };
  const there = await orTaken(namespace, kind, body.name, async () => updateItem(deps.db.kysely, row, set));
  if (!there) throw new MetadefNotFound(kind, row.name);
  return viewOf(namespace, { ...row, ...set });
}

export async function deleteItem(call: Call, deps: ImageDeps, kind: ItemKind, rule: string): Promise<Reply> {
  const namespace = await findNamespace(call, deps, rule);
  requireUnprotected(namespace);
  const row = await requireItem(call, deps, namespace, kind);
  if (!(await removeItems(deps.db.kysely, namespace.id, kind, row.name)))
    throw new MetadefNotFound(kind, row.name);
  return new Reply(204);
}

export async function deleteItems(call: Call, deps: ImageDeps, kind: ItemKind, rule: string): Promise<Reply> {
  const namespace = await findNamespace(call, deps, rule);
  requireUnprotected(namespace);
  await removeItems(deps.db.kysely, namespace.id, kind);
  return new Reply(204);
}

/** @throws Forbidden */
function requireUnprotected({ namespace, protected: kept }: NamespaceRow): void {
  if (kept === 1)
    throw new Forbidden(`Namespace ${namespace} is protected: what is in it cannot be deleted.`, 'protected');
}

/** All tags at once, in the place of those that are there, or beside them with `X-OpenStack-Append`. */
export async function createTags(call: Call, deps: ImageDeps): Promise<Reply> {
  const namespace = await findNamespace(call, deps, 'add_metadef_tags');
  const { tags } = call.body as TagsBody;
  const append = String(call.headers['x-openstack-append']).toLowerCase() === 'true';
  const now = isoTime(deps.clock);
  const rows = tags.map(({ name }) => itemOf(namespace.id, 'tag', { name }, now));
  await orTaken(namespace, 'tag', 'of these', async () =>
    deps.db.transaction(async (trx) => {
      if (!append) await removeItems(trx, namespace.id, 'tag');
      await insertItems(trx, rows);
    }),
  );
  return new Reply(201, {
    tags: rows.map(({ name }) => ({ name })),
    schema: '/v2/schemas/metadefs/tags',
  });
}
