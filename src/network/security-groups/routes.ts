// /v2.0/security-groups
import { Crud } from '../rest/crud.ts';
import { ensureDefaultGroup } from './default-group.ts';
import {
  createSecurityGroup,
  removeSecurityGroup,
  updateSecurityGroup,
  viewSecurityGroups,
} from './handlers.ts';
import { createSecurityGroup as createSchema, updateSecurityGroup as updateSchema } from './schema.ts';
import { visibleSecurityGroups } from './store.ts';

export const securityGroups = new Crud({
  name: 'security_group',
  plural: 'security_groups',
  path: '/v2.0/security-groups',
  table: 'security_groups',
  attributes: ['shared', 'security_group_rules'],
  columns: { name: { column: 'name', type: 'text' }, stateful: { column: 'stateful', type: 'boolean' } },
  post: createSchema,
  put: updateSchema,
  quota: 'security_group',
  visible: visibleSecurityGroups,
  view: viewSecurityGroups,
  prepare: ensureDefaultGroup,
  create: createSecurityGroup,
  update: updateSecurityGroup,
  remove: removeSecurityGroup,
});

export const securityGroupRoutes = securityGroups.routes();
