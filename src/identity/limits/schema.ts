// Bodies of `/v3/registered_limits` and `/v3/limits`.
import { Type, type Static } from 'typebox';
import { Id, Nullable, Text } from '../resource.ts';

const ResourceName = Type.String({ minLength: 1, maxLength: 255, pattern: '^[^\\u0000]*$' });
/** -1: no limit. */
const Amount = Type.Integer({ minimum: -1, maximum: 2_147_483_647 });
const Description = Type.Optional(Nullable(Text));
const CLOSED = { additionalProperties: false } as const;

export const createRegisteredBody = Type.Object({
  registered_limits: Type.Array(
    Type.Object(
      {
        service_id: Id,
        region_id: Type.Optional(Nullable(Id)),
        resource_name: ResourceName,
        default_limit: Amount,
        description: Description,
      },
      CLOSED,
    ),
    { minItems: 1, maxItems: 1000 },
  ),
});
export const updateRegisteredBody = Type.Object({
  registered_limit: Type.Object(
    {
      service_id: Type.Optional(Id),
      region_id: Type.Optional(Nullable(Id)),
      resource_name: Type.Optional(ResourceName),
      default_limit: Type.Optional(Amount),
      description: Description,
    },
    CLOSED,
  ),
});

const Limit = {
  service_id: Id,
  region_id: Type.Optional(Id),
  resource_name: ResourceName,
  resource_limit: Amount,
  description: Description,
};
export const createLimitsBody = Type.Object({
  limits: Type.Array(
    Type.Union([
      Type.Object({ project_id: Id, ...Limit }, CLOSED),
      Type.Object({ domain_id: Id, ...Limit }, CLOSED),
    ]),
    { minItems: 1, maxItems: 1000 },
  ),
});
export const updateLimitBody = Type.Object({
  limit: Type.Object({ resource_limit: Type.Optional(Amount), description: Description }, CLOSED),
});

export type CreateRegistered = Static<typeof createRegisteredBody>;
export type UpdateRegistered = Static<typeof updateRegisteredBody>;
export type CreateLimits = Static<typeof createLimitsBody>;
export type UpdateLimit = Static<typeof updateLimitBody>;
