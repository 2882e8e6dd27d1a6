// Bodies of allocation requests by microversion.
import { className } from '#placement/inventories/schema.ts';
import { Type, type TProperties, type TSchema } from 'typebox';

const strict = { additionalProperties: false } as const;
const uuid = Type.String({ pattern: '^[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}$' });
const resources = Type.Record(className, Type.Integer({ minimum: 1, maximum: 2_147_483_647 }), {
  ...strict,
  minProperties: 1,
});
const owner = {
  project_id: Type.String({ minLength: 1, maxLength: 255 }),
  user_id: Type.String({ minLength: 1, maxLength: 255 }),
};
const consumer_generation = Type.Union([Type.Integer({ minimum: 0 }), Type.Null()]);
const consumer_type = Type.String({ minLength: 1, maxLength: 255, pattern: '^[A-Z0-9_]+$' });
const mappings = Type.Optional(
  Type.Record(Type.String({ pattern: '^[a-zA-Z0-9_-]{0,64}$' }), Type.Array(uuid, { minItems: 1 }), {
    ...strict,
    minProperties: 1,
  }),
);
const listed = Type.Array(
  Type.Object({ resource_provider: Type.Object({ uuid }, strict), resources }, strict),
  { minItems: 1 },
);

function keyed(minProperties: number): TSchema {
  return Type.Record(uuid, Type.Object({ resources, generation: Type.Optional(Type.Integer()) }, strict), {
    ...strict,
    minProperties,
  });
}

const put = (fields: TProperties): TSchema => Type.Object(fields, strict);
const one_12 = { allocations: keyed(1), ...owner };
const one_28 = { allocations: keyed(0), ...owner, consumer_generation };
const one_34 = { ...one_28, mappings };
const one_38 = { ...one_34, consumer_type };

export const putAllocations = [
  { schema: put({ allocations: listed }) },
  { since: '1.8' as const, schema: put({ allocations: listed, ...owner }) },
  { since: '1.12' as const, schema: put(one_12) },
  { since: '1.28' as const, schema: put(one_28) },
  { since: '1.34' as const, schema: put(one_34) },
  { since: '1.38' as const, schema: put(one_38) },
];

const many = (fields: TProperties): TSchema =>
  Type.Record(uuid, put(fields), { ...strict, minProperties: 1 });
export const postAllocations = [
  { since: '1.13' as const, schema: many({ ...one_12, allocations: keyed(0) }) },
  { since: '1.28' as const, schema: many(one_28) },
  { since: '1.34' as const, schema: many(one_34) },
  { since: '1.38' as const, schema: many(one_38) },
];

/** The reshaper moves allocations as `POST /allocations` sets them. */
export const reshapeAllocations = [
  { since: '1.30' as const, schema: Type.Record(uuid, put(one_28), strict) },
  { since: '1.34' as const, schema: Type.Record(uuid, put(one_34), strict) },
  { since: '1.38' as const, schema: Type.Record(uuid, put(one_38), strict) },
];
