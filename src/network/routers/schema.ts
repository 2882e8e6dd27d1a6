// Bodies of /v2.0/routers and its verbs.
import { Type } from 'typebox';
import {
  Bool,
  createBody,
  Description,
  IpText,
  Name,
  nullable,
  Texts,
  updateBody,
  Uuid,
} from '../rest/attributes.ts';
import { Routes } from '../subnets/schema.ts';

const ExternalFixedIps = Type.Array(
  Type.Object(
    { subnet_id: Type.Optional(Uuid), ip_address: Type.Optional(IpText) },
    { additionalProperties: false },
  ),
  { maxItems: 16 },
);
const GatewayInfo = nullable(
  Type.Object(
    {
      network_id: Type.Optional(nullable(Uuid)),
      enable_snat: Type.Optional(Bool),
      external_fixed_ips: Type.Optional(ExternalFixedIps),
    },
    { additionalProperties: false },
  ),
);

const changeable = {
  name: nullable(Name),
  description: Description,
  admin_state_up: Bool,
  external_gateway_info: GatewayInfo,
  distributed: nullable(Bool),
  ha: nullable(Bool),
};

export const createRouter = createBody('router', 'routers', {
  ...changeable,
  availability_zone_hints: Texts,
});
export const updateRouter = updateBody('router', { ...changeable, routes: nullable(Routes) });

export const routerInterface = Type.Object(
  { subnet_id: Type.Optional(Uuid), port_id: Type.Optional(Uuid) },
  { additionalProperties: false },
);

export const extraRoutes = Type.Object(
  { router: Type.Object({ routes: Routes }, { additionalProperties: false }) },
  { additionalProperties: false },
);
