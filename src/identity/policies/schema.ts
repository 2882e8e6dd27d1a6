// Bodies of `/v3/policies`.
import { Type, type Static } from 'typebox';
import { Name, Text } from '../resource.ts';

export const createPolicyBody = Type.Object({ policy: Type.Object({ type: Name, blob: Text }) });
export const updatePolicyBody = Type.Object({
  policy: Type.Object({ type: Type.Optional(Name), blob: Type.Optional(Text) }),
});
export type CreatePolicy = Static<typeof createPolicyBody>;
export type UpdatePolicy = Static<typeof updatePolicyBody>;
