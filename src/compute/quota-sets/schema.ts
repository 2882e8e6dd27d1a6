// Bodies of quota requests: names as each microversion knows them, values from -1 (no limit) on.
import { booleanSchema, strict } from '#compute/schema-types.ts';
import { Type, type TSchema } from 'typebox';
import { QUOTA_RESOURCES } from './resources.ts';

const limit = Type.Union([
  Type.Integer({ minimum: -1, maximum: 2_147_483_647 }),
  Type.String({ pattern: String.raw`^-?\d{1,9}$` }),
]);

/** Names that are gone by `version` are refused from it on. */
function limits(gone: readonly string[]): Record<string, TSchema> {
  return Object.fromEntries(
    QUOTA_RESOURCES.filter((each) => !('until' in each) || !gone.includes(each.until)).map((each) => [
      each.name,
      Type.Optional(limit),
    ]),
  );
}

function updateQuotaSet(gone: readonly string[]): TSchema {
  const fields = {
    ...limits(gone),
    tenant_id: Type.Optional(Type.String({ maxLength: 255 })),
    force: Type.Optional(booleanSchema),
  };
  return Type.Object({ quota_set: Type.Object(fields, strict) }, strict);
}

export const updateQuotaSet_2_1 = updateQuotaSet([]);
export const updateQuotaSet_2_36 = updateQuotaSet(['2.35']);
export const updateQuotaSet_2_57 = updateQuotaSet(['2.35', '2.56']);

function updateQuotaClassSet(gone: readonly string[]): TSchema {
  const fields = { ...limits(gone), class_name: Type.Optional(Type.String({ maxLength: 255 })) };
  return Type.Object({ quota_class_set: Type.Object(fields, { ...strict, minProperties: 1 }) }, strict);
}

export const updateQuotaClassSet_2_1 = updateQuotaClassSet([]);
export const updateQuotaClassSet_2_50 = updateQuotaClassSet(['2.35']);
export const updateQuotaClassSet_2_57 = updateQuotaClassSet(['2.35', '2.56']);
