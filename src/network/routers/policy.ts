// Who may do what with routers.
import { ADMIN, MEMBER, READER, rules } from '../policy.ts';

export const routerPolicy = rules({
  create_router: MEMBER,
  'create_router:distributed': ADMIN,
  'create_router:ha': ADMIN,
  'create_router:external_gateway_info': MEMBER,
  'create_router:external_gateway_info:enable_snat': ADMIN,
  'create_router:external_gateway_info:external_fixed_ips': ADMIN,
  get_router: READER,
  'get_router:distributed': ADMIN,
  'get_router:ha': ADMIN,
  update_router: MEMBER,
  'update_router:distributed': ADMIN,
  'update_router:ha': ADMIN,
  'update_router:external_gateway_info': MEMBER,
  'update_router:external_gateway_info:enable_snat': ADMIN,
  'update_router:external_gateway_info:external_fixed_ips': ADMIN,
  delete_router: MEMBER,
  add_router_interface: MEMBER,
  remove_router_interface: MEMBER,
  add_extraroutes: MEMBER,
  remove_extraroutes: MEMBER,
});
