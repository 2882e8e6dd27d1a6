// Bodies about the volumes of a server, by microversion.
import { Type, type TProperties, type TSchema } from 'typebox';
import type { VersionedSchema } from '#platform/http/api.ts';
import { booleanSchema, strict, uuidSchema } from '#compute/schema-types.ts';
import { tagSchema } from '../schema.ts';

const device = Type.Union([
  Type.Null(),
  Type.String({ pattern: '(^/dev/x{0,1}[a-z]{0,1}d{0,1})([a-z]+)[0-9]*$', maxLength: 255 }),
]);
const body = (fields: TProperties): TSchema =>
  Type.Object({ volumeAttachment: Type.Object(fields, strict) }, strict);

const attach: TProperties = { volumeId: uuidSchema, device: Type.Optional(device) };
const tagged: TProperties = { ...attach, tag: Type.Optional(tagSchema) };

export const attachVolume: readonly VersionedSchema[] = [
  { schema: body(attach) },
  { since: '2.49', schema: body(tagged) },
  { since: '2.79', schema: body({ ...tagged, delete_on_termination: Type.Optional(booleanSchema) }) },
];

export const updateAttachment: readonly VersionedSchema[] = [
  { schema: body({ volumeId: uuidSchema }) },
  {
    since: '2.85',
    schema: body({
      ...tagged,
      delete_on_termination: Type.Optional(booleanSchema),
      serverId: Type.Optional(uuidSchema),
      id: Type.Optional(uuidSchema),
    }),
  },
];
