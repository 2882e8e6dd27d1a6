// Reads a list request's query: filters, fields, sorting, paging and tags, as Neutron understands them. Pure.
import { badRequest } from '../errors.ts';

export interface SortKey {
  readonly key: string;
  readonly descending: boolean;
}

export interface TagFilters {
  readonly all: readonly string[];
  readonly any: readonly string[];
  readonly notAll: readonly string[];
  readonly notAny: readonly string[];
}

export interface ListQuery {
  /** Attribute → wanted values, any of which fits. */
  readonly filters: ReadonlyMap<string, readonly string[]>;
  readonly fields: readonly string[];
  readonly sort: readonly SortKey[];
  readonly limit: number | undefined;
  readonly marker: string | undefined;
  readonly reverse: boolean;
  readonly tags: TagFilters;
  /** `changed_since`: ISO time. */
  readonly changedSince: string | undefined;
}

const RESERVED = new Set([
  'fields',
  'sort_key',
  'sort_dir',
  'limit',
  'marker',
  'page_reverse',
  'tags',
  'tags-any',
  'not-tags',
  'not-tags-any',
  'changed_since',
  'verbose',
]);

/** @throws NetworkError 400 naming the attribute or value that does not fit. */
export function parseQuery(query: URLSearchParams, attributes: ReadonlySet<string>): ListQuery {
  const filters = new Map<string, string[]>();
  for (const [key, value] of query) {
    if (RESERVED.has(key)) continue;
    const name = key === 'tenant_id' ? 'project_id' : key;
    if (!attributes.has(name))
      throw badRequest('HTTPBadRequest', `${key} is an invalid attribute for filtering.`);
    if (value.includes('\0')) throw badRequest('HTTPBadRequest', `Filter ${key} holds a NUL character.`);
    const values = filters.get(name) ?? [];
    if (!values.includes(value)) values.push(value);
    filters.set(name, values);
  }
  return {
    filters,
    fields: query.getAll('fields').filter((field) => field !== ''),
    sort: parseSort(query, attributes),
    limit: parseLimit(query.get('limit')),
    marker: query.get('marker') || undefined,
    reverse: /^(true|1)$/i.test(query.get('page_reverse') ?? ''),
    tags: {
      all: tagsIn(query, 'tags'),
      any: tagsIn(query, 'tags-any'),
      notAll: tagsIn(query, 'not-tags'),
      notAny: tagsIn(query, 'not-tags-any'),
    },
    changedSince: parseChangedSince(query.get('changed_since')),
  };
}

function parseSort(query: URLSearchParams, attributes: ReadonlySet<string>): SortKey[] {
  const given = (name: string): string[] => query.getAll(name).filter((each) => each !== '');
  const keys = given('sort_key');
  const dirs = given('sort_dir');
  if (dirs.length !== keys.length)
    throw badRequest('HTTPBadRequest', 'The number of sort_keys and sort_dirs must be same');
  return keys.map((key, index) => {
    const name = key === 'tenant_id' ? 'project_id' : key;
    if (!attributes.has(name))
      throw badRequest('HTTPBadRequest', `${key} is an invalid attribute for sort keys`);
    const dir = dirs[index];
    if (dir !== 'asc' && dir !== 'desc')
      throw badRequest(
        'HTTPBadRequest',
        `${dir} is an invalid value for sort_dirs, valid values are 'asc' and 'desc'`,
      );
    return { key: name, descending: dir === 'desc' };
  });
}

function parseLimit(text: string | null): number | undefined {
  if (text === null || text === '') return undefined;
  if (!/^\d{1,15}$/.test(text))
    throw badRequest('BadRequest', `Limit must be an integer 0 or greater and not '${text}'`);
  return Number(text) || undefined;
}

function parseChangedSince(text: string | null): string | undefined {
  if (text === null) return undefined;
  const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?$/.test(text)
    ? Date.parse(/(Z|[+-]\d\d:?\d\d)$/.test(text) ? text : `${text}Z`)
    : Number.NaN;
  if (Number.isNaN(time))
    throw badRequest(
      'InvalidInput',
      `Invalid input for operation: The input changed_since must be in the following format: YYYY-MM-DDTHH:MM:SS[Z].`,
    );
  return new Date(time).toISOString();
}

function tagsIn(query: URLSearchParams, name: string): string[] {
  return query
    .getAll(name)
    .flatMap((value) => value.split(','))
    .filter((tag) => tag !== '');
}

export function hasTagFilter(tags: TagFilters): boolean {
  return tags.all.length + tags.any.length + tags.notAll.length + tags.notAny.length > 0;
}

export function matchesTags(tags: readonly string[], filters: TagFilters): boolean {
  const has = (tag: string): boolean => tags.includes(tag);
  return (
    filters.all.every(has) &&
    (filters.any.length === 0 || filters.any.some(has)) &&
    (filters.notAll.length === 0 || !filters.notAll.every(has)) &&
    !filters.notAny.some(has)
  );
}
