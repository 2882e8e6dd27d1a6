// The rules of a QoS policy: /v2.0/qos/policies/{id}/<kind>_rules, and each by its own id alone, as an alias. A change is
// told to OVN for all that the policy hangs on.
import { isUniqueViolation } from '#platform/sql/database.ts';
import { Reply, type Call, type Route } from '#platform/http/api.ts';
import { conflict, NetworkError } from '../errors.ts';
import { createBody, updateBody } from '../rest/attributes.ts';
import { northboundHeaders, type Crud, type Operation } from '../rest/crud.ts';
import type { Input, NetworkDeps, Sql, View } from '../rest/deps.ts';
import { answerViews, pickFields } from '../rest/listing.ts';
import { parseQuery } from '../rest/query.ts';
import { bumpRevision, deleteRows, equals, insertRow, selectRows } from '../rest/select.ts';
import type { QosPolicyRow, QosRuleRow } from '../tables.ts';
import { checkMinimumFits, refuseWhileReserved } from './minimum-bandwidth.ts';
import { RULE_KINDS, type RuleKind } from './rule-kinds.ts';
import { rulesOfPolicies, updateRule } from './store.ts';

type Policies = Crud<'qos_policies'>;

async function rulesOf(db: Sql, deps: NetworkDeps, policyId: string): Promise<QosRuleRow[]> {
  return (await rulesOfPolicies(db, deps.db.engine, [policyId])).get(policyId) ?? [];
}

function noRule(ruleId: string, policyId: string): NetworkError {
  return new NetworkError(
    'not-found',
    'QosRuleNotFound',
    `QoS rule ${ruleId.slice(0, 64)} for policy ${policyId} could not be found.`,
  );
}

/** The routes of one kind. `policies` is passed in because the policies' own table reads this one. */
class RuleRoutes {
  readonly #kind: RuleKind;
  readonly #policies: Policies;

  constructor(kind: RuleKind, policies: Policies) {
    this.#kind = kind;
    this.#policies = policies;
  }

  routes(): Route<NetworkDeps>[] {
    const { name, attributes, required } = this.#kind;
    const path = `/v2.0/qos/policies/:id/${name}s`;
    const one = `${path}/:rule_id`;
    const alias = `/v2.0/qos/alias_${name}s/:rule_id`;
    const errors = [409, 501];
    const post = createBody(name, `${name}s`, attributes, required);
    const put = (key: string) => updateBody(key, attributes);
    return [
      { method: 'GET', path, handler: (call, deps) => this.#list(call, deps) },
      {
        method: 'POST',
        path,
        handler: (call, deps) => this.#create(call, deps),
        body: post,
        success: 201,
        errors,
      },
      { method: 'GET', path: one, handler: (call, deps) => this.#show(call, deps, '') },
      {
        method: 'PUT',
        path: one,
        handler: (call, deps) => this.#update(call, deps, ''),
        body: put(name),
        errors,
      },
      {
        method: 'DELETE',
        path: one,
        handler: (call, deps) => this.#remove(call, deps),
        success: 204,
        errors,
      },
      { method: 'GET', path: alias, handler: (call, deps) => this.#show(call, deps, 'alias_') },
      {
        method: 'PUT',
        path: alias,
        handler: (call, deps) => this.#update(call, deps, 'alias_'),
        body: put(`alias_${name}`),
        errors,
      },
      {
        method: 'DELETE',
        path: alias,
        handler: (call, deps) => this.#remove(call, deps),
        success: 204,
        errors,
      },
    ];
  }

  async #list(call: Call, deps: NetworkDeps): Promise<View> {
    const { type, name, attributes, view } = this.#kind;
    const query = parseQuery(call.query, new Set(['id', ...Object.keys(attributes)]));
    const policy = await this.#policies.get(call, deps, deps.db.kysely, call.params['id'] ?? '');
    call.enforce(`get_policy_${name}`, { project_id: policy.project_id });
    const views = (await rulesOf(deps.db.kysely, deps, policy.id))
      .filter((row) => row.type === type)
      .map(view)
      .filter((each) => [...query.filters].every(([key, values]) => values.includes(String(each[key]))));
    return answerViews(call, `${name}s`, query, views, deps);
  }

  async #show(call: Call, deps: NetworkDeps, prefix: '' | 'alias_'): Promise<View> {
    const { name, view } = this.#kind;
    const { policy, rule } = await this.#find(call, deps, deps.db.kysely);
    call.enforce(prefix === '' ? `get_policy_${name}` : `get_alias_${name}`, {
      project_id: policy.project_id,
    });
    return { [`${prefix}${name}`]: pickFields(view(rule), call.query.getAll('fields')) };
  }

  /** By the policy in the path, or through the rule when the path is an alias. @throws NetworkError 404 */
  async #find(
    call: Call,
    deps: NetworkDeps,
    db: Sql,
  ): Promise<{ policy: QosPolicyRow; rule: QosRuleRow; rules: QosRuleRow[] }> {
    const id = call.params['rule_id'] ?? '';
    const wanted = call.params['id'];
    if (wanted !== undefined) await this.#policies.get(call, deps, db, wanted);
    const rows =
      id.includes('\0') || id.length > 64 ? [] : await selectRows(db, 'qos_rules', [equals('id', id)]);
    const [row] = rows.filter((each) => each.type === this.#kind.type);
    if (!row || (wanted !== undefined && row.qos_policy_id !== wanted)) throw noRule(id, wanted ?? '');
    const policy = await this.#policies.get(call, deps, db, row.qos_policy_id).catch((error: unknown) => {
      throw error instanceof NetworkError ? noRule(id, '') : error;
    });
    const rules = await rulesOf(db, deps, policy.id);
    const rule = rules.find((each) => each.id === id);
    if (!rule) throw noRule(id, policy.id);
    return { policy, rule, rules };
  }

  async #create(call: Call, deps: NetworkDeps): Promise<Reply> {
    const { name, type, view, read } = this.#kind;
    const body = call.body as Readonly<Record<string, Input | readonly Input[]>>;
    const bulk = body[`${name}s`] as readonly Input[] | undefined;
    const inputs = bulk ?? [body[name] as Input];
    const done = await this.#policies.change(call, deps, async (operation, policy) => {
      call.enforce(`create_policy_${name}`, { project_id: policy.project_id });
      const made: QosRuleRow[] = [];
      for (const input of inputs) {
        const row = { id: crypto.randomUUID(), qos_policy_id: policy.id, type, ...read(input, undefined) };
        await this.#checkChange(operation, policy, row, await rulesOf(operation.unit.trx, deps, policy.id));
        await this.#once(policy, row, () => insertRow(operation.unit.trx, 'qos_rules', row));
        made.push(row);
      }
      await this.#changed(operation, policy);
      return made;
    });
    const views = done.result.map(view);
    return new Reply(201, bulk ? { [`${name}s`]: views } : { [name]: views[0] }, northboundHeaders(done));
  }

  async #update(call: Call, deps: NetworkDeps, prefix: '' | 'alias_'): Promise<Reply> {
    const { name, view, read } = this.#kind;
    const input = (call.body as Readonly<Record<string, Input>>)[`${prefix}${name}`] ?? {};
    const done = await deps.work.commit(async (unit) => {
      const { policy, rule, rules } = await this.#find(call, deps, unit.trx);
      call.enforce(prefix === '' ? `update_policy_${name}` : `update_alias_${name}`, {
        project_id: policy.project_id,
      });
      const operation = { call, deps, unit };
      const row = { ...rule, ...read(input, rule) };
      const others = rules.filter((each) => each.id !== rule.id);
      await this.#checkChange(operation, policy, row, others);
      await this.#once(policy, row, () => updateRule(unit.trx, row));
      await this.#changed(operation, policy);
      return row;
    });
    return new Reply(200, { [`${prefix}${name}`]: view(done.result) }, northboundHeaders(done));
  }

  async #remove(call: Call, deps: NetworkDeps): Promise<Reply> {
    const { name, type } = this.#kind;
    const rule = call.params['id'] === undefined ? `delete_alias_${name}` : `delete_policy_${name}`;
    const done = await deps.work.commit(async (unit) => {
      const { policy, rule: row } = await this.#find(call, deps, unit.trx);
      call.enforce(rule, { project_id: policy.project_id });
      if (type === 'minimum_bandwidth') await refuseWhileReserved(unit.trx, policy.id);
      await deleteRows(unit.trx, 'qos_rules', [equals('id', row.id)]);
      await this.#changed({ unit }, policy);
    });
    return new Reply(204, undefined, northboundHeaders(done));
  }

  async #checkChange(
    { unit, deps }: Pick<Operation, 'unit' | 'deps'>,
    policy: QosPolicyRow,
    row: QosRuleRow,
    others: readonly QosRuleRow[],
  ): Promise<void> {
    checkBounds(policy, row, others);
    if (row.type !== 'minimum_bandwidth') return;
    await refuseWhileReserved(unit.trx, policy.id);
    await checkMinimumFits(unit.trx, deps.db.engine, policy.id);
  }

  async #once<T>(policy: QosPolicyRow, row: QosRuleRow, write: () => Promise<T>): Promise<T> {
    try {
      return await write();
    } catch (error) {
      if (!isUniqueViolation(error)) throw error;
      throw conflict(
        'NeutronDbObjectDuplicateEntry',
        `QoS policy ${policy.id} has a rule ${row.type} for ${row.direction} already.`,
      );
    }
  }

  async #changed({ unit }: Pick<Operation, 'unit'>, policy: QosPolicyRow): Promise<void> {
    await bumpRevision(unit.trx, 'qos_policies', policy.id, unit.now);
    unit.touch('qos_policy', policy.id);
  }
}

/** What is kept free must fit into what is allowed. @throws NetworkError 409 */
function checkBounds(policy: QosPolicyRow, row: QosRuleRow, others: readonly QosRuleRow[]): void {
  const opposite = others.find(
    (each) =>
      each.direction === row.direction &&
      each.type === (row.type === 'bandwidth_limit' ? 'minimum_bandwidth' : 'bandwidth_limit'),
  );
  if (!opposite || row.type === 'dscp_marking') return;
  const least = row.min_kbps ?? opposite.min_kbps ?? 0;
  const most = row.max_kbps ?? opposite.max_kbps ?? 0;
  if (least <= most) return;
  throw conflict(
    'QoSRuleParameterConflict',
    `Unable to add the rule with value ${row.max_kbps ?? row.min_kbps} to the policy ${policy.id} as the existing rule of type ${opposite.type} has value ${opposite.max_kbps ?? opposite.min_kbps}.`,
  );
}

export function ruleRoutes(policies: Policies): Route<NetworkDeps>[] {
  return RULE_KINDS.flatMap((kind) => new RuleRoutes(kind, policies).routes());
}
