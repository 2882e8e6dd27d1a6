// Bodies of /v2.0/subnets.
import { Type } from 'typebox';
import {
  Bool,
  createBody,
  Description,
  Int,
  IpText,
  Name,
  nullable,
  Text,
  Texts,
  updateBody,
  Uuid,
} from '../rest/attributes.ts';

export const Pools = Type.Array(
  Type.Object({ start: IpText, end: IpText }, { additionalProperties: false }),
  { maxItems: 100 },
);
export const Routes = Type.Array(
  Type.Object({ destination: IpText, nexthop: IpText }, { additionalProperties: false }),
  { maxItems: 1000 },
);
const Mode = Type.Union([
  Type.Literal('slaac'),
  Type.Literal('dhcpv6-stateful'),
  Type.Literal('dhcpv6-stateless'),
  Type.Null(),
]);

const changeable = {
  name: nullable(Name),
  description: Description,
  gateway_ip: nullable(IpText),
  allocation_pools: nullable(Pools),
  dns_nameservers: nullable(Type.Array(IpText, { maxItems: 100 })),
  host_routes: nullable(Routes),
  enable_dhcp: Bool,
  service_types: Texts,
  dns_publish_fixed_ip: Bool,
};

export const createSubnet = createBody(
  'subnet',
  'subnets',
  {
    ...changeable,
    network_id: Uuid,
    ip_version: Int,
    cidr: nullable(Text(64)),
    prefixlen: Int,
    subnetpool_id: nullable(Text(64)),
    use_default_subnetpool: Bool,
    ipv6_ra_mode: Mode,
    ipv6_address_mode: Mode,
    segment_id: Type.Null(),
  },
  ['network_id', 'ip_version'],
);

export const updateSubnet = updateBody('subnet', changeable);
