// Bodies of /v2.0/ports.
import { Type } from 'typebox';
import {
  Bool,
  createBody,
  Description,
  IpText,
  Name,
  nullable,
  Text,
  updateBody,
  Uuid,
} from '../rest/attributes.ts';

const FixedIps = Type.Array(
  Type.Object(
    { subnet_id: Type.Optional(Uuid), ip_address: Type.Optional(IpText) },
    { additionalProperties: false },
  ),
  { maxItems: 64 },
);
const Pairs = Type.Array(
  Type.Object(
    { ip_address: Type.String({ maxLength: 64 }), mac_address: Type.Optional(Text(32)) },
    { additionalProperties: false },
  ),
  { maxItems: 100 },
);
const Options = Type.Array(
  Type.Object(
    {
      opt_name: Type.String({ minLength: 1, maxLength: 64, pattern: '^[^\\u0000]*$' }),
      opt_value: nullable(Text(255)),
      ip_version: Type.Optional(
        Type.Union([Type.Literal(4), Type.Literal(6), Type.Literal('4'), Type.Literal('6')]),
      ),
    },
    { additionalProperties: false },
  ),
  { maxItems: 64 },
);

const Tag = Type.String({ pattern: '^[^\\u0000,/]{1,255}$' });

const changeable = {
  name: nullable(Name),
  description: Description,
  admin_state_up: Bool,
  mac_address: nullable(Text(32)),
  fixed_ips: nullable(FixedIps),
  device_id: nullable(Text(255)),
  device_owner: nullable(Text(255)),
  security_groups: nullable(Type.Array(Uuid, { maxItems: 100 })),
  port_security_enabled: Bool,
  allowed_address_pairs: nullable(Pairs),
  extra_dhcp_opts: nullable(Options),
  'binding:host_id': nullable(Text(255)),
  'binding:vnic_type': Text(64),
  'binding:profile': nullable(Type.Object({})),
  dns_name: Type.String({ maxLength: 63, pattern: '^([a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?)?$' }),
  dns_domain: nullable(Text(255)),
  qos_policy_id: nullable(Uuid),
};

export const createPort = createBody(
  'port',
  'ports',
  { ...changeable, network_id: Uuid, tags: Type.Array(Tag, { maxItems: 50 }) },
  ['network_id'],
);
export const updatePort = updateBody('port', changeable);
