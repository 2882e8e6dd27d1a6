// The JSON schemas that the API publishes of metadata definitions. Clients read names and types of attributes here.
type Json = Readonly<Record<string, unknown>>;

const shown = (schema: Json): Json => ({ ...schema, readOnly: true });
const text = (description: string, more: Json = {}): Json => ({ type: 'string', description, ...more });
const TIMES: Json = {
  created_at: shown(text('Time in UTC, ISO 8601.', { format: 'date-time' })),
  updated_at: shown(text('Time in UTC, ISO 8601.', { format: 'date-time' })),
};
const LINKS: Json = { self: shown({ type: 'string' }), schema: shown({ type: 'string' }) };
const NAME = text('Its name, unique where it is.', { maxLength: 80 });
const COUNT: Json = { type: 'integer', minimum: 0 };
const STRINGS: Json = { type: 'array', items: { type: 'string' } };

const TYPES = ['array', 'boolean', 'integer', 'number', 'object', 'string', null];

const PROPERTY_FIELDS: Json = {
  name: NAME,
  title: text('Name for people.'),
  description: text('What it is for.'),
  type: text('Type of the values.', {
    enum: TYPES,
  }),
  operators: STRINGS,
  enum: { type: 'array' },
  items: {
    type: 'object',
    properties: { type: { type: 'string', enum: TYPES }, enum: { type: 'array' } },
  },
  minimum: { type: 'number' },
  maximum: { type: 'number' },
  minLength: COUNT,
  maxLength: COUNT,
  minItems: COUNT,
  maxItems: COUNT,
  pattern: { type: 'string', format: 'regex' },
  uniqueItems: { type: 'boolean', default: false },
  additionalItems: { type: 'boolean' },
  readonly: { type: 'boolean' },
  default: {},
};

const OBJECT_FIELDS: Json = {
  name: NAME,
  description: { type: 'string' },
  required: STRINGS,
  properties: { type: 'object', additionalProperties: { type: 'object', properties: PROPERTY_FIELDS } },
  ...TIMES,
  ...LINKS,
};

const ASSOCIATION_FIELDS: Json = {
  name: text('The kind of resource.', { maxLength: 80 }),
  prefix: text('Before the names of properties on such a resource.', { maxLength: 80 }),
  properties_target: text('Where on the resource the properties go.', { maxLength: 80 }),
  ...TIMES,
};

const NAMESPACE_FIELDS: Json = {
  namespace: text('Its name, unique in the cloud.', { maxLength: 80 }),
  display_name: text('Name for people.', { maxLength: 80 }),
  description: text('What it is for.', { maxLength: 500 }),
  visibility: text('Who sees it: everyone, or its project.', { enum: ['public', 'private'] }),
  protected: { type: 'boolean', description: 'True keeps it from being deleted.' },
  owner: text('Project that it belongs to.', { maxLength: 255 }),
  resource_type_associations: {
    type: 'array',
    items: { type: 'object', properties: ASSOCIATION_FIELDS },
  },
  properties: { type: 'object', additionalProperties: { type: 'object', properties: PROPERTY_FIELDS } },
  objects: { type: 'array', items: { type: 'object', properties: OBJECT_FIELDS } },
  tags: { type: 'array', items: { type: 'object', properties: { name: NAME } } },
  ...TIMES,
  ...LINKS,
};

const one = (name: string, properties: Json, required: readonly string[]): Json => ({
  name,
  required,
  properties,
  additionalProperties: false,
});

const page = (name: string, schema: Json): Json => ({
  name,
  properties: {
    [name]: schema,
    first: { type: 'string' },
    next: { type: 'string' },
    schema: { type: 'string' },
  },
  links: [
    { rel: 'first', href: '{first}' },
    { rel: 'next', href: '{next}' },
    { rel: 'describedby', href: '{schema}' },
  ],
});

const listOf = (properties: Json): Json => ({ type: 'array', items: { type: 'object', properties } });

/** By their names in `/v2/schemas/metadefs/…`. */
export const METADEF_SCHEMAS: Readonly<Record<string, Json>> = {
  namespace: one('namespace', NAMESPACE_FIELDS, ['namespace']),
  namespaces: page('namespaces', listOf(NAMESPACE_FIELDS)),
  object: one('object', OBJECT_FIELDS, ['name']),
  objects: page('objects', listOf(OBJECT_FIELDS)),
  property: one('property', PROPERTY_FIELDS, ['name', 'title', 'type']),
  properties: page('properties', {
    type: 'object',
    additionalProperties: { type: 'object', properties: PROPERTY_FIELDS },
  }),
  tag: one('tag', { name: NAME, ...TIMES }, ['name']),
  tags: page('tags', listOf({ name: NAME, ...TIMES })),
  resource_type: one('resource_type_association', ASSOCIATION_FIELDS, ['name']),
  resource_types: page('resource_type_associations', listOf(ASSOCIATION_FIELDS)),
};
