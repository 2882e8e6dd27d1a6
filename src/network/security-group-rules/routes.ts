// /v2.0/security-group-rules; rules are made and deleted, never changed.
import { sql } from 'kysely';
import { Crud } from '../rest/crud.ts';
import { inList, TRUE } from '../rest/select.ts';
import { ensureDefaultGroup } from '../security-groups/default-group.ts';
import { createSecurityGroupRule, removeSecurityGroupRule } from './handlers.ts';
import {
  createSecurityGroupRule as createSchema,
  updateSecurityGroupRule as updateSchema,
} from './schema.ts';
import { viewRules } from './view.ts';
import { canonicalProtocol } from './protocols.ts';

export const securityGroupRules = new Crud({
  name: 'security_group_rule',
  plural: 'security_group_rules',
  path: '/v2.0/security-group-rules',
  table: 'security_group_rules',
  attributes: ['normalized_cidr'],
  columns: {
    security_group_id: { column: 'security_group_id', type: 'text' },
    direction: { column: 'direction', type: 'text' },
    ethertype: { column: 'ethertype', type: 'text' },
    protocol: { column: 'protocol', type: 'text' },
    port_range_min: { column: 'port_range_min', type: 'integer' },
    port_range_max: { column: 'port_range_max', type: 'integer' },
    remote_ip_prefix: { column: 'remote_ip_prefix', type: 'text' },
    remote_group_id: { column: 'remote_group_id', type: 'text' },
    remote_address_group_id: { column: 'remote_address_group_id', type: 'text' },
  },
  special: {
    protocol: (values, deps) => {
      const names = values.flatMap((value) => [
        value,
        canonicalProtocol(value.toLowerCase(), 'IPv4') ?? value,
      ]);
      return inList(deps.db.engine, 'protocol', [...new Set(names)]);
    },
  },
  post: createSchema,
  put: updateSchema,
  quota: 'security_group_rule',
  visible: (caller) =>
    caller.admin
      ? TRUE
      : sql`(project_id = ${caller.projectId} or security_group_id in (
          select object_id from rbac_policies where object_type = 'security_group' and target_project in ('*', ${caller.projectId})))`,
  view: viewRules,
  prepare: ensureDefaultGroup,
  create: createSecurityGroupRule,
  update: async (_operation, row) => row,
  remove: removeSecurityGroupRule,
});

export const securityGroupRuleRoutes = securityGroupRules.routes().filter((route) => route.method !== 'PUT');
