// Bodies of flavor requests.
import { booleanSchema, countSchema, nameSchema, strict } from '#compute/schema-types.ts';
import { Type } from 'typebox';

const description = Type.Union([Type.String({ maxLength: 65535 }), Type.Null()]);
const fields = {
  name: nameSchema,
  id: Type.Optional(
    Type.Union([
      Type.String({ minLength: 1, maxLength: 255, pattern: '^(?! )[a-zA-Z0-9. _-]*(?<! )$' }),
      Type.Integer({ minimum: 0 }),
      Type.Null(),
    ]),
  ),
  ram: countSchema(1),
  vcpus: countSchema(1),
  disk: countSchema(0),
  'OS-FLV-EXT-DATA:ephemeral': Type.Optional(countSchema(0)),
  swap: Type.Optional(countSchema(0)),
  rxtx_factor: Type.Optional(
    Type.Union([
      Type.Number({ exclusiveMinimum: 0, maximum: 3.40282e38 }),
      Type.String({ pattern: String.raw`^\d{1,9}(\.\d{1,9})?$` }),
    ]),
  ),
  'os-flavor-access:is_public': Type.Optional(booleanSchema),
};

export const createFlavor = Type.Object({ flavor: Type.Object(fields, strict) }, strict);
export const createFlavor_2_55 = Type.Object(
  { flavor: Type.Object({ ...fields, description: Type.Optional(description) }, strict) },
  strict,
);
export const updateFlavor_2_55 = Type.Object({ flavor: Type.Object({ description }, strict) }, strict);

const tenant = Type.Object({ tenant: Type.String({ minLength: 1, maxLength: 255 }) }, strict);
export const addTenantAccess = Type.Object({ addTenantAccess: tenant }, strict);
export const removeTenantAccess = Type.Object({ removeTenantAccess: tenant }, strict);

const key = Type.String({ pattern: '^[a-zA-Z0-9-_:. ]{1,255}$' });
const value = Type.Union([Type.String({ maxLength: 255 }), Type.Number()]);
const specs = Type.Record(key, value, { ...strict, minProperties: 0 });
export const createExtraSpecs = Type.Object({ extra_specs: specs }, strict);
export const updateExtraSpec = Type.Record(key, value, { ...strict, minProperties: 1, maxProperties: 1 });
