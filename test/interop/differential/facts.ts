// Turns an answer into facts that two clouds can share: statuses, key names, types, enumerations, and what the conversation
// itself had said. Ids, times, addresses and sentences become the names of their kinds.

/** A scalar's kind or `=value`; an object; `['×2', shape]` for a list; alternatives where elements differ. */
export type Shape = string | readonly [string, Shape] | { readonly [key: string]: Shape };

export interface Facts {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Shape;
  /** The names of the first list, where its order was asked for. */
  readonly order?: readonly string[];
}

/** What is known of the cloud and of what was said to it. */
export interface Context {
  /** Of one run: everything made has it in its name. */
  readonly run: string;
  /** Address of each service's root, longest first. */
  readonly roots: ReadonlyArray<readonly [service: string, root: string]>;
  /** Texts that requests have held so far. */
  readonly said: ReadonlySet<string>;
  /** Addresses that the last request had asked for; others are handed out at random. */
  readonly asked: ReadonlySet<string>;
  /** `key=number` of requests so far. */
  readonly saidNumbers: ReadonlySet<string>;
}

/** Values of these keys are facts of the API, not of the cloud. */
const ENUMERATIONS =
  /^(status|.*_state|.*_status|rel|code|title|visibility|.*interface|direction|ethertype|event_type|.*_format|method|methods|.*ip_version|.*_mode|action|binding:v.*_type|os-dcf:diskconfig|bootable|multiattach|attach_mode|policy|policies|min_version|max_version|media-type|base|consumer|source_type|destination_type|boot_index|scope|protocol|operator|enforcement|in_use|used|reserved|total|device_owner|operation|event_id|user_message|resource_type|nova_object\.\w+|additionalproperties|readonly|is_base|type|kind)$/i;

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/gi;
const HEX64 = /(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])/gi;
const HEX32 = /(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])/gi;
const TAP = /tap[0-9a-f]{8}-[0-9a-f]{2}/g;
const MAC = /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i;
const IPV4 = /^\d+\.\d+\.\d+\.\d+(\/\d+)?$/;
const TIME = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d/;

export function bodyShape(value: unknown, context: Context): Shape {
  return shapeOf(value, '', context);
}

function shapeOf(value: unknown, key: string, context: Context): Shape {
  if (value === null) return 'null';
  if (typeof value === 'boolean') return String(value);
  if (typeof value === 'number') return numberShape(value, key, context);
  if (typeof value === 'string') return textShape(value, key, context);
  if (Array.isArray(value)) {
    const [first, ...rest] = value.map((each) => shapeOf(each, key, context));
    return [`×${value.length}`, rest.reduce(merge, first ?? 'nothing')];
  }
  const pairs = Object.entries(value as Record<string, unknown>).map(
    ([name, each]) => [keyName(name, context), shapeOf(each, name, context)] as const,
  );
  const object: Record<string, Shape> = {};
  for (const [name, shape] of pairs.toSorted(([a], [b]) => (a < b ? -1 : 1)))
    object[name] = object[name] === undefined ? shape : merge(object[name], shape);
  return object;
}

function keyName(name: string, context: Context): string {
  return anonymous(name, context);
}

/** Without ids and without the name of this run. */
function anonymous(text: string, { run }: Context): string {
  return text
    .replaceAll(TAP, '<tap>')
    .replaceAll(UUID, '<uuid>')
    .replaceAll(HEX64, '<hash>')
    .replaceAll(HEX32, '<id>')
    .replaceAll(run, '<run>')
    .replaceAll(run.toUpperCase(), '<RUN>');
}

function numberShape(value: number, key: string, { saidNumbers }: Context): string {
  if (ENUMERATIONS.test(key) || saidNumbers.has(`${key}=${value}`)) return `=${value}`;
  return Number.isInteger(value) ? 'integer' : 'number';
}

function textShape(text: string, key: string, context: Context): string {
  if (text === '') return 'empty';
  if (/^https?:\/\/|^wss?:\/\//.test(text)) return urlShape(text, context);
  if (/^\/v[23][./\d]*\//.test(text)) return `path ${anonymous(ordered(text), context)}`;
  if (new RegExp(`^${UUID.source}$`, 'i').test(text)) return 'uuid';
  if (new RegExp(`^${HEX32.source}$`, 'i').test(text)) return 'id';
  if (text.startsWith('req-') && text.length === 40) return 'request id';
  if (IPV4.test(text) && !text.includes('/')) return context.asked.has(text) ? `=${text}` : 'ip';
  if (context.said.has(text)) return `=${anonymous(text, context)}`;
  if (TIME.test(text))
    return `time ${text.replaceAll(/\d+/g, (digits) => (digits.length > 4 ? 'dddddd' : 'd'.repeat(digits.length)))}`;
  if (MAC.test(text)) return 'mac';
  if (IPV4.test(text)) return 'prefix';
  if (/^[0-9a-f:]+$/i.test(text) && text.split(':').length > 2) return 'ip6';
  if (ENUMERATIONS.test(key) && text.length < 80) return `=${anonymous(text, context)}`;
  if (/^\d+$/.test(text)) return 'digits';
  return 'text';
}

function urlShape(text: string, context: Context): string {
  const root = context.roots.find(([, start]) => text.startsWith(start));
  const place = root
    ? `<${root[0]}>${text.slice(root[1].length)}`
    : text.replace(/^\w+:\/\/[^/]+/, '<elsewhere>');
  return `url ${anonymous(ordered(place), context).replaceAll(/token=[^&]+/g, 'token=<token>')}`;
}

/** The order and the escapes of a query are nobody's affair. */
function ordered(address: string): string {
  const [path = '', query] = address.split('?');
  if (query === undefined) return path;
  const parts = [...new URLSearchParams(query)].map(([name, value]) =>
    value === '' ? name : `${name}=${value}`,
  );
  return `${path}?${parts.toSorted().join('&')}`;
}

/** What both may be: keys that one lacks get a `?`. */
function merge(a: Shape, b: Shape): Shape {
  if (typeof a === 'string' && typeof b === 'string') return union(a, b);
  if (isList(a) && isList(b)) {
    if (a[1] === 'nothing' || b[1] === 'nothing')
      return [union(a[0], b[0]), a[1] === 'nothing' ? b[1] : a[1]];
    return [union(a[0], b[0]), merge(a[1], b[1])];
  }
  if (isObject(a) && isObject(b)) return mergeObjects(a, b);
  const [first, second] = [a, b].toSorted((x, y) => (JSON.stringify(x) < JSON.stringify(y) ? -1 : 1));
  return typeof first === 'object' && 'either' in first
    ? first
    : { either: first ?? 'nothing', or: second ?? 'nothing' };
}

function mergeObjects(a: { readonly [key: string]: Shape }, b: { readonly [key: string]: Shape }): Shape {
  const bare = (key: string): string => key.replace(/\?$/, '');
  const at = (of: { readonly [key: string]: Shape }, key: string): Shape | undefined =>
    of[key] ?? of[`${key}?`];
  const keys = new Set([...Object.keys(a), ...Object.keys(b)].map(bare));
  const merged: Record<string, Shape> = {};
  for (const key of [...keys].toSorted()) {
    const [left, right] = [at(a, key), at(b, key)];
    const always = a[key] !== undefined && b[key] !== undefined;
    const shape = left === undefined ? right : right === undefined ? left : merge(left, right);
    if (shape !== undefined) merged[always ? key : `${key}?`] = shape;
  }
  return merged;
}

function union(a: string, b: string): string {
  return [...new Set([...a.split(' | '), ...b.split(' | ')])].toSorted().join(' | ');
}

export const isList = (shape: Shape): shape is readonly [string, Shape] => Array.isArray(shape);

export const isObject = (shape: Shape): shape is { readonly [key: string]: Shape } =>
  typeof shape === 'object' && !Array.isArray(shape);

/** Keeps what does not depend on how many things a cloud has, and on which. */
export function loosened(shape: Shape): Shape {
  if (isList(shape)) return ['×n', loosened(shape[1])];
  if (!isObject(shape)) return union(...loosenedKinds(shape));
  return Object.fromEntries(Object.entries(shape).map(([key, each]) => [key, loosened(each)]));
}

function loosenedKinds(shape: Shape): [string, string] {
  const kinds = String(shape)
    .split(' | ')
    .map((kind) => (/^=-?\d+(\.\d+)?$/.test(kind) ? 'integer' : kind.replaceAll(/(?<=[/=])\d+\b/g, '<n>')));
  return [kinds.join(' | '), kinds[0] ?? ''];
}

const HEADERS = [
  'allow',
  'cache-control',
  'content-md5',
  'content-range',
  'content-type',
  'last-modified',
  'link',
  'location',
  'openstack-api-version',
  'openstack-image-import-methods',
  'openstack-image-store-ids',
  'retry-after',
  'vary',
  'www-authenticate',
  'x-compute-request-id',
  'x-openstack-nova-api-version',
  'x-openstack-request-id',
  'x-subject-token',
];

/** The type of an empty body is no fact. */
export function headerFacts(headers: Headers, context: Context, hasBody: boolean): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of HEADERS) {
    const value = headers.get(name);
    if (name === 'content-type' && !hasBody) continue;
    if (value !== null) found[name] = headerShape(name, value, context);
  }
  return found;
}

function headerShape(name: string, value: string, context: Context): string {
  if (name === 'vary' || name === 'allow')
    return value
      .toLowerCase()
      .split(',')
      .map((each) => each.trim())
      .toSorted()
      .join(', ');
  if (name === 'content-type') return value.toLowerCase().replace(/;\s*charset=utf-8/, '');
  if (name === 'last-modified' || name === 'x-subject-token' || name === 'content-md5') return 'present';
  if (name === 'www-authenticate') return value.split(' ')[0] ?? '';
  if (name.endsWith('request-id')) return /^req-[0-9a-f-]{36}$/.test(value) ? 'request id' : 'another form';
  if (name === 'location' || name === 'link') return textShape(value, name, context);
  return value;
}

/** Names (or other telling values) of the first list of an answer, as it stands. */
export function orderOf(body: unknown, context: Context): string[] | undefined {
  const list = Object.values((body ?? {}) as Record<string, unknown>).find(Array.isArray) as
    | ReadonlyArray<Record<string, unknown>>
    | undefined;
  return list?.map((each) => anonymous(String(each['name'] ?? each['display_name'] ?? '-'), context));
}
