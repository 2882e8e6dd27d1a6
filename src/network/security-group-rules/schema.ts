// Bodies of /v2.0/security-group-rules. Numbers are checked by hand: their errors are part of the contract;
// an id that is none is looked up and not found, as upstream does.
import { Type } from 'typebox';
import { createBody, Description, Int, nullable, Text, updateBody } from '../rest/attributes.ts';

const Protocol = nullable(Type.Union([Type.Integer(), Text(40)]));

export const createSecurityGroupRule = createBody(
  'security_group_rule',
  'security_group_rules',
  {
    security_group_id: Text(64),
    direction: Type.Union([Type.Literal('ingress'), Type.Literal('egress')]),
    ethertype: nullable(Text(40)),
    protocol: Protocol,
    port_range_min: nullable(Int),
    port_range_max: nullable(Int),
    remote_ip_prefix: nullable(Text(64)),
    remote_group_id: nullable(Text(64)),
    remote_address_group_id: nullable(Text(64)),
    description: Description,
  },
  ['security_group_id', 'direction'],
);

export const updateSecurityGroupRule = updateBody('security_group_rule', {});
