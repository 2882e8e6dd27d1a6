// Bodies of `/v3/groups`.
import { Type, type Static } from 'typebox';
import { Id, Name, Nullable, Text } from '../resource.ts';

const Attributes = { description: Type.Optional(Nullable(Text)), domain_id: Type.Optional(Id) };

export const createGroupBody = Type.Object({ group: Type.Object({ name: Name, ...Attributes }) });
export const updateGroupBody = Type.Object({
  group: Type.Object({ name: Type.Optional(Name), ...Attributes }),
});
export type CreateGroup = Static<typeof createGroupBody>;
export type UpdateGroup = Static<typeof updateGroupBody>;
