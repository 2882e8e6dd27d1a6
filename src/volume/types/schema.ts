// Bodies of volume type requests.
import { requiredName } from '#volume/required-name.ts';
import { booleanSchema, nameSchema, orNull, strict } from '#volume/schema-types.ts';
import { Type } from 'typebox';

export const extraSpecsSchema = Type.Record(
  Type.String({ pattern: String.raw`^[a-zA-Z0-9\-_:. /]{1,255}$` }),
  Type.String({ maxLength: 255, pattern: String.raw`^[^\u0000]*$` }),
  strict,
);

export const createType = Type.Object(
  {
    volume_type: Type.Object(
      {
        name: requiredName,
        description: Type.Optional(orNull(nameSchema)),
        extra_specs: Type.Optional(Type.Union([extraSpecsSchema, Type.Null()])),
        'os-volume-type-access:is_public': Type.Optional(booleanSchema),
      },
      strict,
    ),
  },
  strict,
);

export const updateType = Type.Object(
  {
    volume_type: Type.Object(
      {
        name: Type.Optional(
          Type.Union([Type.String({ maxLength: 255, pattern: String.raw`^[^\u0000]*$` }), Type.Null()]),
        ),
        description: Type.Optional(orNull(nameSchema)),
        is_public: Type.Optional(Type.Union([booleanSchema, Type.Null()])),
      },
      strict,
    ),
  },
  strict,
);

export const createExtraSpecs = Type.Object({ extra_specs: extraSpecsSchema }, strict);

const access = Type.Object(
  { project: Type.String({ minLength: 1, maxLength: 255, pattern: String.raw`^[^\u0000]*$` }) },
  strict,
);
export const addProjectAccess = Type.Object({ addProjectAccess: access }, strict);
export const removeProjectAccess = Type.Object({ removeProjectAccess: access }, strict);

const encryption = {
  cipher: Type.Optional(orNull(nameSchema)),
  control_location: Type.Optional(Type.Union([Type.Literal('front-end'), Type.Literal('back-end')])),
  key_size: Type.Optional(
    Type.Union([
      Type.Integer({ minimum: 0, maximum: 2_147_483_647 }),
      Type.String({ pattern: String.raw`^\d{1,9}$` }),
      Type.Null(),
    ]),
  ),
};

export const createEncryption = Type.Object(
  { encryption: Type.Object({ ...encryption, provider: requiredName }) },
  strict,
);
export const updateEncryption = Type.Object(
  { encryption: Type.Object({ ...encryption, provider: Type.Optional(requiredName) }) },
  strict,
);
