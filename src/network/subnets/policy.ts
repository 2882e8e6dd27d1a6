// Who may do what with subnets: the owner of the network, too.
import { ADMIN, ANY_READER, MEMBER_OR_NETWORK_MEMBER, NETWORK_MEMBER, rules } from '../policy.ts';

export const subnetPolicy = rules({
  create_subnet: NETWORK_MEMBER,
  'create_subnet:segment_id': ADMIN,
  'create_subnet:service_types': ADMIN,
  get_subnet: ANY_READER,
  update_subnet: MEMBER_OR_NETWORK_MEMBER,
  'update_subnet:service_types': ADMIN,
  delete_subnet: MEMBER_OR_NETWORK_MEMBER,
});
