// The body of `POST /v3/users/{id}/application_credentials`.
import { Type, type Static } from 'typebox';
import { Id, Name, Nullable, Text } from '../resource.ts';

const Path = Type.String({ minLength: 1, maxLength: 255, pattern: '^/[^\\u0000]*$' });
const Method = Type.String({ pattern: '^(POST|GET|HEAD|PATCH|PUT|DELETE)$' });

const AccessRule = Type.Union([
  Type.Object({ id: Id }, { additionalProperties: false }),
  Type.Object({ path: Path, method: Method, service: Name }, { additionalProperties: false }),
]);

export const createApplicationCredentialBody = Type.Object({
  application_credential: Type.Object(
    {
      name: Name,
      description: Type.Optional(Nullable(Text)),
      secret: Type.Optional(Nullable(Type.String({ minLength: 1, maxLength: 4096 }))),
      expires_at: Type.Optional(Nullable(Type.String({ maxLength: 64 }))),
      roles: Type.Optional(
        Type.Array(Type.Object({ id: Type.Optional(Id), name: Type.Optional(Name) }), { maxItems: 100 }),
      ),
      unrestricted: Type.Optional(Type.Boolean()),
      access_rules: Type.Optional(Type.Array(AccessRule, { maxItems: 100 })),
    },
    { additionalProperties: false },
  ),
});
export type CreateApplicationCredential = Static<typeof createApplicationCredentialBody>;
