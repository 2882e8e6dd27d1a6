// What lists of the volume API share: the query's page and order, and the links and counts of the answer.
import { sql, type RawBuilder } from 'kysely';
import type { Call } from '#platform/http/api.ts';
import { atLeast, type VersionText } from '#platform/microversion/microversion.ts';
import { InvalidInput } from './errors.ts';

export interface SortKey {
  readonly key: string;
  readonly descending: boolean;
}

export interface Page {
  /** Undefined when neither the query nor the configuration bounds it. */
  readonly limit: number;
  readonly offset: number;
  readonly marker: string | undefined;
  readonly sort: readonly SortKey[];
}

const NUMBER = /^\d{1,9}$/;

/** Names of the query that say how to list, not what. */
export const LISTING_NAMES: ReadonlySet<string> = new Set([
  'limit',
  'offset',
  'marker',
  'sort',
  'sort_key',
  'sort_dir',
  'all_tenants',
  'with_count',
]);

/**
 * @param sortable names that `sort` and `sort_key` may name
 * @throws InvalidInput
 */
export function readPage(query: URLSearchParams, sortable: readonly string[], maxLimit: number): Page {
  const limit = readNumber(query, 'limit') ?? maxLimit;
  return {
    limit: Math.min(limit, maxLimit),
    offset: readNumber(query, 'offset') ?? 0,
    marker: query.get('marker') ?? undefined,
    sort: readSort(query, sortable),
  };
}

function readNumber(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null || text === '') return undefined;
  if (!NUMBER.test(text))
    throw new InvalidInput(`${name} must be an integer from 0 on, and is ${text.slice(0, 64)}.`);
  return Number(text);
}

function readSort(query: URLSearchParams, sortable: readonly string[]): SortKey[] {
  const combined = query.get('sort');
  if (combined !== null && (query.has('sort_key') || query.has('sort_dir')))
    throw new InvalidInput('The sort parameter excludes sort_key and sort_dir.');
  const keys: Array<readonly [string, string]> =
    combined === null
      ? query
          .getAll('sort_key')
          .flatMap((key) => key.split(','))
          .map((key, i) => {
            const dirs = query.getAll('sort_dir').flatMap((dir) => dir.split(','));
            return [key.trim(), (dirs[i] ?? dirs[0] ?? 'desc').trim()] as const;
          })
      : combined.split(',').map((part) => {
          const [key = '', dir = 'desc'] = part.split(':');
          return [key.trim(), dir.trim()] as const;
        });
  const chosen = keys.length === 0 ? ([['created_at', query.get('sort_dir') ?? 'desc']] as const) : keys;
  const sort = chosen.map(([key, dir]): SortKey => {
    const name = key.replace(/^display_/, '');
    if (!sortable.includes(name)) throw new InvalidInput(`There is no sort key ${key.slice(0, 255)} here.`);
    if (dir !== 'asc' && dir !== 'desc')
      throw new InvalidInput(`The sort direction must be asc or desc, and is ${dir.slice(0, 64)}.`);
    return { key: name, descending: dir === 'desc' };
  });
  const once = sort.filter(({ key }, i) => sort.findIndex((each) => each.key === key) === i);
  return once.some((each) => each.key === 'id')
    ? once
    : [...once, { key: 'id', descending: once.at(-1)?.descending ?? true }];
}

/** The order by which rows are read: each column's expression never null, so that pages meet without gaps. */
export function orderOf(
  sort: readonly SortKey[],
  column: (key: string) => RawBuilder<unknown>,
): RawBuilder<unknown>[] {
  return sort.map(({ key, descending }) => (descending ? sql`${column(key)} desc` : sql`${column(key)} asc`));
}

/** Rows behind the marker, whose values of the sort keys are `values`. */
export function afterMarker(
  sort: readonly SortKey[],
  column: (key: string) => RawBuilder<unknown>,
  values: Readonly<Record<string, unknown>>,
): RawBuilder<boolean> {
  const alternatives = sort.map(({ key, descending }, i) => {
    const equal = sort.slice(0, i).map((each) => sql`${column(each.key)} = ${values[each.key]}`);
    const behind = descending ? sql`${column(key)} < ${values[key]}` : sql`${column(key)} > ${values[key]}`;
    return sql`(${sql.join([...equal, behind], sql` and `)})`;
  });
  return sql<boolean>`(${sql.join(alternatives, sql` or `)})`;
}

/** `{ <name>_links: [...] }` when a full page means that there may be more. `path` is below the version: `/volumes/detail`. */
export function nextLinks(
  call: Call,
  name: string,
  page: Page,
  rows: ReadonlyArray<{ readonly id: string }>,
): Record<string, unknown> {
  const last = rows.at(-1);
  if (!last || rows.length < page.limit) return {};
  const query = new URLSearchParams(call.query);
  query.set('marker', last.id);
  query.delete('offset');
  return { [`${name}_links`]: [{ rel: 'next', href: `${call.baseUrl}${call.path}?${query}` }] };
}

/** Names that `/resource_filters` does not tell are passed over until 3.31, and refused from then on to all but administrators. */
export function refuseUnknownFilters(call: Call, known: Iterable<string>, isAdmin: boolean): void {
  if (isAdmin || !atLeast(call.microversion, '3.31')) return;
  const names = new Set(known);
  const unknown = [...call.query.keys()].filter((key) => !names.has(key) && !LISTING_NAMES.has(key));
  if (unknown.length > 0)
    throw new InvalidInput(`Invalid filters ${unknown.join(',').slice(0, 255)} are found in query options.`);
}

/** Lists that learnt to sort by `name` late: before, they take `display_name` alone. @throws InvalidInput */
export function refuseSortByName(call: Call, since: VersionText): void {
  if (atLeast(call.microversion, since)) return;
  const keys = [...call.query.getAll('sort'), ...call.query.getAll('sort_key')].flatMap((text) =>
    text.split(',').map((part) => part.split(':')[0]?.trim()),
  );
  if (keys.includes('name')) throw new InvalidInput(`There is no sort key name before ${since}.`);
}

/** The value that a `name~` of the query asks for, from 3.34 on. */
export function readLike(call: Call, name: string): string | undefined {
  return atLeast(call.microversion, '3.34') ? (call.query.get(`${name}~`) ?? undefined) : undefined;
}

const TRUE = new Set(['1', 't', 'true', 'on', 'y', 'yes']);
const FALSE = new Set(['0', 'f', 'false', 'off', 'n', 'no']);

/** @throws InvalidInput for what is no boolean */
export function readBoolean(name: string, text: string): boolean {
  const word = text.toLowerCase();
  if (TRUE.has(word)) return true;
  if (FALSE.has(word)) return false;
  throw new InvalidInput(`${name} must be a boolean, and is ${text.slice(0, 64)}.`);
}

/** Whether the answer says how many there are in all (3.45). */
export function wantsCount(call: Call): boolean {
  const text = call.query.get('with_count');
  return text !== null && atLeast(call.microversion, '3.45') && readBoolean('with_count', text);
}

/** True when an administrator asks for every project's; others' wish is passed over. */
export function wantsAllProjects(call: Call, rule: string): boolean {
  const text = call.query.get('all_tenants');
  return text !== null && readBoolean('all_tenants', text) && call.allows(rule, {});
}
