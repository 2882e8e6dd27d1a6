// Bodies of `/v3/endpoints`.
import { Type, type Static } from 'typebox';
import { Id, Nullable } from '../resource.ts';

const Interface = Type.Union([Type.Literal('public'), Type.Literal('internal'), Type.Literal('admin')]);
const Url = Type.String({ minLength: 1, maxLength: 2048, pattern: '^[^\\u0000\\s]+$' });
const Attributes = {
  region_id: Type.Optional(Nullable(Id)),
  /** The name that v2 had for it. */
  region: Type.Optional(Nullable(Id)),
  enabled: Type.Optional(Type.Boolean()),
};

export const createEndpointBody = Type.Object({
  endpoint: Type.Object({ service_id: Id, interface: Interface, url: Url, ...Attributes }),
});
export const updateEndpointBody = Type.Object({
  endpoint: Type.Object({
    service_id: Type.Optional(Id),
    interface: Type.Optional(Interface),
    url: Type.Optional(Url),
    ...Attributes,
  }),
});
export type CreateEndpoint = Static<typeof createEndpointBody>;
export type UpdateEndpoint = Static<typeof updateEndpointBody>;
