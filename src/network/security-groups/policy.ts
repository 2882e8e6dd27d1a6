// Who may do what with security groups and their rules.
import { ANY_READER, MEMBER, rules } from '../policy.ts';

export const securityGroupPolicy = rules({
  create_security_group: MEMBER,
  get_security_group: ANY_READER,
  update_security_group: MEMBER,
  delete_security_group: MEMBER,
  create_security_group_rule: MEMBER,
  get_security_group_rule: ANY_READER,
  delete_security_group_rule: MEMBER,
});
