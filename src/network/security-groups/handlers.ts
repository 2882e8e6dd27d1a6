// Creating, changing and deleting security groups, and how they are shown.
import type { SecurityGroupRow } from '../tables.ts';
import { conflict } from '../errors.ts';
import { checkQuota } from '../quotas/limits.ts';
import { has, pickFlags, pickTexts, readFlag, readText } from '../rest/attributes.ts';
import type { Needed } from '../rest/listing.ts';
import { standardView, type Operation } from '../rest/crud.ts';
import type { Caller, Input, NetworkDeps, Sql, View } from '../rest/deps.ts';
import { deleteRows, equals, inList, selectRows, updateRow } from '../rest/select.ts';
import { viewRules } from '../security-group-rules/view.ts';
import { insertGroup } from './default-group.ts';

export async function createSecurityGroup(
  { unit, deps }: Operation,
  input: Input,
  projectId: string,
): Promise<SecurityGroupRow> {
  const name = readText(input, 'name');
  if (name.toLowerCase() === 'default')
    throw conflict('SecurityGroupDefaultAlreadyExists', 'Default security group already exists.');
  await checkQuota(unit.trx, deps, 'security_group_rule', projectId, 2);
  return insertGroup(unit, projectId, {
    name,
    description: readText(input, 'description'),
    stateful: readFlag(input, 'stateful', true),
  });
}

export async function updateSecurityGroup(
  { unit }: Operation,
  row: SecurityGroupRow,
  input: Input,
): Promise<SecurityGroupRow> {
  if (row.default_of !== null && has(input, 'name') && input['name'] !== row.name)
    throw conflict('SecurityGroupCannotUpdateDefault', 'Updating default security group not allowed.');
  if (row.default_of === null && readText(input, 'name').toLowerCase() === 'default')
    throw conflict('SecurityGroupDefaultAlreadyExists', 'Default security group already exists.');
  if (
    has(input, 'stateful') &&
    readFlag(input, 'stateful', true) !== row.stateful &&
    (await portCount(unit.trx, row.id)) > 0
  )
    throw conflict(
      'SecurityGroupInUse',
      `Security Group ${row.id} cannot change its stateful attribute while ports use it.`,
    );
  const next = await updateRow(
    unit.trx,
    'security_groups',
    row,
    { ...pickTexts(input, ['name', 'description']), ...pickFlags(input, ['stateful']) },
    unit.now,
  );
  unit.touch('security_group', row.id);
  return next;
}

async function portCount(db: Sql, groupId: string): Promise<number> {
  const used = await db
    .selectFrom('port_security_groups')
    .select('port_id')
    .where('security_group_id', '=', groupId)
    .limit(1)
    .execute();
  return used.length;
}

export async function removeSecurityGroup(
  { unit, caller, deps }: Operation,
  row: SecurityGroupRow,
): Promise<void> {
  if (row.default_of !== null && !caller.admin)
    throw conflict(
      'SecurityGroupCannotRemoveDefault',
      'Insufficient rights for removing default security group.',
    );
  if ((await portCount(unit.trx, row.id)) > 0)
    throw conflict('SecurityGroupInUse', `Security Group ${row.id} in use.`);
  const rules = await selectRows(unit.trx, 'security_group_rules', [equals('security_group_id', row.id)]);
  const referring = await selectRows(unit.trx, 'security_group_rules', [equals('remote_group_id', row.id)]);
  for (const rule of [...rules, ...referring]) {
    await deleteRows(unit.trx, 'security_group_rules', [equals('id', rule.id)]);
    unit.touch('security_group_rule', rule.id);
  }
  for (const id of new Set(referring.map((rule) => rule.security_group_id))) unit.touch('security_group', id);
  await deleteRows(unit.trx, 'rbac_policies', [
    equals('object_type', 'security_group'),
    equals('object_id', row.id),
  ]);
  await deleteRows(unit.trx, 'security_groups', [equals('id', row.id)]);
  if (row.default_of !== null) deps.projectsWithDefaultGroup.delete(row.default_of);
  unit.touch('security_group', row.id);
}

export async function viewSecurityGroups(
  rows: readonly SecurityGroupRow[],
  caller: Caller,
  deps: NetworkDeps,
  db: Sql,
  needed?: Needed,
): Promise<View[]> {
  const ids = rows.map((row) => row.id);
  const ruled = needed?.has('security_group_rules') === false ? [] : ids;
  const rules = await selectRows(db, 'security_group_rules', [
    inList(deps.db.engine, 'security_group_id', ruled),
  ]);
  const views = (await viewRules(rules)).map((view, index) => {
    const rule = rules[index];
    return rule ? { ...view, ...standardView(rule), tags: [] } : view;
  });
  const byGroup = Map.groupBy(views, (view) => view['security_group_id']);
  const shared = await selectRows(db, 'rbac_policies', [
    equals('object_type', 'security_group'),
    inList(deps.db.engine, 'object_id', ids),
    inList(deps.db.engine, 'target_project', ['*', caller.projectId]),
  ]);
  const sharedIds = new Set(shared.map((policy) => policy.object_id));
  return rows.map((row) => ({
    name: row.name,
    stateful: row.stateful === 1,
    shared: sharedIds.has(row.id),
    security_group_rules: byGroup.get(row.id) ?? [],
  }));
}
