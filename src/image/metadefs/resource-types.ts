// For which kinds of resources a namespace is meant.
import { isoTime } from '#platform/context/clock.ts';
import { Reply, type Call } from '#platform/http/api.ts';
import { isUniqueViolation } from '#platform/sql/database.ts';
import type { ImageDeps } from '../deps.ts';
import { Conflict, Forbidden, MetadefNotFound } from '../errors.ts';
import { findNamespace } from './find.ts';
import type { AssociationBody } from './schema.ts';
import { insertAssociation, listAssociations, listResourceTypeRows, removeAssociation } from './store.ts';
import type { AssociationRow } from './tables.ts';
import { associationView, resourceTypeView } from './view.ts';

export async function listResourceTypes(_call: Call, deps: ImageDeps): Promise<unknown> {
  return { resource_types: (await listResourceTypeRows(deps.db.kysely)).map(resourceTypeView) };
}

export async function listNamespaceTypes(call: Call, deps: ImageDeps): Promise<unknown> {
  const { id } = await findNamespace(call, deps, 'get_metadef_resource_type');
  return { resource_type_associations: (await listAssociations(deps.db.kysely, [id])).map(associationView) };
}

export function associationOf(namespaceId: string, body: AssociationBody, now: string): AssociationRow {
  return {
    namespace_id: namespaceId,
    resource_type: body.name,
    prefix: body.prefix ?? null,
    properties_target: body.properties_target ?? null,
    created_at: now,
    updated_at: now,
  };
}

export async function associateType(call: Call, deps: ImageDeps): Promise<unknown> {
  const { id, namespace } = await findNamespace(call, deps, 'add_metadef_resource_type_association');
  const row = associationOf(id, call.body as AssociationBody, isoTime(deps.clock));
  try {
    await deps.db.transaction(async (trx) => insertAssociation(trx, row));
  } catch (error) {
    if (!isUniqueViolation(error)) throw error;
    throw new Conflict(
      `Namespace ${namespace} is associated with ${row.resource_type} already.`,
      'metadef-taken',
    );
  }
  return associationView(row);
}

export async function dissociateType(call: Call, deps: ImageDeps): Promise<Reply> {
  const found = await findNamespace(call, deps, 'remove_metadef_resource_type_association');
  const type = call.params['type'] ?? '';
  if (found.protected === 1)
    throw new Forbidden(`Namespace ${found.namespace} is protected: its associations stay.`, 'protected');
  if (type.includes('\0') || !(await removeAssociation(deps.db.kysely, found.id, type)))
    throw new MetadefNotFound('resource type association', type);
  return new Reply(204);
}
