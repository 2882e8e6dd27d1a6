// Bodies of volumes, their metadata and their actions, as JSON Schema.
import { Type, type TSchema } from 'typebox';
import {
  booleanSchema,
  metadataSchema,
  nameSchema,
  orNull,
  sizeSchema,
  strict,
  uuidSchema,
} from '#volume/schema-types.ts';

const hints = Type.Record(Type.String({ maxLength: 255 }), Type.Unknown());

const newVolumeFields = {
  name: Type.Optional(orNull(nameSchema)),
  display_name: Type.Optional(orNull(nameSchema)),
  description: Type.Optional(orNull(nameSchema)),
  display_description: Type.Optional(orNull(nameSchema)),
  size: Type.Optional(orNull(sizeSchema)),
  volume_type: Type.Optional(orNull(nameSchema)),
  availability_zone: Type.Optional(orNull(nameSchema)),
  metadata: Type.Optional(orNull(metadataSchema)),
  imageRef: Type.Optional(orNull(Type.String({ maxLength: 255 }))),
  image_id: Type.Optional(orNull(Type.String({ maxLength: 255 }))),
  snapshot_id: Type.Optional(orNull(uuidSchema)),
  source_volid: Type.Optional(orNull(uuidSchema)),
  backup_id: Type.Optional(orNull(uuidSchema)),
  group_id: Type.Optional(orNull(uuidSchema)),
  consistencygroup_id: Type.Optional(orNull(uuidSchema)),
  multiattach: Type.Optional(orNull(booleanSchema)),
};

const createSchema = (options: { readonly additionalProperties?: false }): TSchema =>
  Type.Object(
    {
      volume: Type.Object(newVolumeFields, options),
      'OS-SCH-HNT:scheduler_hints': Type.Optional(orNull(hints)),
      scheduler_hints: Type.Optional(orNull(hints)),
    },
    strict,
  );

/** Unknown fields are passed over, as upstream does: older clients send `status`, `user_id` and more as null. */
export const createVolumeSchema = createSchema({});
export const createVolumeSchema_3_53 = createSchema(strict);

export const updateVolumeSchema = Type.Object(
  {
    volume: Type.Object(
      {
        name: Type.Optional(orNull(nameSchema)),
        display_name: Type.Optional(orNull(nameSchema)),
        description: Type.Optional(orNull(nameSchema)),
        display_description: Type.Optional(orNull(nameSchema)),
        metadata: Type.Optional(orNull(metadataSchema)),
      },
      strict,
    ),
  },
  strict,
);

export const metadataBody = Type.Object({ metadata: metadataSchema }, strict);
export const metaItemBody = Type.Object({ meta: metadataSchema }, strict);

const action = <K extends string>(key: K, body: Parameters<typeof Type.Object>[0]) =>
  Type.Object({ [key]: Type.Object(body, strict) }, strict);

export const extendBody = action('os-extend', { new_size: sizeSchema });
export const resetStatusBody = action('os-reset_status', {
  status: Type.Optional(orNull(Type.String({ maxLength: 255 }))),
  attach_status: Type.Optional(orNull(Type.String({ maxLength: 255 }))),
  migration_status: Type.Optional(orNull(Type.String({ maxLength: 255 }))),
});
export const bootableBody = action('os-set_bootable', { bootable: booleanSchema });
export const readonlyBody = action('os-update_readonly_flag', { readonly: booleanSchema });
export const setImageMetadataBody = action('os-set_image_metadata', { metadata: metadataSchema });
export const unsetImageMetadataBody = action('os-unset_image_metadata', {
  key: Type.String({ minLength: 1, maxLength: 255 }),
});
export const retypeBody = action('os-retype', {
  new_type: Type.String({ minLength: 1, maxLength: 255 }),
  migration_policy: Type.Optional(orNull(Type.Enum(['never', 'on-demand']))),
});
export const revertBody = action('revert', { snapshot_id: uuidSchema });
const migrateFields = {
  host: Type.Optional(orNull(Type.String({ minLength: 1, maxLength: 255 }))),
  force_host_copy: Type.Optional(orNull(booleanSchema)),
  lock_volume: Type.Optional(orNull(booleanSchema)),
};
export const migrateBody = action('os-migrate_volume', migrateFields);
export const migrateBody_3_16 = action('os-migrate_volume', {
  ...migrateFields,
  cluster: Type.Optional(orNull(Type.String({ maxLength: 255 }))),
});
export const completeMigrationBody = action('os-migrate_volume_completion', {
  new_volume: uuidSchema,
  error: Type.Optional(Type.Union([Type.String({ maxLength: 255 }), Type.Boolean(), Type.Null()])),
});
const uploadFields = {
  image_name: Type.String({ minLength: 1, maxLength: 255 }),
  force: Type.Optional(orNull(booleanSchema)),
  disk_format: Type.Optional(orNull(Type.Enum(['raw', 'qcow2', 'vmdk', 'vhd', 'vhdx', 'vdi', 'ploop']))),
  container_format: Type.Optional(orNull(Type.String({ maxLength: 64 }))),
};
export const uploadImageBody = action('os-volume_upload_image', uploadFields);
export const uploadImageBody_3_1 = action('os-volume_upload_image', {
  ...uploadFields,
  visibility: Type.Optional(orNull(Type.Enum(['public', 'private', 'shared', 'community']))),
  protected: Type.Optional(orNull(booleanSchema)),
});
export const attachBody = action('os-attach', {
  instance_uuid: Type.Optional(orNull(uuidSchema)),
  mountpoint: Type.String({ minLength: 1, maxLength: 255 }),
  host_name: Type.Optional(orNull(Type.String({ maxLength: 255 }))),
  mode: Type.Optional(Type.Enum(['rw', 'ro'])),
});
export const detachBody = Type.Object(
  {
    'os-detach': orNull(Type.Object({ attachment_id: Type.Optional(orNull(uuidSchema)) }, strict)),
  },
  strict,
);
/** What a host says of itself; unknown names are kept, as hypervisors differ. */
export const connectorSchema = Type.Object({
  host: Type.Optional(Type.String({ minLength: 1, maxLength: 255 })),
  ip: Type.Optional(orNull(Type.String({ maxLength: 64 }))),
  initiator: Type.Optional(orNull(Type.String({ maxLength: 255 }))),
  os_type: Type.Optional(orNull(Type.String({ maxLength: 255 }))),
  platform: Type.Optional(orNull(Type.String({ maxLength: 255 }))),
  mountpoint: Type.Optional(orNull(Type.String({ maxLength: 255 }))),
  mode: Type.Optional(orNull(Type.Enum(['rw', 'ro']))),
});
export const initializeBody = action('os-initialize_connection', { connector: connectorSchema });
export const terminateBody = action('os-terminate_connection', {
  connector: orNull(connectorSchema),
  force: Type.Optional(booleanSchema),
});
export const forceDetachBody = action('os-force_detach', {
  attachment_id: Type.Optional(orNull(uuidSchema)),
  connector: Type.Optional(orNull(connectorSchema)),
});
export const reimageBody = action('os-reimage', {
  image_id: uuidSchema,
  reimage_reserved: Type.Optional(booleanSchema),
});
