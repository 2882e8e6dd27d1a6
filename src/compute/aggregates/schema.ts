// Bodies of aggregate requests.
import { nameSchema, strict, uuidSchema } from '#compute/schema-types.ts';
import { Type } from 'typebox';

const zone = Type.Union([Type.String({ minLength: 1, maxLength: 255, pattern: '^[^:]*$' }), Type.Null()]);
const host = Type.Object(
  { host: Type.String({ minLength: 1, maxLength: 255, pattern: '^[a-zA-Z0-9._-]+$' }) },
  strict,
);

export const createAggregate = Type.Object(
  { aggregate: Type.Object({ name: nameSchema, availability_zone: Type.Optional(zone) }, strict) },
  strict,
);
export const updateAggregate = Type.Object(
  {
    aggregate: Type.Object(
      { name: Type.Optional(nameSchema), availability_zone: Type.Optional(zone) },
      { ...strict, minProperties: 1 },
    ),
  },
  strict,
);
export const addHost = Type.Object({ add_host: host }, strict);
export const removeHost = Type.Object({ remove_host: host }, strict);
export const setMetadata = Type.Object(
  {
    set_metadata: Type.Object(
      {
        metadata: Type.Record(
          Type.String({ pattern: '^[a-zA-Z0-9-_:. ]{1,255}$' }),
          Type.Union([Type.String({ maxLength: 255 }), Type.Null()]),
          strict,
        ),
      },
      strict,
    ),
  },
  strict,
);
/** More than an operator would name in one request. */
const IMAGES_MAX = 100;
export const cacheImages = Type.Object(
  { cache: Type.Array(Type.Object({ id: uuidSchema }, strict), { minItems: 1, maxItems: IMAGES_MAX }) },
  strict,
);
