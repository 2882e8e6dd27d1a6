// SQL of security group rules; a rule's key makes the same rule twice impossible.
import { isUniqueViolation } from '#platform/sql/database.ts';
import type { SecurityGroupRow, SecurityGroupRuleRow } from '../tables.ts';
import { conflict } from '../errors.ts';
import type { Unit } from '../rest/northbound-work.ts';
import { insertRow, newStandard } from '../rest/select.ts';
import { canonicalProtocol } from './protocols.ts';

export type NewRule = Pick<SecurityGroupRuleRow, 'direction' | 'ethertype'> & Partial<SecurityGroupRuleRow>;

/** @throws NetworkError 409 when the group has the rule already. */
export async function insertRule(
  unit: Unit,
  group: Pick<SecurityGroupRow, 'id' | 'project_id'>,
  rule: NewRule,
): Promise<SecurityGroupRuleRow> {
  const values = {
    protocol: null,
    port_range_min: null,
    port_range_max: null,
    remote_ip_prefix: null,
    remote_group_id: null,
    remote_address_group_id: null,
    ...rule,
  };
  const row: SecurityGroupRuleRow = {
    ...newStandard({}, group.project_id, unit.now),
    security_group_id: group.id,
    ...values,
    rule_key: ruleKey(group.id, values),
  };
  try {
    await insertRow(unit.trx, 'security_group_rules', row);
  } catch (error) {
    if (isUniqueViolation(error))
      throw conflict('SecurityGroupRuleExists', `Security group rule already exists in group ${group.id}.`);
    throw error;
  }
  unit.touch('security_group_rule', row.id);
  return row;
}

type KeyParts = Omit<
  SecurityGroupRuleRow,
  | 'rule_key'
  | 'security_group_id'
  | 'id'
  | 'project_id'
  | 'description'
  | 'revision_number'
  | 'created_at'
  | 'updated_at'
>;

export function ruleKey(groupId: string, rule: KeyParts): string {
  return [
    groupId,
    rule.direction,
    rule.ethertype,
    canonicalProtocol(rule.protocol, rule.ethertype) ?? '',
    rule.port_range_min ?? '',
    rule.port_range_max ?? '',
    anywhere(rule.remote_ip_prefix) ?? '',
    rule.remote_group_id ?? '',
    rule.remote_address_group_id ?? '',
  ].join('|');
}

/** Everywhere and no prefix at all mean the same. */
function anywhere(prefix: string | null): string | null {
  return prefix === '0.0.0.0/0' || prefix === '::/0' ? null : prefix;
}
