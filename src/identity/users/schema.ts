// Bodies of `/v3/users`.
import { Type, type Static } from 'typebox';
import { Id, Name, Nullable, Text } from '../resource.ts';

const Password = Nullable(Type.String({ maxLength: 65_535 }));
const Flag = Type.Optional(Nullable(Type.Boolean()));
const UserOptions = Type.Object(
  {
    ignore_change_password_upon_first_use: Flag,
    ignore_password_expiry: Flag,
    ignore_lockout_failure_attempts: Flag,
    ignore_user_inactivity: Flag,
    lock_password: Flag,
    multi_factor_auth_enabled: Flag,
    multi_factor_auth_rules: Type.Optional(
      Nullable(
        Type.Array(
          Type.Array(Type.String({ maxLength: 255 }), { minItems: 1, maxItems: 20, uniqueItems: true }),
          { maxItems: 20, uniqueItems: true },
        ),
      ),
    ),
  },
  { additionalProperties: false },
);

const Attributes = {
  password: Type.Optional(Password),
  default_project_id: Type.Optional(Nullable(Id)),
  description: Type.Optional(Nullable(Text)),
  domain_id: Type.Optional(Id),
  enabled: Type.Optional(Type.Boolean()),
  options: Type.Optional(UserOptions),
};

export const createUserBody = Type.Object({ user: Type.Object({ name: Name, ...Attributes }) });
export const updateUserBody = Type.Object({
  user: Type.Object({ name: Type.Optional(Name), ...Attributes }),
});
export const changePasswordBody = Type.Object({
  user: Type.Object(
    { original_password: Type.String({ maxLength: 65_535 }), password: Type.String({ maxLength: 65_535 }) },
    { additionalProperties: false },
  ),
});
export type CreateUser = Static<typeof createUserBody>;
export type UpdateUser = Static<typeof updateUserBody>;
export type ChangePassword = Static<typeof changePasswordBody>;
