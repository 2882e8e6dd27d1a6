// Who may do what with volume types: everybody reads them, administrators keep them.
import { ADMIN, ANYBODY, READER, rule } from '#volume/policies.ts';
import type { PolicyRule } from '#platform/policy/enforcer.ts';

const x = (name: string, check: string, description: string): PolicyRule =>
  rule(`volume_extension:${name}`, check, description);

export const typePolicies: readonly PolicyRule[] = [
  x('type_get', ANYBODY, 'Show a volume type.'),
  x('type_get_all', ANYBODY, 'List volume types.'),
  x('type_create', ADMIN, 'Create a volume type.'),
  x('type_update', ADMIN, 'Change a volume type.'),
  x('type_delete', ADMIN, 'Delete a volume type.'),
  x('access_types_extra_specs', READER, 'See extra specs in volume types.'),
  x('access_types_qos_specs_id', ADMIN, 'See the QoS specs of volume types.'),
  x('volume_type_access', READER, 'See whether a volume type is public.'),
  x('volume_type_access:addProjectAccess', ADMIN, 'Let a project use a private volume type.'),
  x('volume_type_access:removeProjectAccess', ADMIN, 'Take a private volume type from a project.'),
  x('volume_type_access:get_all_for_type', ADMIN, 'List the projects that may use a private volume type.'),
  x('types_extra_specs:index', READER, 'List the extra specs of a volume type.'),
  x('types_extra_specs:show', READER, 'Show an extra spec of a volume type.'),
  x('types_extra_specs:read_sensitive', ADMIN, 'See extra specs that tell of the backend.'),
  x('types_extra_specs:create', ADMIN, 'Add extra specs to a volume type.'),
  x('types_extra_specs:update', ADMIN, 'Change an extra spec of a volume type.'),
  x('types_extra_specs:delete', ADMIN, 'Remove an extra spec of a volume type.'),
  x('volume_type_encryption:get', ADMIN, 'Show the encryption of a volume type.'),
  x('volume_type_encryption:create', ADMIN, 'Give a volume type an encryption.'),
  x('volume_type_encryption:update', ADMIN, 'Change the encryption of a volume type.'),
  x('volume_type_encryption:delete', ADMIN, 'Remove the encryption of a volume type.'),
];
