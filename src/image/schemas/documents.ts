// The JSON schemas that the API publishes of itself. Clients read the names and types of the base attributes here.
import { CONTAINER_FORMATS, DISK_FORMATS } from '../config.ts';

type Json = Readonly<Record<string, unknown>>;

const nullable = (type: string, more: Json = {}): Json => ({ type: ['null', type], ...more });
const shown = (schema: Json): Json => ({ ...schema, readOnly: true });
const TIME = 'Time in UTC, ISO 8601.';

const UUID = '^([0-9a-fA-F]){8}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){12}$';

const PROPERTIES: Json = {
  id: {
    type: 'string',
    pattern: UUID,
    description: 'UUID of the image; may be given when it is made.',
  },
  name: nullable('string', { maxLength: 255, description: 'Name for people; need not be unique.' }),
  status: shown({
    type: 'string',
    enum: [
      'queued',
      'saving',
      'active',
      'killed',
      'deleted',
      'uploading',
      'importing',
      'pending_delete',
      'deactivated',
    ],
    description: 'Whether there is data and whether it may be read.',
  }),
  visibility: {
    type: 'string',
    enum: ['community', 'public', 'private', 'shared'],
    description: 'Who besides the owner may use the image.',
  },
  protected: { type: 'boolean', description: 'True keeps the image from being deleted.' },
  os_hidden: {
    type: 'boolean',
    description: 'True leaves the image out of lists that do not ask for hidden ones.',
  },
  checksum: shown(nullable('string', { maxLength: 32, description: 'MD5 of the data.' })),
  os_hash_algo: shown(nullable('string', { maxLength: 64, description: 'Algorithm of os_hash_value.' })),
  os_hash_value: shown(
    nullable('string', { maxLength: 128, description: 'Hexadecimal digest of the data.' }),
  ),
  owner: nullable('string', { maxLength: 255, description: 'Project that the image belongs to.' }),
  size: shown(nullable('integer', { description: 'Bytes of the data.' })),
  virtual_size: shown(nullable('integer', { description: 'Bytes of the disk that a guest sees.' })),
  container_format: nullable('string', {
    enum: [null, ...CONTAINER_FORMATS],
    description: 'What the data is wrapped in.',
  }),
  disk_format: nullable('string', { enum: [null, ...DISK_FORMATS], description: 'Format of the disk.' }),
  created_at: shown({ type: 'string', description: TIME }),
  updated_at: shown({ type: 'string', description: TIME }),
  tags: { type: 'array', items: { type: 'string', maxLength: 255 }, description: 'Labels, each once.' },
  direct_url: shown({ type: 'string', description: 'Where the data is; for services of the cloud.' }),
  min_ram: { type: 'integer', description: 'MiB of memory that a guest needs at least.' },
  min_disk: { type: 'integer', description: 'GiB of disk that a guest needs at least.' },
  self: shown({ type: 'string', description: 'Address of the image.' }),
  file: shown({ type: 'string', description: "Address of the image's data." }),
  stores: shown({ type: 'string', description: 'Stores that hold the data.' }),
  schema: shown({ type: 'string', description: 'Address of the schema of this document.' }),
  locations: shown({
    type: 'array',
    items: {
      type: 'object',
      required: ['url', 'metadata'],
      properties: { url: { type: 'string' }, metadata: { type: 'object' } },
    },
    description: 'Where the data is; for services of the cloud.',
  }),
  architecture: {
    type: 'string',
    is_base: false,
    description: 'CPU architecture that the image is made for.',
  },
  instance_uuid: { type: 'string', is_base: false, description: 'Server that the image is a snapshot of.' },
  kernel_id: nullable('string', {
    pattern: UUID,
    is_base: false,
    description: 'Image of the kernel to boot with.',
  }),
  ramdisk_id: nullable('string', {
    pattern: UUID,
    is_base: false,
    description: 'Image of the ramdisk to boot with.',
  }),
  description: { type: 'string', is_base: false, description: 'What the image is, for people.' },
  os_distro: { type: 'string', is_base: false, description: 'Distribution of the operating system.' },
  os_version: { type: 'string', is_base: false, description: 'Version of the operating system.' },
};

export const IMAGE_SCHEMA: Json = {
  name: 'image',
  properties: PROPERTIES,
  additionalProperties: { type: 'string' },
  links: [
    { rel: 'self', href: '{self}' },
    { rel: 'enclosure', href: '{file}' },
    { rel: 'describedby', href: '{schema}' },
  ],
};

const PAGE_LINKS: readonly Json[] = [
  { rel: 'first', href: '{first}' },
  { rel: 'next', href: '{next}' },
  { rel: 'describedby', href: '{schema}' },
];

export const IMAGES_SCHEMA: Json = {
  name: 'images',
  properties: {
    images: { type: 'array', items: IMAGE_SCHEMA },
    first: { type: 'string' },
    next: { type: 'string' },
    schema: { type: 'string' },
  },
  links: PAGE_LINKS,
};

export const MEMBER_SCHEMA: Json = {
  name: 'member',
  properties: {
    member_id: { type: 'string', description: 'Project that the image is shared with.' },
    image_id: { type: 'string', pattern: UUID, description: 'The image.' },
    created_at: { type: 'string', description: TIME },
    updated_at: { type: 'string', description: TIME },
    status: {
      type: 'string',
      enum: ['pending', 'accepted', 'rejected'],
      description: "The member's answer.",
    },
    schema: shown({ type: 'string' }),
  },
};

const TASK_PROPERTIES: Json = {
  id: { type: 'string', pattern: UUID, description: 'UUID of the task.' },
  type: { type: 'string', enum: ['import', 'api_image_import'], description: 'What the task does.' },
  status: {
    type: 'string',
    enum: ['pending', 'processing', 'success', 'failure'],
    description: 'How far it is.',
  },
  owner: { type: 'string', description: 'Project that asked for it.' },
  created_at: { type: 'string', description: TIME },
  updated_at: { type: 'string', description: TIME },
  expires_at: nullable('string', { description: 'When it is removed.' }),
  self: shown({ type: 'string' }),
  schema: shown({ type: 'string' }),
};

export const TASK_SCHEMA: Json = {
  name: 'task',
  properties: {
    ...TASK_PROPERTIES,
    input: nullable('object', { description: 'What was asked for.' }),
    result: nullable('object', { description: 'What came of it.' }),
    message: { type: 'string', description: 'Why it failed.' },
    image_id: nullable('string', { description: 'The image that it works on.' }),
    request_id: nullable('string', { description: 'The request that began it.' }),
    user_id: nullable('string', { description: 'User who asked for it.' }),
  },
};

export const TASKS_SCHEMA: Json = {
  name: 'tasks',
  properties: {
    tasks: { type: 'array', items: { properties: TASK_PROPERTIES } },
    first: { type: 'string' },
    next: { type: 'string' },
    schema: { type: 'string' },
  },
  links: PAGE_LINKS,
};

export const MEMBERS_SCHEMA: Json = {
  name: 'members',
  properties: { members: { type: 'array', items: MEMBER_SCHEMA }, schema: { type: 'string' } },
  links: [{ rel: 'describedby', href: '{schema}' }],
};
