// Bodies of members.
import { Type } from 'typebox';

export const addMemberBody = Type.Object({
  member: Type.String({ minLength: 1, maxLength: 255, pattern: '^[^\\u0000]*\\S[^\\u0000]*$' }),
});

export const updateMemberBody = Type.Object({
  status: Type.Union([Type.Literal('pending'), Type.Literal('accepted'), Type.Literal('rejected')]),
});
