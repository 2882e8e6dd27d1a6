// Bodies of /v2.0/security-groups.
import { Bool, createBody, Description, Name, updateBody } from '../rest/attributes.ts';

export const createSecurityGroup = createBody('security_group', 'security_groups', {
  name: Name,
  description: Description,
  stateful: Bool,
});
export const updateSecurityGroup = updateBody('security_group', {
  name: Name,
  description: Description,
  stateful: Bool,
});
