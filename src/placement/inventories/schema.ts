// Bodies of inventory requests.
import { Type } from 'typebox';

const strict = { additionalProperties: false } as const;
const MOST = 2_147_483_647;
export const generation = Type.Integer({ minimum: 0 });
const fields = {
  total: Type.Integer({ minimum: 1, maximum: MOST }),
  reserved: Type.Optional(Type.Integer({ minimum: 0, maximum: MOST })),
  min_unit: Type.Optional(Type.Integer({ minimum: 1, maximum: MOST })),
  max_unit: Type.Optional(Type.Integer({ minimum: 1, maximum: MOST })),
  step_size: Type.Optional(Type.Integer({ minimum: 1, maximum: MOST })),
  allocation_ratio: Type.Optional(Type.Number({ exclusiveMinimum: 0, maximum: 3.40282e38 })),
};
export const className = Type.String({ minLength: 1, maxLength: 255, pattern: '^[A-Z0-9_]+$' });

export const inventory = Type.Object(fields, strict);
export const inventories = Type.Record(className, inventory, strict);
export const replaceInventories = Type.Object(
  { resource_provider_generation: generation, inventories },
  strict,
);
export const createInventory = Type.Object(
  { ...fields, resource_class: className, resource_provider_generation: Type.Optional(generation) },
  strict,
);
export const updateInventory = Type.Object({ ...fields, resource_provider_generation: generation }, strict);
