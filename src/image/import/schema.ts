// The body of an import. Each method takes what it needs of `method`.
import { Type, type Static } from 'typebox';

export const importBody = Type.Object({
  method: Type.Object({
    name: Type.String({ maxLength: 64 }),
    uri: Type.Optional(Type.String({ maxLength: 2048 })),
  }),
  stores: Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 64 }), { maxItems: 100 })),
  all_stores: Type.Optional(Type.Boolean()),
  all_stores_must_succeed: Type.Optional(Type.Boolean()),
});

export type ImportBody = Static<typeof importBody>;
