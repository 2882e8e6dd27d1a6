// Bodies of snapshots and their actions, as JSON Schema.
import { Type } from 'typebox';
import {
  booleanSchema,
  metadataSchema,
  nameSchema,
  orNull,
  strict,
  uuidSchema,
} from '#volume/schema-types.ts';

export const createSnapshotSchema = Type.Object(
  {
    snapshot: Type.Object(
      {
        volume_id: orNull(uuidSchema), // null is found nowhere: 404, as upstream
        name: Type.Optional(orNull(nameSchema)),
        display_name: Type.Optional(orNull(nameSchema)),
        description: Type.Optional(orNull(nameSchema)),
        force: Type.Optional(orNull(booleanSchema)),
        metadata: Type.Optional(orNull(metadataSchema)),
      },
      strict,
    ),
  },
  strict,
);

export const updateSnapshotSchema = Type.Object(
  {
    snapshot: Type.Object(
      {
        name: Type.Optional(orNull(nameSchema)),
        display_name: Type.Optional(orNull(nameSchema)),
        description: Type.Optional(orNull(nameSchema)),
        display_description: Type.Optional(orNull(nameSchema)),
      },
      strict,
    ),
  },
  strict,
);

export const resetStatusBody = Type.Object(
  { 'os-reset_status': Type.Object({ status: Type.String({ maxLength: 255 }) }, strict) },
  strict,
);
export const updateStatusBody = Type.Object(
  {
    'os-update_snapshot_status': Type.Object(
      {
        status: Type.String({ maxLength: 255 }),
        progress: Type.Optional(orNull(Type.String({ pattern: '^\\d{1,3}%$' }))),
      },
      strict,
    ),
  },
  strict,
);
