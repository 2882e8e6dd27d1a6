// The body of `POST /v3/OS-TRUST/trusts`.
import { Type, type Static } from 'typebox';
import { Id, Name, Nullable } from '../resource.ts';

const RoleRef = Type.Union([
  Type.Object({ id: Id }, { additionalProperties: false }),
  Type.Object({ name: Name }, { additionalProperties: false }),
]);

export const createTrustBody = Type.Object({
  trust: Type.Object({
    trustor_user_id: Id,
    trustee_user_id: Id,
    impersonation: Type.Boolean(),
    project_id: Type.Optional(Nullable(Id)),
    remaining_uses: Type.Optional(Nullable(Type.Integer({ minimum: 1, maximum: 2_147_483_647 }))),
    expires_at: Type.Optional(Nullable(Type.String({ maxLength: 64 }))),
    allow_redelegation: Type.Optional(Nullable(Type.Boolean())),
    redelegation_count: Type.Optional(Nullable(Type.Integer({ minimum: 0, maximum: 2_147_483_647 }))),
    roles: Type.Optional(Type.Array(RoleRef, { maxItems: 100 })),
  }),
});
export type CreateTrust = Static<typeof createTrustBody>;
export type GivenTrust = CreateTrust['trust'];
