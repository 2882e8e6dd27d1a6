// The image service's rules: upstream's names and secure-RBAC defaults. Targets are made by `images/find.ts`.
import type { PolicyRule } from '#platform/policy/enforcer.ts';
import { metadefPolicies } from './metadefs/policy.ts';

const ADMIN_OR_MEMBER = 'rule:context_is_admin or (role:member and project_id:%(project_id)s)';
const VISIBLE =
  "project_id:%(project_id)s or project_id:%(member_id)s or 'community':%(visibility)s or 'public':%(visibility)s";
const SHARERS = 'project_id:%(project_id)s or project_id:%(member_id)s';

function rule(name: string, check: string, description: string): PolicyRule {
  return { name, check, description, scopes: ['project'] };
}

export const imagePolicies: readonly PolicyRule[] = [
  ...metadefPolicies,
  rule('default', 'rule:context_is_admin', 'What no other rule is about.'),
  rule('add_image', ADMIN_OR_MEMBER, 'Make an image record for a project.'),
  rule('delete_image', ADMIN_OR_MEMBER, 'Delete an image with its data.'),
  rule('get_image', `rule:context_is_admin or (role:reader and (${VISIBLE}))`, 'Show one image.'),
  rule(
    'get_images',
    // without a project: those that are for all
    'rule:context_is_admin or (role:reader and project_id:%(project_id)s) or project_id:None',
    'List the images that the caller may see.',
  ),
  rule('modify_image', ADMIN_OR_MEMBER, 'Change attributes, properties and tags of an image.'),
  rule('publicize_image', 'rule:context_is_admin', 'Make an image public.'),
  rule('communitize_image', ADMIN_OR_MEMBER, 'Let every project use an image that no list shows.'),
  rule(
    'download_image',
    `rule:context_is_admin or (role:member and (${VISIBLE}))`,
    'Read the data of an image.',
  ),
  rule('upload_image', ADMIN_OR_MEMBER, 'Send the data of an image.'),
  rule(
    'get_image_location',
    'rule:context_is_admin or rule:service_api',
    'See where the data of an image is.',
  ),
  rule('delete_image_location', 'rule:context_is_admin', "Remove one store's copy of an image's data."),
  rule('stores_info_detail', 'rule:context_is_admin', 'See the types and settings of the stores.'),
  rule('copy_image', 'rule:context_is_admin', 'Copy the data of an image into further stores.'),
  rule('tasks_api_access', 'rule:context_is_admin', 'List, show and make tasks.'),
  rule('deactivate', ADMIN_OR_MEMBER, 'Keep the data of an image from being read.'),
  rule('reactivate', ADMIN_OR_MEMBER, 'Let the data of a deactivated image be read again.'),
  rule('add_member', ADMIN_OR_MEMBER, 'Share an image with a project.'),
  rule('delete_member', ADMIN_OR_MEMBER, 'Stop sharing an image with a project.'),
  rule(
    'get_member',
    `rule:context_is_admin or (role:reader and (${SHARERS}))`,
    'Show one project with which an image is shared.',
  ),
  rule(
    'get_members',
    `rule:context_is_admin or (role:reader and (${SHARERS}))`,
    'List the projects with which an image is shared.',
  ),
  rule(
    'modify_member',
    'rule:context_is_admin or (role:member and project_id:%(member_id)s)',
    'Accept or reject an image that another project shares.',
  ),
];
