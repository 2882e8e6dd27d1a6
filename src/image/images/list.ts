// `GET /v2/images`: filters, order and pages.
import { isAdmin } from '#platform/auth/principal.ts';
import type { Call } from '#platform/http/api.ts';
import type { ImageDeps } from '../deps.ts';
import { ImageNotFound, Invalid } from '../errors.ts';
import type { ImageRow, MemberStatus } from '../tables.ts';
import { findIfSeen } from './find.ts';
import {
  listImageRows,
  SORT_COLUMNS,
  type Condition,
  type Operator,
  type Scope,
  type SortColumn,
  type SortKey,
} from './store.ts';
import { mayLocate, whereabouts } from './trust.ts';
import { imageView } from './view.ts';

/** Parameters that are no filters. */
const PAGING: ReadonlySet<string> = new Set([
  'limit',
  'marker',
  'sort_key',
  'sort_dir',
  'sort',
  'tag',
  'visibility',
  'member_status',
  'deleted', // none is listed, whatever is asked
]);
const EXACT: ReadonlySet<string> = new Set(['owner', 'checksum', 'os_hash_algo', 'os_hash_value']);
const WITH_IN: ReadonlySet<string> = new Set(['id', 'name', 'status', 'container_format', 'disk_format']);
const NUMBERS: Readonly<Record<string, readonly [keyof ImageRow, Operator]>> = {
  size_min: ['size', '>='],
  size_max: ['size', '<='],
  min_disk: ['min_disk', '='],
  min_ram: ['min_ram', '='],
  size: ['size', '='],
  virtual_size: ['virtual_size', '='],
};
const BOOLEANS: ReadonlySet<string> = new Set(['protected', 'os_hidden']);
const OPERATORS: Readonly<Record<string, Operator>> = {
  gt: '>',
  gte: '>=',
  lt: '<',
  lte: '<=',
  eq: '=',
  neq: '!=',
};
const VISIBILITIES: ReadonlySet<string> = new Set(['public', 'private', 'shared', 'community', 'all']);
const MEMBER_STATUSES: ReadonlySet<string> = new Set(['pending', 'accepted', 'rejected', 'all']);

export async function listImages(call: Call, deps: ImageDeps): Promise<unknown> {
  if (call.path.endsWith('/')) throw new ImageNotFound(''); // an image whose id is empty, not the list
  const query = lastOfEach(call.query);
  const limit = limitOf(query.get('limit'), deps);
  const sort = sortOf(query);
  const { conditions, properties } = filtersOf(query);
  const tags = [...new Set(query.getAll('tag'))];
  // no image has more of either, and each costs the database a subquery
  if (tags.length > deps.config.maxTags || properties.length > deps.config.maxProperties)
    throw new Invalid('There are more filters than an image can fit');
  const rows =
    limit === 0
      ? []
      : await listImageRows(deps.db, {
          scope: scopeOf(call, query),
          conditions,
          properties,
          tags,
          sort,
          after: await markerOf(call, deps, query.get('marker')),
          limit,
        });
  const located = rows.length > 0 && (await mayLocate(call, deps));
  const last = rows.at(-1);
  return {
    images: rows.map(({ image, tags, locations }) =>
      imageView(image, tags, whereabouts(deps, locations, located)),
    ),
    first: linkTo(query),
    ...(last && rows.length === limit ? { next: linkTo(query, last.image.id) } : {}),
    schema: '/v2/schemas/images',
  };
}

const MANY: ReadonlySet<string> = new Set(['tag', 'sort_key', 'sort_dir']);

/** Of what may be said once the last counts. */
function lastOfEach(query: URLSearchParams): URLSearchParams {
  const once = new Map([...query].filter(([name]) => !MANY.has(name)));
  return new URLSearchParams([...once, ...[...query].filter(([name]) => MANY.has(name))]);
}

function linkTo(query: URLSearchParams, marker?: string): string {
  const params = new URLSearchParams(query);
  params.delete('marker');
  if (marker !== undefined) params.set('marker', marker);
  return params.size === 0 ? '/v2/images' : `/v2/images?${params}`;
}

function scopeOf(call: Call, query: URLSearchParams): Scope {
  const visibility = query.get('visibility');
  if (visibility !== null && !VISIBILITIES.has(visibility))
    throw new Invalid(`Invalid visibility value: ${visibility.slice(0, 50)}`);
  const memberStatus = query.get('member_status') ?? 'accepted';
  if (!MEMBER_STATUSES.has(memberStatus)) throw new Invalid(`Invalid status: ${memberStatus.slice(0, 50)}`);
  return {
    projectId: call.principal.projectId,
    admin: isAdmin(call.principal),
    memberStatus: memberStatus as MemberStatus | 'all',
    visibility: (visibility ?? 'default') as Scope['visibility'],
  };
}

function limitOf(text: string | null, { config }: ImageDeps): number {
  if (text === null) return config.defaultLimit;
  if (!/^\d{1,15}$/.test(text)) throw new Invalid('limit param must be a whole number from 0 on');
  return Math.min(Number(text), config.maxLimit);
}

/** @throws Invalid alike for a foreign image and for none */
async function markerOf(call: Call, deps: ImageDeps, id: string | null): Promise<ImageRow | undefined> {
  if (id === null) return undefined;
  const found = await findIfSeen(call, deps, id);
  if (!found) throw new Invalid(`Invalid marker: there is no image ${id.slice(0, 36)}`);
  return found.image;
}

/** `sort=name:asc,size` or `sort_key`/`sort_dir` pairs; the newest first by default. The id makes the order total. */
export function sortOf(query: URLSearchParams): SortKey[] {
  const sort = query.get('sort');
  const keys = query.getAll('sort_key');
  const dirs = query.getAll('sort_dir');
  if (sort !== null && keys.length + dirs.length > 0)
    throw new Invalid('Old and new sorting syntax cannot be combined');
  if (dirs.length > 1 && dirs.length !== keys.length)
    throw new Invalid('Number of sort dirs does not match the number of sort keys');
  dirs.forEach(checkDirection);
  const pairs: Array<readonly [string, string]> =
    sort === null
      ? keys.map((key, index) => [key, dirs[index] ?? dirs[0] ?? 'desc'])
      : sort.split(',').map((part) => {
          const [key = '', dir = 'desc', more] = part.trim().split(':');
          if (more !== undefined) throw new Invalid(`Invalid sort value: ${part.slice(0, 100)}`);
          return [key, dir];
        });
  const chosen = pairs
    .map(([key, dir]) => sortKey(key, dir))
    .filter(({ column }, at, all) => all.findIndex((each) => each.column === column) === at);
  const direction = chosen[0]?.dir ?? (dirs[0] === 'asc' ? 'asc' : 'desc');
  for (const column of ['created_at', 'id'] as const) {
    if (!chosen.some((key) => key.column === column)) chosen.push({ column, dir: direction });
  }
  return chosen;
}

function sortKey(key: string, dir: string): SortKey {
  if (!SORT_COLUMNS.includes(key as SortColumn)) {
    throw new Invalid(
      `Invalid sort key: ${key.slice(0, 100)}. It must be one of ${SORT_COLUMNS.join(', ')}.`,
    );
  }
  return { column: key as SortColumn, dir: checkDirection(dir) };
}

function checkDirection(dir: string): 'asc' | 'desc' {
  if (dir !== 'asc' && dir !== 'desc') throw new Invalid(`Invalid sort direction: ${dir.slice(0, 100)}`);
  return dir;
}

interface Filters {
  readonly conditions: readonly Condition[];
  readonly properties: ReadonlyArray<readonly [string, string]>;
}

function filtersOf(query: URLSearchParams): Filters {
  const conditions: Condition[] = [];
  const properties: Array<readonly [string, string]> = [];
  for (const [name, value] of query) {
    if (PAGING.has(name)) continue;
    if (name === 'changes-since') throw new Invalid('Images are not filtered by changes-since.');
    const condition = baseCondition(name, value);
    if (condition) conditions.push(condition);
    else properties.push([name, value]);
  }
  if (!query.has('os_hidden')) conditions.push({ column: 'os_hidden', op: '=', value: 0 });
  if (conditions.length + properties.length > 200) throw new Invalid('Too many filters.');
  return { conditions, properties };
}

function baseCondition(name: string, value: string): Condition | undefined {
  if (value.includes('\0')) throw new Invalid(`Invalid value for ${name.slice(0, 255)}`);
  if (EXACT.has(name)) return { column: name as keyof ImageRow, op: '=', value };
  if (WITH_IN.has(name)) {
    return value.startsWith('in:')
      ? { column: name as keyof ImageRow, op: 'in', value: splitQuoted(value.slice(3)) }
      : { column: name as keyof ImageRow, op: '=', value };
  }
  if (BOOLEANS.has(name)) return { column: name as keyof ImageRow, op: '=', value: flagOf(name, value) };
  const number = Object.hasOwn(NUMBERS, name) ? NUMBERS[name] : undefined;
  if (number) {
    if (!/^-?\d{1,15}$/.test(value))
      throw new Invalid(`Invalid value for ${name}: it must be a whole number`);
    return { column: number[0], op: number[1], value: Number(value) };
  }
  if (name === 'created_at' || name === 'updated_at') return timeCondition(name, value);
  return undefined;
}

function flagOf(name: string, value: string): number {
  const text = value.toLowerCase();
  if (text !== 'true' && text !== 'false')
    throw new Invalid(`Invalid value for ${name}: it must be true or false`);
  return text === 'true' ? 1 : 0;
}

/** `gt:2024-01-01T00:00:00Z`; without an operator it is `eq`. Times are whole seconds to clients: so they compare. */
function timeCondition(column: 'created_at' | 'updated_at', value: string): Condition {
  const [, name = 'eq', text = ''] = /^(?:([a-z]+):)?(\d.*)$/.exec(value) ?? [];
  const op = Object.hasOwn(OPERATORS, name) ? OPERATORS[name] : undefined;
  const at = Date.parse(/(?:Z|[+-]\d\d:?\d\d)$/.test(text) ? text : `${text}Z`);
  if (!op || Number.isNaN(at)) {
    throw new Invalid(
      `Invalid value for ${column}: it must be a time as 2024-01-31T12:00:00Z, with gt:, gte:, lt:, lte:, eq: or neq: before it`,
    );
  }
  return { column, op, value: new Date(at).toISOString() };
}

/** `a,"b,c",d` → a | b,c | d */
export function splitQuoted(text: string): string[] {
  const values: string[] = [];
  const pattern = /\s*(?:"((?:[^"\\]|\\.)*)"|([^",]*))\s*(,|$)/y;
  while (pattern.lastIndex < text.length || values.length === 0) {
    const match = pattern.exec(text);
    if (!match)
      throw new Invalid('Invalid filter value: the quotes are not closed or not at the ends of a value');
    values.push(match[1]?.replaceAll(/\\(.)/g, '$1') ?? match[2] ?? '');
    if (match[3] === '') break;
  }
  return values;
}
