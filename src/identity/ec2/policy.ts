// Rules of EC2 credentials: their user's and administrators'.
import type { PolicyRule } from '#platform/policy/enforcer.ts';

const ADMIN = 'rule:admin_required';
const OWNER = 'user_id:%(target.credential.user_id)s';
const SERVICE = `${ADMIN} or role:service`;
const READ = `${ADMIN} or (role:reader and system_scope:all) or ${OWNER}`;

export const ec2Policies: readonly PolicyRule[] = [
  { name: 'identity:ec2_get_credential', check: READ, description: 'See an EC2 credential.' },
  { name: 'identity:ec2_list_credentials', check: READ, description: "List a user's EC2 credentials." },
  {
    name: 'identity:ec2_create_credential',
    check: `${ADMIN} or ${OWNER}`,
    description: 'Make an EC2 credential.',
  },
  {
    name: 'identity:ec2_delete_credential',
    check: `${ADMIN} or ${OWNER}`,
    description: 'Remove an EC2 credential.',
  },
  {
    name: 'identity:ec2tokens_validate',
    check: SERVICE,
    description: 'Exchange a signed EC2 request for a token of who signed it.',
  },
  {
    name: 'identity:s3tokens_validate',
    check: SERVICE,
    description: 'The same for a signed S3 request.',
  },
];
