// Bodies of managing volumes and snapshots in, as JSON Schema.
import { Type, type TSchema } from 'typebox';
import {
  booleanSchema,
  metadataSchema,
  nameSchema,
  orNull,
  strict,
  uuidSchema,
} from '#volume/schema-types.ts';

const hostSchema = Type.String({ minLength: 1, maxLength: 255, pattern: '^[^\\u0000]*$' });
const refSchema = Type.Record(Type.String({ maxLength: 255 }), Type.String({ maxLength: 255 }));

const manageFields = {
  ref: refSchema,
  name: Type.Optional(orNull(nameSchema)),
  description: Type.Optional(orNull(nameSchema)),
  volume_type: Type.Optional(orNull(nameSchema)),
  metadata: Type.Optional(orNull(metadataSchema)),
  bootable: Type.Optional(booleanSchema),
  availability_zone: Type.Optional(orNull(nameSchema)),
};

export const manageVolumeBody: TSchema = Type.Object(
  { volume: Type.Object({ host: hostSchema, ...manageFields }, strict) },
  strict,
);
/** A cluster may take the host's place. */
export const manageVolumeBody_3_16: TSchema = Type.Object(
  {
    volume: Type.Object(
      {
        host: Type.Optional(orNull(hostSchema)),
        cluster: Type.Optional(orNull(hostSchema)),
        ...manageFields,
      },
      strict,
    ),
  },
  strict,
);

export const manageSnapshotBody: TSchema = Type.Object(
  {
    snapshot: Type.Object(
      {
        volume_id: uuidSchema,
        ref: refSchema,
        name: Type.Optional(orNull(nameSchema)),
        description: Type.Optional(orNull(nameSchema)),
        metadata: Type.Optional(orNull(metadataSchema)),
      },
      strict,
    ),
  },
  strict,
);
