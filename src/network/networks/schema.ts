// Bodies of /v2.0/networks.
import {
  Bool,
  createBody,
  Description,
  Int,
  Name,
  nullable,
  Text,
  Texts,
  updateBody,
  Uuid,
} from '../rest/attributes.ts';

const changeable = {
  name: Name,
  description: Description,
  admin_state_up: Bool,
  shared: Bool,
  'router:external': Bool,
  mtu: Int,
  port_security_enabled: Bool,
  is_default: Bool,
  dns_domain: Text(255),
  qos_policy_id: nullable(Uuid),
};

export const createNetwork = createBody('network', 'networks', {
  ...changeable,
  'provider:network_type': nullable(Text(32)),
  'provider:physical_network': nullable(Text(64)),
  'provider:segmentation_id': nullable(Int),
  availability_zone_hints: Texts,
});

export const updateNetwork = updateBody('network', changeable);
