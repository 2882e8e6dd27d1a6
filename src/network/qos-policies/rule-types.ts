// /v2.0/qos/rule-types: the kinds of rules, and what OVN takes for their parameters.
import type { Call, Route } from '#platform/http/api.ts';
import { NetworkError } from '../errors.ts';
import type { NetworkDeps, View } from '../rest/deps.ts';
import { answerViews, pickFields } from '../rest/listing.ts';
import { parseQuery } from '../rest/query.ts';
import { RULE_KINDS } from './rule-kinds.ts';

const ATTRIBUTES = new Set(['type']);

async function list(call: Call, deps: NetworkDeps): Promise<View> {
  const query = parseQuery(call.query, ATTRIBUTES);
  const wanted = query.filters.get('type');
  const views = RULE_KINDS.filter(({ type }) => !wanted || wanted.includes(type)).map(({ type }) => ({
    type,
  }));
  return answerViews(call, 'rule_types', query, views, deps, 'type');
}

async function show(call: Call): Promise<View> {
  const kind = RULE_KINDS.find(({ type }) => type === call.params['type']);
  if (!kind)
    throw new NetworkError(
      'not-found',
      'QosRuleTypeNotFound',
      `QoS rule type ${call.params['type']?.slice(0, 64)} could not be found.`,
    );
  const drivers = [{ name: 'ovn', supported_parameters: kind.parameters }];
  return { rule_type: pickFields({ type: kind.type, drivers }, call.query.getAll('fields')) };
}

export const ruleTypeRoutes: readonly Route<NetworkDeps>[] = [
  { method: 'GET', path: '/v2.0/qos/rule-types', handler: list, policy: 'get_rule_type' },
  { method: 'GET', path: '/v2.0/qos/rule-types/:type', handler: show, policy: 'get_rule_type_details' },
];
