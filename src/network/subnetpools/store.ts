// Who sees which subnet pool and address scope: the owner, and everyone for shared ones.
import { sql } from 'kysely';
import type { Caller } from '../rest/deps.ts';
import { TRUE, type Condition } from '../rest/select.ts';

function ownOrShared(caller: Caller, objectType: string): Condition {
  if (caller.admin) return TRUE;
  return sql`(project_id = ${caller.projectId} or shared = 1 or id in (
    select object_id from rbac_policies where object_type = ${objectType} and target_project in ('*', ${caller.projectId})))`;
}

export function visibleSubnetPools(caller: Caller): Condition {
  return ownOrShared(caller, 'subnetpool');
}

export function visibleAddressScopes(caller: Caller): Condition {
  return ownOrShared(caller, 'address_scope');
}
