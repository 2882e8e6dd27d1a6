// Bodies of `/v3/domains`.
import { Type, type Static } from 'typebox';
import { Nullable, Options, ShortName, Text } from '../resource.ts';

const Attributes = {
  description: Type.Optional(Nullable(Text)),
  enabled: Type.Optional(Type.Boolean()),
  options: Type.Optional(Options),
  tags: Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 255 }), { maxItems: 80 })),
};

export const createDomainBody = Type.Object({
  domain: Type.Object({ name: ShortName, explicit_domain_id: Type.Optional(Type.String()), ...Attributes }),
});
export const updateDomainBody = Type.Object({
  domain: Type.Object({ name: Type.Optional(ShortName), ...Attributes }, { minProperties: 1 }),
});
export type CreateDomain = Static<typeof createDomainBody>;
export type UpdateDomain = Static<typeof updateDomainBody>;
