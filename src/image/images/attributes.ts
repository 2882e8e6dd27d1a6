// Checks what a caller wants to set on an image: base attributes by type, anything else as a property. Pure.
import { CONTAINER_FORMATS, DISK_FORMATS, type ImageConfig } from '../config.ts';
import { Forbidden, Invalid, TooLarge } from '../errors.ts';
import type { Visibility } from '../tables.ts';

/** What callers may set, in the types of the API. */
export interface Attributes {
  readonly name: string | null;
  readonly visibility: Visibility;
  readonly protected: boolean;
  readonly os_hidden: boolean;
  readonly disk_format: string | null;
  readonly container_format: string | null;
  readonly min_disk: number;
  readonly min_ram: number;
  readonly owner: string | null;
  readonly tags: readonly string[];
}

export const DEFAULT_ATTRIBUTES: Omit<Attributes, 'owner'> = {
  name: null,
  visibility: 'shared',
  protected: false,
  os_hidden: false,
  disk_format: null,
  container_format: null,
  min_disk: 0,
  min_ram: 0,
  tags: [],
};

/** What only the service sets. */
export const READ_ONLY: ReadonlySet<string> = new Set([
  'created_at',
  'updated_at',
  'status',
  'checksum',
  'os_hash_algo',
  'os_hash_value',
  'size',
  'virtual_size',
  'direct_url',
  'self',
  'file',
  'schema',
  'stores',
]);

/** Names that a property cannot have: they mean something to the store or to other services. */
export const RESERVED: ReadonlySet<string> = new Set([
  'locations',
  'deleted',
  'deleted_at',
  'links',
  'location',
]);
const RESERVED_PREFIX = 'os_glance_';

const MAX_INT = 2 ** 31 - 1;
const VISIBILITIES: ReadonlySet<unknown> = new Set(['public', 'private', 'shared', 'community']);

type Check = (value: unknown) => string | undefined;

const text =
  (max: number): Check =>
  (value) =>
    value === null || (typeof value === 'string' && value.length <= max && !value.includes('\0'))
      ? undefined
      : `must be null or text of at most ${max} characters`;
const boolean: Check = (value) => (typeof value === 'boolean' ? undefined : 'must be true or false');
const amount: Check = (value) =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) <= MAX_INT
    ? undefined
    : `must be a whole number from 0 to ${MAX_INT}`;
const oneOf =
  (allowed: readonly string[]): Check =>
  (value) =>
    value === null || (typeof value === 'string' && allowed.includes(value))
      ? undefined
      : `must be null or one of ${allowed.join(', ')}`;

const CHECKS: Readonly<Record<keyof Attributes, Check>> = {
  name: text(255),
  owner: text(255),
  visibility: (value) =>
    VISIBILITIES.has(value) ? undefined : 'must be public, private, shared or community',
  protected: boolean,
  os_hidden: boolean,
  disk_format: oneOf(DISK_FORMATS),
  container_format: oneOf(CONTAINER_FORMATS),
  min_disk: amount,
  min_ram: amount,
  tags: (value) =>
    Array.isArray(value) && value.every(isTag)
      ? undefined
      : 'must be a list of texts of at most 255 characters',
};

function isTag(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= 255 && !value.includes('\0');
}

export function isBase(name: string): name is keyof Attributes {
  return Object.hasOwn(CHECKS, name);
}

/** @throws Invalid */
export function checkTag(tag: string): void {
  if (!isTag(tag)) throw new Invalid('A tag is text of 1 to 255 characters.');
}

/** @throws Invalid for a value of the wrong type, Forbidden for a name that callers may not set */
export function checkAttribute(name: string, value: unknown): void {
  if (READ_ONLY.has(name)) throw new Forbidden(`Attribute '${name}' is read-only.`, 'read-only');
  if (RESERVED.has(name) || name.startsWith(RESERVED_PREFIX)) {
    throw new Forbidden(`Attribute '${name}' is reserved.`, 'reserved');
  }
  const problem = isBase(name) ? CHECKS[name](value) : propertyProblem(name, value);
  if (problem !== undefined) throw new Invalid(`Invalid value for '${name.slice(0, 255)}': it ${problem}.`);
}

/** The images to boot a kernel with: null says that there is none. */
const NULLABLE_PROPERTIES: ReadonlySet<string> = new Set(['kernel_id', 'ramdisk_id']);

function propertyProblem(name: string, value: unknown): string | undefined {
  if (name === '' || name.length > 255 || name.includes('\0') || name === '__proto__') {
    return 'must have a name of 1 to 255 characters';
  }
  if (value === null && NULLABLE_PROPERTIES.has(name)) return undefined;
  const fits = typeof value === 'string' && value.length <= 65_535 && !value.includes('\0');
  return fits ? undefined : 'must be text';
}

/** @throws TooLarge past the quotas */
export function checkAmounts(config: ImageConfig, properties: number, tags: number): void {
  if (properties > config.maxProperties) {
    throw new TooLarge(
      `An image has at most ${config.maxProperties} properties; this would be ${properties}.`,
    );
  }
  if (tags > config.maxTags) {
    throw new TooLarge(`An image has at most ${config.maxTags} tags; this would be ${tags}.`);
  }
}
