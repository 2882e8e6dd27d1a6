// Metadata definitions as JSON. Pure.
import { clientTime } from '../images/view.ts';
import type { AssociationRow, ItemRow, NamespaceRow, ResourceTypeRow } from './tables.ts';

type Json = Record<string, unknown>;

export const NAMESPACES = '/v2/metadefs/namespaces';
const SCHEMAS = '/v2/schemas/metadefs';

function times({ created_at, updated_at }: { created_at: string; updated_at: string }): Json {
  return { created_at: clientTime(created_at), updated_at: clientTime(updated_at) };
}

export function pathOfNamespace(namespace: string): string {
  return `${NAMESPACES}/${encodeURIComponent(namespace)}`;
}

export function namespaceView(row: NamespaceRow, associations: readonly AssociationRow[]): Json {
  return {
    namespace: row.namespace,
    ...(row.display_name === null ? {} : { display_name: row.display_name }),
    ...(row.description === null ? {} : { description: row.description }),
    visibility: row.visibility,
    protected: row.protected === 1,
    owner: row.owner,
    ...(associations.length === 0 ? {} : { resource_type_associations: associations.map(associationView) }),
    ...times(row),
    self: pathOfNamespace(row.namespace),
    schema: `${SCHEMAS}/namespace`,
  };
}

export function associationView(row: AssociationRow): Json {
  return {
    name: row.resource_type,
    ...(row.prefix === null ? {} : { prefix: row.prefix }),
    ...(row.properties_target === null ? {} : { properties_target: row.properties_target }),
    ...times(row),
  };
}

export function resourceTypeView(row: ResourceTypeRow): Json {
  return { name: row.name, ...times(row) };
}

export function objectView(namespace: string, row: ItemRow): Json {
  const { required, properties, ...body } = JSON.parse(row.body_json) as Json;
  return {
    name: row.name,
    ...body,
    required: required ?? [],
    properties: properties ?? {},
    ...times(row),
    self: `${pathOfNamespace(namespace)}/objects/${encodeURIComponent(row.name)}`,
    schema: `${SCHEMAS}/object`,
  };
}

/** @param prefix of a resource type for which the property is looked at */
export function propertyView(row: ItemRow, prefix = ''): Json {
  return { name: prefix + row.name, ...(JSON.parse(row.body_json) as Json) };
}

export function tagView(row: ItemRow): Json {
  return { name: row.name, ...times(row) };
}
