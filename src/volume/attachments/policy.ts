// Rules of the attachments API: upstream's names and secure-RBAC defaults. The target is the volume's project.
import type { PolicyRule } from '#platform/policy/enforcer.ts';
import { ADMIN, MEMBER, READER, rule } from '#volume/policies.ts';

export const attachmentPolicies: readonly PolicyRule[] = [
  rule('volume:attachment_create', MEMBER, 'Reserve a volume for a server.'),
  rule('volume:attachment_get', READER, 'See attachments.'),
  rule('volume:attachment_get_all_projects', ADMIN, 'See the attachments of every project.'),
  rule('volume:attachment_update', MEMBER, 'Export a volume to the host of an attachment.'),
  rule('volume:attachment_complete', MEMBER, 'Say that the server has the volume.'),
  rule('volume:attachment_encryption_secret', 'role:service', 'Learn what opens an encrypted volume.'),
  rule('volume:attachment_delete', MEMBER, 'End an attachment.'),
];
