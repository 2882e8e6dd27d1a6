// Bodies of `/v3/roles`.
import { Type, type Static } from 'typebox';
import { Id, Name, Nullable, Options, Text } from '../resource.ts';

const Attributes = {
  description: Type.Optional(Nullable(Text)),
  domain_id: Type.Optional(Nullable(Id)),
  options: Type.Optional(Options),
};

export const createRoleBody = Type.Object({ role: Type.Object({ name: Name, ...Attributes }) });
export const updateRoleBody = Type.Object({
  role: Type.Object({ name: Type.Optional(Name), ...Attributes }),
});
export type CreateRole = Static<typeof createRoleBody>;
export type UpdateRole = Static<typeof updateRoleBody>;
