// Bodies of backup requests.
import {
  booleanSchema,
  metadataSchema,
  nameSchema,
  orNull,
  strict,
  uuidSchema,
} from '#volume/schema-types.ts';
import { Type, type TSchema } from 'typebox';

const optional = (schema: TSchema): TSchema => Type.Optional(orNull(schema));

const createFields = {
  volume_id: uuidSchema,
  container: optional(Type.String({ minLength: 1, maxLength: 255, pattern: String.raw`^[^\u0000/]+$` })),
  name: optional(nameSchema),
  description: optional(nameSchema),
  incremental: Type.Optional(booleanSchema),
  force: Type.Optional(booleanSchema),
  snapshot_id: optional(uuidSchema),
};
const created = (fields: Record<string, TSchema>): TSchema =>
  Type.Object({ backup: Type.Object(fields, strict) }, strict);

export const createBackup = created(createFields);
export const createBackup_3_43 = created({ ...createFields, metadata: optional(metadataSchema) });
export const createBackup_3_51 = created({
  ...createFields,
  metadata: optional(metadataSchema),
  availability_zone: optional(nameSchema),
});

const updateFields = { name: optional(nameSchema), description: optional(nameSchema) };
const updated = (fields: Record<string, TSchema>): TSchema =>
  Type.Object({ backup: Type.Object(fields, { ...strict, minProperties: 1 }) }, strict);

export const updateBackup_3_9 = updated(updateFields);
export const updateBackup_3_43 = updated({ ...updateFields, metadata: optional(metadataSchema) });

export const restoreBackup = Type.Object(
  {
    restore: Type.Object({ name: optional(nameSchema), volume_id: optional(uuidSchema) }, strict),
  },
  strict,
);

export const importRecord = Type.Object(
  {
    'backup-record': Type.Object(
      {
        backup_service: Type.String({ minLength: 1, maxLength: 255 }),
        backup_url: Type.String({ minLength: 1, maxLength: 65_536, pattern: '^[A-Za-z0-9+/=_-]+$' }),
      },
      strict,
    ),
  },
  strict,
);
