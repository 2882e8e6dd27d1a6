// Rules of metadata definitions: everyone reads what is public or their project's, administrators write.
import type { PolicyRule } from '#platform/policy/enforcer.ts';

const SEEN =
  "rule:context_is_admin or (role:reader and (project_id:%(project_id)s or 'public':%(visibility)s))";
const READER = 'rule:context_is_admin or (role:reader and project_id:%(project_id)s)';

const RULES: ReadonlyArray<readonly [name: string, check: string, description: string]> = [
  ['get_metadef_namespace', SEEN, 'Show a namespace of metadata definitions.'],
  ['get_metadef_namespaces', READER, 'List the namespaces that the caller may see.'],
  ['add_metadef_namespace', 'rule:metadef_admin', 'Make a namespace.'],
  ['modify_metadef_namespace', 'rule:metadef_admin', 'Change a namespace.'],
  ['delete_metadef_namespace', 'rule:metadef_admin', 'Delete a namespace with all that is in it.'],
  ['list_metadef_resource_types', READER, 'List the kinds of resources that namespaces can be meant for.'],
  ['get_metadef_resource_type', SEEN, 'List the kinds of resources that a namespace is meant for.'],
  ['add_metadef_resource_type_association', 'rule:metadef_admin', 'Mean a namespace for a kind of resource.'],
  [
    'remove_metadef_resource_type_association',
    'rule:metadef_admin',
    'Mean a namespace no longer for a kind of resource.',
  ],
  ['get_metadef_object', SEEN, 'Show an object of a namespace.'],
  ['get_metadef_objects', SEEN, 'List the objects of a namespace.'],
  ['add_metadef_object', 'rule:metadef_admin', 'Add an object to a namespace.'],
  ['modify_metadef_object', 'rule:metadef_admin', 'Change an object of a namespace.'],
  ['delete_metadef_object', 'rule:metadef_admin', 'Remove objects of a namespace.'],
  ['get_metadef_property', SEEN, 'Show a property of a namespace.'],
  ['get_metadef_properties', SEEN, 'List the properties of a namespace.'],
  ['add_metadef_property', 'rule:metadef_admin', 'Add a property to a namespace.'],
  ['modify_metadef_property', 'rule:metadef_admin', 'Change a property of a namespace.'],
  ['remove_metadef_property', 'rule:metadef_admin', 'Remove properties of a namespace.'],
  ['get_metadef_tag', SEEN, 'Show a tag of a namespace.'],
  ['get_metadef_tags', SEEN, 'List the tags of a namespace.'],
  ['add_metadef_tag', 'rule:metadef_admin', 'Add a tag to a namespace.'],
  ['add_metadef_tags', 'rule:metadef_admin', 'Add many tags to a namespace.'],
  ['modify_metadef_tag', 'rule:metadef_admin', 'Rename a tag of a namespace.'],
  ['delete_metadef_tag', 'rule:metadef_admin', 'Remove a tag of a namespace.'],
  ['delete_metadef_tags', 'rule:metadef_admin', 'Remove all tags of a namespace.'],
];

export const metadefPolicies: readonly PolicyRule[] = [
  { name: 'metadef_admin', check: 'rule:context_is_admin', description: 'Who writes metadata definitions.' },
  ...RULES.map(([name, check, description]) => ({ name, check, description, scopes: ['project'] as const })),
];
