// Body fields that compute's resources share, as JSON Schema.
import { Type, type TSchema } from 'typebox';

/** 1 to 255 characters, no control characters, no space at either end. */
export const NAME_PATTERN = String.raw`^(?! )[^\u0000-\u001f\u007f-\u009f\u2028\u2029]{1,255}(?<! )$`;
export const nameSchema = Type.String({ minLength: 1, maxLength: 255, pattern: NAME_PATTERN });

export const UUID_PATTERN =
  '^[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{12}$';
export const uuidSchema = Type.String({ pattern: UUID_PATTERN });

/** A boolean or one of the words that the field has always taken for one. */
export const booleanSchema = Type.Union([
  Type.Boolean(),
  Type.String({
    pattern:
      '^([Tt]([Rr][Uu][Ee])?|[Ff]([Aa][Ll][Ss][Ee])?|[Oo][NnFf]{1,2}|ON|OFF|[Yy]([Ee][Ss])?|[Nn][Oo]?|0|1)$',
  }),
]);

export const isTrue = (value: unknown): boolean =>
  value === true || ['1', 't', 'true', 'on', 'y', 'yes'].includes(String(value).toLowerCase());

/** An integer from `minimum` on, or its decimal digits. */
export const countSchema = (minimum: number): TSchema =>
  Type.Union([
    Type.Integer({ minimum, maximum: 2_147_483_647 }),
    Type.String({ pattern: minimum === 0 ? String.raw`^\d{1,9}$` : String.raw`^0*[1-9]\d{0,8}$` }),
  ]);

export const IPV4_PATTERN = String.raw`^((25[0-5]|2[0-4]\d|1?\d?\d)(\.(?!$)|$)){4}$`;
export const ipv4Schema = Type.String({ pattern: IPV4_PATTERN });
export const ipv6Schema = Type.String({ format: 'ipv6' });
export const ipSchema = Type.Union([ipv4Schema, ipv6Schema]);

/** Keys and values of up to 255 characters. */
export const metadataSchema = Type.Record(
  Type.String({ pattern: '^[a-zA-Z0-9\\-_:. ]{1,255}$' }),
  Type.String({ maxLength: 255 }),
  { additionalProperties: false },
);

export const strict = { additionalProperties: false } as const;
