// Body fields that the volume service's resources share, as JSON Schema.
import { Type, type TSchema } from 'typebox';

export const UUID = /^[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{12}$/;
export const uuidSchema = Type.String({ pattern: UUID.source });

/** No NUL, which PostgreSQL can't keep. */
const TEXT = '^[^\\u0000]*$';
export const nameSchema = Type.String({ maxLength: 255, pattern: TEXT });

export const orNull = (schema: TSchema): TSchema => Type.Union([schema, Type.Null()]);

/** Keys of 1 to 255, values of up to 255 characters. */
export const metadataSchema = Type.Record(
  Type.String({ pattern: '^[^\\u0000]{1,255}$' }),
  Type.String({ maxLength: 255, pattern: TEXT }),
  { additionalProperties: false },
);

export const booleanSchema = Type.Union([
  Type.Boolean(),
  Type.String({
    pattern: '^([Tt]([Rr][Uu][Ee])?|[Ff]([Aa][Ll][Ss][Ee])?|[Oo][NnFf]{1,2}|[Yy]([Ee][Ss])?|[Nn][Oo]?|0|1)$',
  }),
]);

export const isTrue = (value: unknown): boolean =>
  value === true || ['1', 't', 'true', 'on', 'y', 'yes'].includes(String(value).toLowerCase());

/** GiB: an integer from 1 on, or its digits. */
export const sizeSchema = Type.Union([
  Type.Integer({ minimum: 1, maximum: 2_147_483_647 }),
  Type.String({ pattern: '^0*[1-9]\\d{0,8}$' }),
]);

export const strict = { additionalProperties: false } as const;
/** The body of an action without parameters. */
export const emptyAction = (key: string): TSchema =>
  Type.Object({ [key]: Type.Union([Type.Null(), Type.Object({}), Type.String({ maxLength: 255 })]) }, strict);
