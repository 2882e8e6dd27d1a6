// Namespaces: sets of definitions, public or a project's own.
import { randomUUID } from 'node:crypto';
import { isAdmin } from '#platform/auth/principal.ts';
import { isoTime } from '#platform/context/clock.ts';
import { Reply, type Call } from '#platform/http/api.ts';
import { isUniqueViolation } from '#platform/sql/database.ts';
import type { ImageDeps } from '../deps.ts';
import { Conflict, Forbidden, Invalid, MetadefNotFound } from '../errors.ts';
import { findIfSeen, findNamespace, targetOf } from './find.ts';
import { associationOf } from './resource-types.ts';
import { itemOf } from './items.ts';
import { links, pageOf } from './paging.ts';
import type { NamespaceBody } from './schema.ts';
import {
  insertAssociation,
  insertItems,
  insertNamespace,
  listAssociations,
  listItems,
  listNamespaceRows,
  NAMESPACE_SORT_COLUMNS,
  removeNamespace,
  updateNamespace,
  type NamespaceQuery,
} from './store.ts';
import type { AssociationRow, ItemRow, NamespaceRow } from './tables.ts';
import { NAMESPACES, namespaceView, objectView, pathOfNamespace, propertyView } from './view.ts';

export async function listNamespaces(call: Call, deps: ImageDeps): Promise<unknown> {
  const query = await queryOf(call, deps);
  const rows = query.limit === 0 ? [] : await listNamespaceRows(deps.db.kysely, query);
  const associations = await listAssociations(
    deps.db.kysely,
    rows.map(({ id }) => id),
  );
  const names = rows.map(({ namespace }) => namespace);
  return {
    namespaces: rows.map((row) =>
      namespaceView(
        row,
        associations.filter((each) => each.namespace_id === row.id),
      ),
    ),
    ...links(NAMESPACES, call.query, query, names),
    schema: '/v2/schemas/metadefs/namespaces',
  };
}

async function queryOf(call: Call, deps: ImageDeps): Promise<NamespaceQuery> {
  const { query, principal } = call;
  const visibility = query.get('visibility');
  if (visibility !== null && visibility !== 'public' && visibility !== 'private')
    throw new Invalid(`Invalid visibility value: ${visibility.slice(0, 50)}`);
  const types = query.get('resource_types');
  if (types?.includes('\0')) throw new Invalid('Invalid resource_types');
  const marker = query.get('marker');
  const after = marker === null ? undefined : await findIfSeen(call, deps, marker);
  if (marker !== null && !after) throw new MetadefNotFound('namespace', marker);
  return {
    ...pageOf(query, NAMESPACE_SORT_COLUMNS, deps.config),
    projectId: principal.projectId,
    admin: isAdmin(principal),
    ...(visibility === null ? {} : { visibility }),
    ...(types === null ? {} : { resourceTypes: types.split(',').slice(0, 100) }),
    ...(after ? { after } : {}),
  };
}

export async function createNamespace(call: Call, deps: ImageDeps): Promise<Reply> {
  const body = call.body as NamespaceBody;
  const now = isoTime(deps.clock);
  const row: NamespaceRow = {
    id: randomUUID(),
    namespace: body.namespace,
    display_name: body.display_name ?? null,
    description: body.description ?? null,
    visibility: body.visibility ?? 'private',
    protected: body.protected === true ? 1 : 0,
    owner: body.owner ?? call.principal.projectId ?? '',
    created_at: now,
    updated_at: now,
  };
  call.enforce('add_metadef_namespace', targetOf(row));
  const associations = (body.resource_type_associations ?? []).map((each) =>
    associationOf(row.id, each, now),
  );
  const items = itemsOf(row.id, body, now);
  await orTaken(row.namespace, async () =>
    deps.db.transaction(async (trx) => {
      await insertNamespace(trx, row);
      for (const association of associations) await insertAssociation(trx, association);
      await insertItems(trx, items);
    }),
  );
  return new Reply(201, wholeView(row, associations, items), {
    location: call.baseUrl + pathOfNamespace(row.namespace),
  });
}

function itemsOf(
  id: string,
  { properties = {}, objects = [], tags = [] }: NamespaceBody,
  now: string,
): ItemRow[] {
  return [
    ...Object.entries(properties).map(([name, body]) => itemOf(id, 'property', { ...body, name }, now)),
    ...objects.map((body) => itemOf(id, 'object', body, now)),
    ...tags.map((body) => itemOf(id, 'tag', { name: body.name }, now)),
  ];
}

/** @throws Conflict when a name is taken */
async function orTaken<T>(namespace: string, write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    if (!isUniqueViolation(error)) throw error;
    throw new Conflict(`Namespace ${namespace}, or a name in it, exists already.`, 'metadef-taken');
  }
}

/** @param prefix of the resource type for which it is looked at */
function wholeView(
  row: NamespaceRow,
  associations: readonly AssociationRow[],
  items: readonly ItemRow[],
  prefix?: string,
): Record<string, unknown> {
  const of = (kind: ItemRow['kind']): ItemRow[] => items.filter((item) => item.kind === kind);
  const some = (key: string, found: readonly ItemRow[], value: unknown): Record<string, unknown> =>
    found.length === 0 ? {} : { [key]: value };
  const properties = of('property').map((item) => propertyView(item, prefix));
  return {
    ...namespaceView(row, associations),
    ...some('properties', of('property'), Object.fromEntries(properties.map((each) => [each['name'], each]))),
    ...some(
      'objects',
      of('object'),
      of('object').map((item) => objectView(row.namespace, item)),
    ),
    ...some(
      'tags',
      of('tag'),
      of('tag').map(({ name }) => ({ name })),
    ),
  };
}

export async function showNamespace(call: Call, deps: ImageDeps): Promise<unknown> {
  const row = await findNamespace(call, deps, 'get_metadef_namespace');
  const associations = await listAssociations(deps.db.kysely, [row.id]);
  const items = await listItems(deps.db.kysely, row.id);
  const type = call.query.get('resource_type');
  const prefix = associations.find((each) => each.resource_type === type)?.prefix;
  return wholeView(row, associations, items, prefix ?? '');
}

/** The namespace alone: what is in it has addresses of its own. */
export async function replaceNamespace(call: Call, deps: ImageDeps): Promise<unknown> {
  const row = await findNamespace(call, deps, 'modify_metadef_namespace');
  const body = call.body as NamespaceBody;
  const set = {
    namespace: body.namespace,
    display_name: body.display_name ?? null,
    description: body.description ?? null,
    visibility: body.visibility ?? row.visibility,
    protected: (body.protected ?? row.protected === 1) ? 1 : 0,
    owner: body.owner ?? row.owner,
    updated_at: isoTime(deps.clock),
  };
  const there = await orTaken(body.namespace, async () => updateNamespace(deps.db.kysely, row.id, set));
  if (!there) throw new MetadefNotFound('namespace', row.namespace);
  return namespaceView({ ...row, ...set }, await listAssociations(deps.db.kysely, [row.id]));
}

export async function deleteNamespace(call: Call, deps: ImageDeps): Promise<Reply> {
  const row = await findNamespace(call, deps, 'delete_metadef_namespace');
  const removed = await deps.db.transaction(async (trx) => removeNamespace(trx, row.id));
  if (!removed) throw protectedNamespace(row);
  return new Reply(204);
}

function protectedNamespace({ namespace }: NamespaceRow): Forbidden {
  return new Forbidden(`Namespace ${namespace} is protected and cannot be deleted.`, 'protected');
}
