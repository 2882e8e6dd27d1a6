// Row types of metadata definitions.

export interface NamespaceRow {
  /** Its own: the name can change. */
  id: string;
  namespace: string;
  display_name: string | null;
  description: string | null;
  visibility: 'public' | 'private';
  protected: number;
  owner: string;
  created_at: string;
  updated_at: string;
}

export interface ResourceTypeRow {
  name: string;
  created_at: string;
  updated_at: string;
}

/** A namespace is meant for a kind of resource. */
export interface AssociationRow {
  namespace_id: string;
  resource_type: string;
  /** Before the properties' names when they are put on such a resource. */
  prefix: string | null;
  properties_target: string | null;
  created_at: string;
  updated_at: string;
}

export type ItemKind = 'object' | 'property' | 'tag';

export interface ItemRow {
  namespace_id: string;
  kind: ItemKind;
  name: string;
  /** What the client gave, beside the name. */
  body_json: string;
  created_at: string;
  updated_at: string;
}

export interface MetadefTables {
  metadef_namespaces: NamespaceRow;
  metadef_resource_types: ResourceTypeRow;
  metadef_associations: AssociationRow;
  metadef_items: ItemRow;
}
