// Bodies of POST and PUT /servers, one schema for each microversion that changed them.
import { Type, type TProperties, type TSchema } from 'typebox';
import type { VersionedSchema } from '#platform/http/api.ts';
import type { VersionText } from '#platform/microversion/microversion.ts';
import {
  booleanSchema,
  countSchema,
  ipSchema,
  ipv4Schema,
  ipv6Schema,
  metadataSchema,
  nameSchema,
  strict,
  uuidSchema,
} from '#compute/schema-types.ts';

export const TAG_PATTERN = '^[^,/]*$';
export const tagSchema = Type.String({ minLength: 1, maxLength: 60, pattern: TAG_PATTERN });
const deviceTag = tagSchema;
const diskConfig = Type.Union([Type.Literal('AUTO'), Type.Literal('MANUAL')]);
const description = Type.Union([
  Type.String({ maxLength: 255, pattern: String.raw`^[^\u0000-\u0008\u000e-\u001f\u007f]*$` }),
  Type.Null(),
]);
/** A label by the rules for host names; from 2.94 on labels with dots. */
const hostname = Type.String({
  minLength: 2,
  maxLength: 63,
  pattern: '^[a-zA-Z0-9]+[a-zA-Z0-9-]*[a-zA-Z0-9]+$',
});
const domainName = Type.String({
  minLength: 2,
  maxLength: 255,
  pattern: '^[a-zA-Z0-9]+[a-zA-Z0-9-.]*[a-zA-Z0-9]+$',
});
const userData = Type.String({ maxLength: 65535, pattern: '^[A-Za-z0-9+/=\\s]*$' });
const personality = Type.Array(Type.Object({ path: Type.String(), contents: Type.String() }, strict));
const certificates = Type.Union([
  Type.Null(),
  Type.Array(Type.String({ minLength: 1 }), { minItems: 1, maxItems: 50 }),
]);

const networkItem = (tagged: boolean): TSchema =>
  Type.Object(
    {
      uuid: Type.Optional(uuidSchema),
      port: Type.Optional(Type.Union([uuidSchema, Type.Null()])),
      fixed_ip: Type.Optional(ipSchema),
      ...(tagged ? { tag: Type.Optional(deviceTag) } : {}),
    },
    strict,
  );

const deviceMapping = (tagged: boolean, typed: boolean): TSchema =>
  Type.Object(
    {
      uuid: Type.Optional(uuidSchema),
      source_type: Type.Optional(
        Type.Union(['volume', 'image', 'snapshot', 'blank'].map((each) => Type.Literal(each))),
      ),
      destination_type: Type.Optional(Type.Union([Type.Literal('volume'), Type.Literal('local')])),
      boot_index: Type.Optional(
        Type.Union([Type.Integer(), Type.String({ pattern: String.raw`^-?\d+$` }), Type.Null()]),
      ),
      volume_size: Type.Optional(
        Type.Union([Type.Integer({ minimum: 0 }), Type.String({ pattern: String.raw`^\d*$` }), Type.Null()]),
      ),
      volume_id: Type.Optional(uuidSchema),
      snapshot_id: Type.Optional(uuidSchema),
      image_id: Type.Optional(uuidSchema),
      guest_format: Type.Optional(Type.Union([Type.String({ maxLength: 255 }), Type.Null()])),
      device_name: Type.Optional(Type.Union([Type.String({ maxLength: 255 }), Type.Null()])),
      device_type: Type.Optional(Type.Union([Type.String({ maxLength: 255 }), Type.Null()])),
      disk_bus: Type.Optional(Type.Union([Type.String({ maxLength: 255 }), Type.Null()])),
      delete_on_termination: Type.Optional(booleanSchema),
      no_device: Type.Optional(Type.Unknown()),
      ...(tagged ? { tag: Type.Optional(deviceTag) } : {}),
      ...(typed
        ? { volume_type: Type.Optional(Type.Union([Type.String({ maxLength: 255 }), Type.Null()])) }
        : {}),
    },
    strict,
  );

/** More than any bus has names for. */
const DISKS_MAX = 255;
const text = Type.Union([Type.String({ maxLength: 255 }), Type.Null()]);
const size = Type.Union([
  Type.Integer({ minimum: 0 }),
  Type.String({ pattern: String.raw`^\d*$`, maxLength: 10 }),
  Type.Null(),
]);
const deviceId = Type.Union([uuidSchema, Type.Null()]);

const legacyMapping = Type.Object(
  {
    device_name: Type.Optional(text),
    volume_id: Type.Optional(deviceId),
    snapshot_id: Type.Optional(deviceId),
    volume_size: Type.Optional(size),
    virtual_name: Type.Optional(text),
    delete_on_termination: Type.Optional(booleanSchema),
    no_device: Type.Optional(Type.Unknown()),
  },
  { additionalProperties: true },
);

/** What an image says of disks, in the property `block_device_mapping`: its owner's words, in the form of a request's. */
export const imageMappings = Type.Array(
  Type.Object(
    {
      source_type: Type.Union(['volume', 'image', 'snapshot', 'blank'].map((each) => Type.Literal(each))),
      destination_type: Type.Optional(
        Type.Union([Type.Literal('volume'), Type.Literal('local'), Type.Null()]),
      ),
      snapshot_id: Type.Optional(deviceId),
      volume_id: Type.Optional(deviceId),
      image_id: Type.Optional(deviceId),
      uuid: Type.Optional(deviceId),
      boot_index: Type.Optional(Type.Union([Type.Integer({ minimum: -1, maximum: DISKS_MAX }), Type.Null()])),
      volume_size: Type.Optional(size),
      volume_type: Type.Optional(text),
      guest_format: Type.Optional(text),
      device_name: Type.Optional(text),
      device_type: Type.Optional(text),
      disk_bus: Type.Optional(text),
      tag: Type.Optional(Type.Union([deviceTag, Type.Null()])),
      delete_on_termination: Type.Optional(Type.Union([booleanSchema, Type.Null()])),
      no_device: Type.Optional(Type.Unknown()),
    },
    { additionalProperties: true }, // other clouds' images say more
  ),
  { maxItems: DISKS_MAX },
);

const ids = Type.Union([uuidSchema, Type.Array(uuidSchema)]);
const hints = Type.Object({
  group: Type.Optional(uuidSchema),
  different_host: Type.Optional(ids),
  same_host: Type.Optional(ids),
  query: Type.Optional(Type.Union([Type.String({ minLength: 1 }), Type.Object({})])),
  target_cell: Type.Optional(Type.String({ minLength: 1 })),
  different_cell: Type.Optional(Type.Union([Type.String(), Type.Array(Type.String())])),
  build_near_host_ip: Type.Optional(ipSchema),
  cidr: Type.Optional(Type.String({ pattern: '^/[0-9a-f.:]+$' })),
});

function createFields(has: (version: VersionText) => boolean): TProperties {
  const tagged = has('2.42') || (has('2.32') && !has('2.33'));
  const list = Type.Array(networkItem(tagged || (has('2.32') && !has('2.37'))));
  const networks = has('2.37')
    ? Type.Union([Type.Literal('none'), Type.Literal('auto'), list])
    : Type.Optional(Type.Union([list, Type.Null()]));
  return {
    name: nameSchema,
    flavorRef: Type.Union([Type.String({ minLength: 1 }), Type.Integer()]),
    imageRef: Type.Optional(Type.Union([uuidSchema, Type.Literal('')])),
    adminPass: Type.Optional(Type.String()),
    metadata: Type.Optional(metadataSchema),
    networks,
    'OS-DCF:diskConfig': Type.Optional(diskConfig),
    accessIPv4: Type.Optional(ipv4Schema),
    accessIPv6: Type.Optional(ipv6Schema),
    ...(has('2.57') ? {} : { personality: Type.Optional(personality) }),
    availability_zone: Type.Optional(nameSchema),
    block_device_mapping: Type.Optional(Type.Array(legacyMapping, { maxItems: DISKS_MAX })),
    block_device_mapping_v2: Type.Optional(
      Type.Array(deviceMapping(tagged, has('2.67')), { maxItems: DISKS_MAX }),
    ),
    config_drive: Type.Optional(booleanSchema),
    key_name: Type.Optional(nameSchema),
    min_count: Type.Optional(countSchema(1)),
    max_count: Type.Optional(countSchema(1)),
    return_reservation_id: Type.Optional(booleanSchema),
    security_groups: Type.Optional(
      Type.Array(Type.Object({ name: Type.Optional(Type.String({ minLength: 1, maxLength: 255 })) }, strict)),
    ),
    user_data: Type.Optional(userData),
    ...(has('2.19') ? { description: Type.Optional(description) } : {}),
    ...(has('2.52') ? { tags: Type.Optional(Type.Array(tagSchema, { maxItems: 50 })) } : {}),
    ...(has('2.63') ? { trusted_image_certificates: Type.Optional(certificates) } : {}),
    ...(has('2.74')
      ? { host: Type.Optional(nameSchema), hypervisor_hostname: Type.Optional(nameSchema) }
      : {}),
    ...(has('2.90') ? { hostname: Type.Optional(has('2.94') ? domainName : hostname) } : {}),
  };
}

function rebuildFields(has: (version: VersionText) => boolean): TProperties {
  return {
    imageRef: uuidSchema,
    name: Type.Optional(nameSchema),
    adminPass: Type.Optional(Type.String()),
    metadata: Type.Optional(metadataSchema),
    preserve_ephemeral: Type.Optional(booleanSchema),
    'OS-DCF:diskConfig': Type.Optional(diskConfig),
    accessIPv4: Type.Optional(ipv4Schema),
    accessIPv6: Type.Optional(ipv6Schema),
    ...(has('2.57') ? {} : { personality: Type.Optional(personality) }),
    ...(has('2.19') ? { description: Type.Optional(description) } : {}),
    ...(has('2.54') ? { key_name: Type.Optional(Type.Union([nameSchema, Type.Null()])) } : {}),
    ...(has('2.57') ? { user_data: Type.Optional(Type.Union([userData, Type.Null()])) } : {}),
    ...(has('2.63') ? { trusted_image_certificates: Type.Optional(certificates) } : {}),
    ...(has('2.90') ? { hostname: Type.Optional(has('2.94') ? domainName : hostname) } : {}),
  };
}

function updateFields(has: (version: VersionText) => boolean): TProperties {
  return {
    name: Type.Optional(nameSchema),
    'OS-DCF:diskConfig': Type.Optional(diskConfig),
    accessIPv4: Type.Optional(Type.Union([ipv4Schema, Type.Literal('')])),
    accessIPv6: Type.Optional(Type.Union([ipv6Schema, Type.Literal('')])),
    ...(has('2.19') ? { description: Type.Optional(description) } : {}),
    ...(has('2.90') ? { hostname: Type.Optional(has('2.94') ? domainName : hostname) } : {}),
  };
}

/** One schema for each step, made from the fields that a version has. */
function steps(
  versions: readonly VersionText[],
  make: (has: (version: VersionText) => boolean) => TSchema,
): VersionedSchema[] {
  const minor = (version: VersionText): number => Number(version.split('.')[1]);
  return versions.map((since) => ({ since, schema: make((version) => minor(version) <= minor(since)) }));
}

export const createServer = steps(
  ['2.1', '2.19', '2.32', '2.33', '2.37', '2.42', '2.52', '2.57', '2.63', '2.67', '2.74', '2.90', '2.94'],
  (has) =>
    Type.Object(
      {
        server: Type.Object(createFields(has), strict),
        'os:scheduler_hints': Type.Optional(hints),
        'OS-SCH-HNT:scheduler_hints': Type.Optional(hints),
      },
      strict,
    ),
);

export const rebuildServer = steps(['2.1', '2.19', '2.54', '2.57', '2.63', '2.90', '2.94'], (has) =>
  Type.Object({ rebuild: Type.Object(rebuildFields(has), strict) }, strict),
);

export const updateServer = steps(['2.1', '2.19', '2.90', '2.94'], (has) =>
  Type.Object({ server: Type.Object(updateFields(has), strict) }, strict),
);
