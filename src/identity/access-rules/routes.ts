// `/v3/users/{id}/access_rules`: what application credentials of the user are restricted to.
import type { Call, Route } from '#platform/http/api.ts';
import type { AccessRuleRow } from '../database.ts';
import { refuseEntrusted } from '../delegated.ts';
import type { IdentityDeps } from '../deps.ts';
import { Forbidden, NotFound } from '../errors.ts';
import { listAnswer } from '../listing.ts';
import { lookUp } from '../resource.ts';
import { findAccessRule, isAccessRuleUsed, listAccessRulesOfUser, removeAccessRule } from './store.ts';

const ALL = '/v3/users/:id/access_rules';

function view(row: AccessRuleRow, baseUrl: string): Record<string, unknown> & { id: string } {
  const { id, service, method, path } = row;
  const self = `${baseUrl}/v3/users/${row.user_id}/access_rules/${id}`;
  return { id, service, method, path, links: { self } };
}

async function listAccessRules(call: Call, deps: IdentityDeps): Promise<unknown> {
  const userId = call.params['id'] ?? '';
  call.enforce('identity:list_access_rules', { 'target.user.id': userId, user_id: userId });
  refuseEntrusted(call, 'access rules');
  const rows = (await lookUp(userId, async (key) => listAccessRulesOfUser(deps.db.kysely, key))) ?? [];
  const { query } = call;
  const wanted = rows.filter((row) =>
    (['service', 'method', 'path'] as const).every(
      (field) => (query.get(field) ?? row[field]) === row[field],
    ),
  );
  return listAnswer(
    call,
    'access_rules',
    wanted.map((row) => view(row, call.baseUrl)),
    ['service', 'path'],
  );
}

async function getAccessRule(call: Call, deps: IdentityDeps, rule: string): Promise<AccessRuleRow> {
  const { id: userId = '', rule_id: id = '' } = call.params;
  call.enforce(rule, { 'target.user.id': userId, user_id: userId });
  refuseEntrusted(call, 'access rules');
  const row = await lookUp(id, async (key) => findAccessRule(deps.db.kysely, key));
  if (row?.user_id !== userId) throw new NotFound('access rule', id);
  return row;
}

async function showAccessRule(call: Call, deps: IdentityDeps): Promise<unknown> {
  return { access_rule: view(await getAccessRule(call, deps, 'identity:get_access_rule'), call.baseUrl) };
}

async function removeOneAccessRule(call: Call, deps: IdentityDeps): Promise<unknown> {
  const row = await getAccessRule(call, deps, 'identity:delete_access_rule');
  await deps.db.transaction(async (trx) => {
    if (await isAccessRuleUsed(trx, row.id)) {
      throw new Forbidden('the access rule is in use by an application credential.');
    }
    await removeAccessRule(trx, row.id);
  });
  return undefined;
}

export const accessRuleRoutes: readonly Route<IdentityDeps>[] = [
  { method: 'GET', path: ALL, handler: listAccessRules },
  { method: 'GET', path: `${ALL}/:rule_id`, handler: showAccessRule },
  { method: 'DELETE', path: `${ALL}/:rule_id`, handler: removeOneAccessRule, success: 204 },
];
