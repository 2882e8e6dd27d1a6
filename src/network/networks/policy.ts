// Who may do what with networks.
import { ADMIN, ANY_READER, MEMBER, rules } from '../policy.ts';

const PROVIDER = ['provider:network_type', 'provider:physical_network', 'provider:segmentation_id'];

export const networkPolicy = rules({
  create_network: MEMBER,
  'create_network:shared': ADMIN,
  'create_network:router:external': ADMIN,
  'create_network:is_default': ADMIN,
  'create_network:port_security_enabled': MEMBER,
  ...Object.fromEntries(PROVIDER.map((name) => [`create_network:${name}`, ADMIN])),
  get_network: ANY_READER,
  'get_network:router:external': ANY_READER,
  ...Object.fromEntries(PROVIDER.map((name) => [`get_network:${name}`, ADMIN])),
  update_network: MEMBER,
  'update_network:shared': ADMIN,
  'update_network:router:external': ADMIN,
  'update_network:is_default': ADMIN,
  'update_network:port_security_enabled': MEMBER,
  delete_network: MEMBER,
});
