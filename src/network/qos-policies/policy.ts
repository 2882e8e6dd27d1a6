// Who may do what with QoS policies: administrators make them and their rules, projects use what they see.
import { ADMIN, ANY_READER, rules } from '../policy.ts';
import { RULE_KINDS } from './rule-kinds.ts';

export const qosPolicy = rules({
  create_policy: ADMIN,
  get_policy: ANY_READER,
  update_policy: ADMIN,
  delete_policy: ADMIN,
  get_rule_type: ANY_READER,
  get_rule_type_details: ADMIN,
  ...Object.fromEntries(
    RULE_KINDS.flatMap(({ name }) => [
      [`create_policy_${name}`, ADMIN],
      [`get_policy_${name}`, ANY_READER],
      [`update_policy_${name}`, ADMIN],
      [`delete_policy_${name}`, ADMIN],
      [`get_alias_${name}`, ANY_READER],
      [`update_alias_${name}`, ADMIN],
      [`delete_alias_${name}`, ADMIN],
    ]),
  ),
});
