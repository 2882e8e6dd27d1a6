// List, show, create, update, remove a group.
import type { Call } from '#platform/http/api.ts';
import type { GroupRow } from '../database.ts';
import { newId, type IdentityDeps } from '../deps.ts';
import { NotFound } from '../errors.ts';
import { exactFilters, listAnswer } from '../listing.ts';
import { findProject } from '../projects/store.ts';
import { removeGroupWithAll } from '../removal.ts';
import {
  defined,
  domainOfCaller,
  domainOfList,
  extraOf,
  lookUp,
  mergedExtra,
  refuseChange,
  unlessTaken,
} from '../resource.ts';
import { getGroup } from './find.ts';
import type { CreateGroup, UpdateGroup } from './schema.ts';
import { insertGroup, listGroupRows, updateGroup } from './store.ts';
import { groupView } from './view.ts';

const KNOWN = ['name', 'domain_id', 'description'];

export async function listGroups(call: Call, deps: IdentityDeps): Promise<unknown> {
  const domainId = domainOfList(call);
  call.enforce('identity:list_groups', { 'target.group.domain_id': domainId });
  const rows = await listGroupRows(deps.db.kysely, {
    ...exactFilters(call, ['name']),
    ...(domainId === undefined ? {} : { domain_id: domainId }),
  });
  return listAnswer(
    call,
    'groups',
    rows.map((row) => groupView(row, call.baseUrl)),
  );
}

export async function showGroup(call: Call, deps: IdentityDeps): Promise<unknown> {
  return { group: groupView(await getGroup(call, deps, 'identity:get_group'), call.baseUrl) };
}

export async function createGroup(call: Call, deps: IdentityDeps): Promise<unknown> {
  const { group } = call.body as CreateGroup;
  const domainId = group.domain_id ?? domainOfCaller(call);
  call.enforce('identity:create_group', { 'target.group.domain_id': domainId });
  const domain = await lookUp(domainId, async (key) => findProject(deps.db.kysely, key));
  if (domain?.is_domain !== 1) throw new NotFound('domain', domainId);
  const row: GroupRow = {
    id: newId(),
    name: group.name,
    domain_id: domainId,
    description: group.description ?? '',
    extra: JSON.stringify(extraOf(group, KNOWN)),
  };
  await unlessTaken('group', async () => deps.db.transaction(async (trx) => insertGroup(trx, row)));
  return { group: groupView(row, call.baseUrl) };
}

export async function updateOneGroup(call: Call, deps: IdentityDeps): Promise<unknown> {
  const row = await getGroup(call, deps, 'identity:update_group');
  const { group } = call.body as UpdateGroup;
  refuseChange(group, row, ['domain_id']);
  const changes = defined<GroupRow>({
    name: group.name,
    description: group.description === null ? '' : group.description,
    extra: mergedExtra(row, group, KNOWN),
  });
  await unlessTaken('group', async () =>
    deps.db.transaction(async (trx) => updateGroup(trx, row.id, changes)),
  );
  return { group: groupView({ ...row, ...changes }, call.baseUrl) };
}

export async function removeOneGroup(call: Call, deps: IdentityDeps): Promise<unknown> {
  const row = await getGroup(call, deps, 'identity:delete_group');
  await deps.db.transaction(async (trx) => removeGroupWithAll(trx, row.id));
  await deps.revocations.announce({ all: true }); // any member's roles may have changed
  return undefined;
}
