// Bodies of `/v3/services`.
import { Type, type Static } from 'typebox';
import { Name, Nullable, Text } from '../resource.ts';

const Attributes = {
  name: Type.Optional(Type.String({ maxLength: 255, pattern: '^[^\\u0000]*$' })),
  description: Type.Optional(Nullable(Text)),
  enabled: Type.Optional(Type.Boolean()),
};

export const createServiceBody = Type.Object({ service: Type.Object({ type: Name, ...Attributes }) });
export const updateServiceBody = Type.Object({
  service: Type.Object({ type: Type.Optional(Name), ...Attributes }),
});
export type CreateService = Static<typeof createServiceBody>;
export type UpdateService = Static<typeof updateServiceBody>;
