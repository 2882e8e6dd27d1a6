// Bodies of metadata definitions.
import { Type, type Static, type TSchema } from 'typebox';

const NAME = Type.String({
  minLength: 1,
  maxLength: 80,
  pattern: '^[^\\u0000-\\u001f/]*[^\\u0000-\\u001f/\\s][^\\u0000-\\u001f/]*$',
});
const text = (maxLength: number) => Type.String({ maxLength, pattern: '^[^\\u0000]*$' });
const COUNT = Type.Integer({ minimum: 0, maximum: 2 ** 31 - 1 });

/** What the service adds and clients send back as they got it. */
const SHOWN = {
  self: Type.Optional(Type.Unknown()),
  schema: Type.Optional(Type.Unknown()),
  created_at: Type.Optional(Type.Unknown()),
  updated_at: Type.Optional(Type.Unknown()),
};
const closed = { additionalProperties: false } as const;

const TYPES = ['array', 'boolean', 'integer', 'number', 'object', 'string', 'null'] as const;

const propertyFields = {
  title: text(255),
  type: Type.Union(TYPES.map((type) => Type.Literal(type))),
  description: Type.Optional(text(65_535)),
  operators: Type.Optional(Type.Array(text(80), { maxItems: 100 })),
  enum: Type.Optional(Type.Array(Type.Unknown(), { maxItems: 1000 })),
  items: Type.Optional(
    Type.Object({
      type: Type.Optional(Type.Union(TYPES.map((type) => Type.Literal(type)))),
      enum: Type.Optional(Type.Array(Type.Unknown(), { maxItems: 1000 })),
    }),
  ),
  minimum: Type.Optional(Type.Number()),
  maximum: Type.Optional(Type.Number()),
  minLength: Type.Optional(COUNT),
  maxLength: Type.Optional(COUNT),
  minItems: Type.Optional(COUNT),
  maxItems: Type.Optional(COUNT),
  pattern: Type.Optional(text(1024)), // kept for clients, never run here
  uniqueItems: Type.Optional(Type.Boolean()),
  additionalItems: Type.Optional(Type.Boolean()),
  readonly: Type.Optional(Type.Boolean()),
  required: Type.Optional(Type.Unknown()),
  confidential: Type.Optional(Type.Boolean()),
  default: Type.Optional(Type.Unknown()),
};

/** Within an object or a namespace the key is the name. */
const nestedProperty = Type.Object({ ...propertyFields, name: Type.Optional(NAME), ...SHOWN }, closed);
const properties = Type.Record(NAME, nestedProperty, { maxProperties: 1000 });
export const propertyBody = Type.Object({ name: NAME, ...propertyFields, ...SHOWN }, closed);

export const objectBody = Type.Object(
  {
    name: NAME,
    description: Type.Optional(text(65_535)),
    required: Type.Optional(Type.Array(NAME, { maxItems: 1000 })),
    properties: Type.Optional(properties),
    ...SHOWN,
  },
  closed,
);

export const tagBody = Type.Object({ name: NAME, ...SHOWN }, closed);
export const tagsBody = Type.Object(
  { tags: Type.Array(Type.Object({ name: NAME, ...SHOWN }, closed), { maxItems: 1000 }), ...SHOWN },
  closed,
);
export type TagsBody = Static<typeof tagsBody>;

export const associationBody = Type.Object(
  {
    name: NAME,
    prefix: Type.Optional(Type.Union([text(80), Type.Null()])),
    properties_target: Type.Optional(Type.Union([text(80), Type.Null()])),
    ...SHOWN,
  },
  closed,
);
export type AssociationBody = Static<typeof associationBody>;

const namespaceFields = {
  namespace: NAME,
  display_name: Type.Optional(Type.Union([text(80), Type.Null()])),
  description: Type.Optional(Type.Union([text(500), Type.Null()])),
  visibility: Type.Optional(Type.Union([Type.Literal('public'), Type.Literal('private')])),
  protected: Type.Optional(Type.Boolean()),
  owner: Type.Optional(Type.String({ minLength: 1, maxLength: 255, pattern: '^[^\\u0000]*$' })),
};
const list = <S extends TSchema>(schema: S) => Type.Optional(Type.Array(schema, { maxItems: 1000 }));

/** A namespace with all that is in it: also what an update gets back of a client, which changes the namespace alone. */
export const namespaceBody = Type.Object(
  {
    ...namespaceFields,
    resource_type_associations: list(associationBody),
    properties: Type.Optional(properties),
    objects: list(objectBody),
    tags: list(tagBody),
    ...SHOWN,
  },
  closed,
);
export type NamespaceBody = Static<typeof namespaceBody>;
