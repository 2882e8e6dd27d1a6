// /v2.0/qos/policies: what is limited, marked and kept free for ports, networks and floating IPs.
import { isUniqueViolation } from '#platform/sql/database.ts';
import type { Route } from '#platform/http/api.ts';
import { conflict } from '../errors.ts';
import {
  Bool,
  createBody,
  Description,
  has,
  Name,
  pickTexts,
  readBool,
  readText,
  updateBody,
} from '../rest/attributes.ts';
import { Crud, type Operation } from '../rest/crud.ts';
import type { Caller, Input, NetworkDeps, Sql, View } from '../rest/deps.ts';
import { deleteRows, equals, inList, insertRow, newStandard, selectRows, updateRow } from '../rest/select.ts';
import type { QosPolicyRow } from '../tables.ts';
import { kindOf } from './rule-kinds.ts';
import { ruleRoutes } from './rules.ts';
import { ruleTypeRoutes } from './rule-types.ts';
import { boundTo, isPolicyUsedByOthers, rulesOfPolicies, setPolicyShared, visiblePolicies } from './store.ts';

const changeable = { name: Name, description: Description, shared: Bool, is_default: Bool };

export const qosPolicies = new Crud({
  name: 'policy',
  plural: 'policies',
  path: '/v2.0/qos/policies',
  table: 'qos_policies',
  attributes: ['shared', 'is_default', 'rules'],
  columns: { name: { column: 'name', type: 'text' } },
  post: createBody('policy', 'policies', changeable),
  put: updateBody('policy', changeable),
  visible: visiblePolicies,
  view: viewPolicies,
  create: createPolicy,
  update: updatePolicy,
  remove: removePolicy,
});

async function viewPolicies(
  rows: readonly QosPolicyRow[],
  caller: Caller,
  deps: NetworkDeps,
  db: Sql,
): Promise<View[]> {
  const { engine } = deps.db;
  const ids = rows.map((row) => row.id);
  const ruleRows = await rulesOfPolicies(db, engine, ids);
  const open =
    ids.length === 0
      ? []
      : await selectRows(db, 'rbac_policies', [
          equals('object_type', 'qos_policy'),
          inList(engine, 'object_id', ids),
        ]);
  const shared = new Set(
    open
      .filter((each) => ['*', caller.projectId].includes(each.target_project))
      .map((each) => each.object_id),
  );
  return rows.map((row) => ({
    name: row.name,
    shared: shared.has(row.id),
    is_default: row.default_of !== null,
    rules: (ruleRows.get(row.id) ?? []).map((rule) => ({
      ...kindOf(rule.type).view(rule),
      qos_policy_id: row.id,
      type: rule.type,
    })),
  }));
}

async function createPolicy({ unit }: Operation, input: Input, projectId: string): Promise<QosPolicyRow> {
  const row: QosPolicyRow = {
    ...newStandard(input, projectId, unit.now),
    name: readText(input, 'name'),
    default_of: readBool(input, 'is_default', false) ? projectId : null,
  };
  await onlyDefault(row, () => insertRow(unit.trx, 'qos_policies', row));
  if (readBool(input, 'shared', false)) await setPolicyShared(unit.trx, row, true);
  return row;
}

async function onlyDefault<T>(row: QosPolicyRow, write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    if (!isUniqueViolation(error)) throw error;
    throw conflict(
      'QoSPolicyDefaultAlreadyExists',
      `A default QoS policy exists for project ${row.project_id}.`,
    );
  }
}

async function updatePolicy({ unit }: Operation, row: QosPolicyRow, input: Input): Promise<QosPolicyRow> {
  const shared = has(input, 'shared') ? readBool(input, 'shared', false) : undefined;
  if (shared === false && (await isPolicyUsedByOthers(unit.trx, row)))
    throw conflict(
      'RbacPolicyInUse',
      `QoS policy ${row.id} cannot be closed to other projects because they use it.`,
    );
  if (shared !== undefined) await setPolicyShared(unit.trx, row, shared);
  const isDefault = has(input, 'is_default')
    ? { default_of: readBool(input, 'is_default', false) ? row.project_id : null }
    : {};
  const changes = { ...pickTexts(input, ['name', 'description']), ...isDefault };
  return onlyDefault(row, () => updateRow(unit.trx, 'qos_policies', row, changes, unit.now));
}

async function removePolicy({ unit }: Operation, row: QosPolicyRow): Promise<void> {
  const bound = await boundTo(unit.trx, row.id);
  for (const [what, rows] of [
    ['network', bound.networks],
    ['port', bound.ports],
    ['floatingip', bound.floatingips],
  ] as const)
    if (rows[0]) throw conflict('QosPolicyInUse', `QoS Policy ${row.id} is used by ${what} ${rows[0].id}.`);
  await deleteRows(unit.trx, 'qos_rules', [equals('qos_policy_id', row.id)]);
  await deleteRows(unit.trx, 'rbac_policies', [
    equals('object_type', 'qos_policy'),
    equals('object_id', row.id),
  ]);
  await deleteRows(unit.trx, 'qos_policies', [equals('id', row.id)]);
}

export const qosPolicyRoutes: readonly Route<NetworkDeps>[] = [
  ...qosPolicies.routes(),
  ...ruleRoutes(qosPolicies),
  ...ruleTypeRoutes,
];
