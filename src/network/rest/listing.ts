// Answers a list: filters that are columns are left to SQL, the others are compared with the finished views; then order,
// page, links and fields. A constant number of statements, however long the list.
import type { Call } from '#platform/http/api.ts';
import type { StandardColumns } from '../tables.ts';
import { badRequest, notFound } from '../errors.ts';
import type { NetworkDeps, View } from './deps.ts';
import { hasTagFilter, matchesTags, parseQuery, type ListQuery, type SortKey } from './query.ts';
import { equals, inList, selectColumns, selectRows, type Condition, type StandardTable } from './select.ts';
import { sql } from 'kysely';

/** How an attribute is a column: as itself, or under another name. Times are shown, and compared, in whole seconds. */
export interface ColumnFilter {
  readonly column: string;
  readonly type: 'text' | 'integer' | 'boolean' | 'time';
}

export interface Listing {
  readonly plural: string;
  readonly table: StandardTable;
  /** Names that may be filtered and sorted by. */
  readonly attributes: ReadonlySet<string>;
  readonly columns: Readonly<Record<string, ColumnFilter>>;
  /** Filters that neither a column nor a view's value answers (`fixed_ips`): attribute → condition. */
  readonly special?: Readonly<Record<string, (values: readonly string[], deps: NetworkDeps) => Condition>>;
}

/** Undefined: everything. */
export type Needed = ReadonlySet<string> | undefined;

export interface ListSource {
  readonly deps: NetworkDeps;
  /** What the caller may see. */
  readonly visible: Condition;
  /**
   * Rows in any order → views by id; hidden fields already left out. `needed`: names beside which a view may lack what
   * costs statements of its own; undefined: all.
   */
  readonly views: (rows: readonly StandardColumns[], needed: Needed) => Promise<View[]>;
}

export async function answerList(call: Call, listing: Listing, source: ListSource): Promise<View> {
  const query = parseQuery(call.query, listing.attributes);
  const { deps } = source;
  const conditions = [source.visible];
  const rest = new Map<string, readonly string[]>();
  for (const [name, values] of query.filters) {
    const condition = pushDown(listing, deps, name, values);
    if (condition) conditions.push(condition);
    else rest.set(name, values);
  }
  if (query.changedSince) conditions.push(sql`updated_at >= ${query.changedSince}`);
  const limit = pageSize(query, deps);
  const sort = sortKeys(query);
  const needed = neededBy(query, rest, sort);
  if (
    limit !== undefined &&
    rest.size === 0 &&
    !hasTagFilter(query.tags) &&
    sort.every(({ key }) => listing.columns[key])
  ) {
    const index = await selectColumns(
      deps.db.kysely,
      listing.table,
      sort.map(({ key }) => listing.columns[key]?.column ?? key),
      conditions,
    );
    const page = paginate(listing.plural, index.sort(comparing(sort, listing)), query, limit);
    const ids = page.items.map((row) => row['id'] as string);
    const rows =
      ids.length === 0
        ? []
        : await selectRows(deps.db.kysely, listing.table, [inList(deps.db.engine, 'id', ids)]);
    const byId = new Map<unknown, View>((await source.views(rows, needed)).map((view) => [view['id'], view]));
    return finish(
      call,
      listing.plural,
      query,
      { ...page, items: ids.flatMap((id): View[] => [byId.get(id) ?? []].flat()) },
      limit,
    );
  }
  const rows = await selectRows(deps.db.kysely, listing.table, conditions);
  const found: View[] = await source.views(rows, needed);
  const views = found
    .filter((view) => fits(view, rest))
    .filter((view) => matchesTags(tagsOf(view), query.tags));
  views.sort(comparing(sort));
  return finish(call, listing.plural, query, paginate(listing.plural, views, query, limit), limit);
}

function neededBy(query: ListQuery, filters: ReadonlyMap<string, unknown>, sort: readonly SortKey[]): Needed {
  if (query.fields.length === 0) return undefined;
  const tags = hasTagFilter(query.tags) ? ['tags'] : [];
  return new Set([...query.fields, ...filters.keys(), ...sort.map(({ key }) => key), ...tags]);
}

/**
 * Orders, pages and trims views that are few and come from memory: those that the query's filters left. `key` is what marks
 * a page. Without a wish they keep their order.
 */
export function answerViews(
  call: Call,
  plural: string,
  query: ListQuery,
  views: readonly View[],
  deps: NetworkDeps,
  key = 'id',
): View {
  const limit = pageSize(query, deps);
  const sorted = views.toSorted(comparing(query.sort));
  return finish(call, plural, query, paginate(plural, sorted, query, limit, key), limit, key);
}

function pushDown(
  listing: Listing,
  deps: NetworkDeps,
  name: string,
  values: readonly string[],
): Condition | undefined {
  const special = listing.special?.[name];
  if (special) return special(values, deps);
  const filter = listing.columns[name];
  if (!filter) return undefined;
  if (filter.type === 'time') return inSeconds(filter.column, values);
  const wanted = values.map((value) => toColumn(filter, name, value));
  const [only] = wanted;
  return wanted.length === 1 && only !== undefined
    ? equals(filter.column, only)
    : inList(deps.db.engine, filter.column, wanted);
}

function inSeconds(column: string, values: readonly string[]): Condition {
  const some = values.map((value) => sql`substr(${sql.ref(column)}, 1, 19) = ${value.slice(0, 19)}`);
  return sql`(${sql.join(some, sql` or `)})`;
}

function toColumn(filter: ColumnFilter, name: string, value: string): string | number {
  if (filter.type === 'text' || filter.type === 'time') return value;
  if (filter.type === 'boolean') return parseBoolean(name, value) ? 1 : 0;
  if (!/^-?\d{1,15}$/.test(value)) return -1_000_000_001; // no row has it: what is no number matches nothing
  return Number(value);
}

/** @throws NetworkError 400 */
export function parseBoolean(name: string, value: string): boolean {
  if (/^(true|1)$/i.test(value)) return true;
  if (/^(false|0)$/i.test(value)) return false;
  throw badRequest(
    'InvalidInput',
    `Invalid input for operation: '${value}' cannot be converted to boolean for ${name}.`,
  );
}

function fits(view: View, filters: ReadonlyMap<string, readonly string[]>): boolean {
  for (const [name, values] of filters) {
    const actual = view[name];
    if (!values.some((value) => sameValue(name, actual, value))) return false;
  }
  return true;
}

function sameValue(name: string, actual: unknown, wanted: string): boolean {
  if (typeof actual === 'boolean') return actual === parseBoolean(name, wanted);
  if (actual === null || actual === undefined) return wanted === '';
  if (Array.isArray(actual)) return wanted === '' ? actual.length === 0 : actual.includes(wanted);
  return String(actual) === wanted;
}

function tagsOf(view: View): readonly string[] {
  return Array.isArray(view['tags']) ? (view['tags'] as string[]) : [];
}

function pageSize(query: ListQuery, deps: NetworkDeps): number | undefined {
  const { maxPage } = deps.config;
  if (maxPage <= 0) return query.limit;
  return Math.min(query.limit ?? maxPage, maxPage);
}

/** Without a wish, oldest first would surprise nobody but is not promised; ids make every order total. */
function sortKeys(query: ListQuery): SortKey[] {
  const keys = query.sort.length === 0 ? [{ key: 'created_at', descending: false }] : query.sort;
  return keys.some(({ key }) => key === 'id') ? [...keys] : [...keys, { key: 'id', descending: false }];
}

function comparing(sort: readonly SortKey[], listing?: Listing): (a: View, b: View) => number {
  const keys = sort.map(({ key, descending }) => ({
    key: listing?.columns[key]?.column ?? key,
    sign: descending ? -1 : 1,
  }));
  return (a, b) => {
    for (const { key, sign } of keys) {
      const order = compare(a[key], b[key]);
      if (order !== 0) return order * sign;
    }
    return 0;
  };
}

function compare(a: unknown, b: unknown): number {
  if (a === b) return 0;
  if (a === null || a === undefined) return -1;
  if (b === null || b === undefined) return 1;
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  return String(a) < String(b) ? -1 : 1;
}

interface Page {
  readonly items: View[];
  readonly next: boolean;
  readonly previous: boolean;
}

const singular = (plural: string): string => plural.replace(/ies$/, 'y').replace(/s$/, '');

function paginate(
  plural: string,
  sorted: View[],
  query: ListQuery,
  limit: number | undefined,
  key = 'id',
): Page {
  let start = 0;
  let end = sorted.length;
  if (query.marker !== undefined) {
    const at = sorted.findIndex((item) => item[key] === query.marker);
    if (at < 0) throw notFound(singular(plural), query.marker);
    if (query.reverse) end = at;
    else start = at + 1;
  }
  if (limit !== undefined) {
    if (query.reverse) start = Math.max(start, end - limit);
    else end = Math.min(end, start + limit);
  }
  return { items: sorted.slice(start, end), next: end < sorted.length, previous: start > 0 };
}

function finish(
  call: Call,
  plural: string,
  query: ListQuery,
  page: Page,
  limit: number | undefined,
  key = 'id',
): View {
  const answer: View = { [plural]: page.items.map((view) => pickFields(view, query.fields)) };
  if (limit === undefined || page.items.length === 0) return answer;
  const links = [];
  const href = (marker: unknown, reverse: boolean): string => {
    const params = new URLSearchParams(call.query);
    params.set('limit', String(limit));
    params.set('marker', String(marker));
    params.delete('page_reverse');
    if (reverse) params.set('page_reverse', 'True');
    return `${call.baseUrl}${call.path}?${params.toString()}`;
  };
  if (page.next) links.push({ rel: 'next', href: href(page.items.at(-1)?.[key], false) });
  if (page.previous) links.push({ rel: 'previous', href: href(page.items[0]?.[key], true) });
  return links.length === 0 ? answer : { ...answer, [`${plural}_links`]: links };
}

/** Only the fields asked for; `tenant_id` and `project_id` are one. */
export function pickFields(view: View, fields: readonly string[]): View {
  if (fields.length === 0) return view;
  return Object.fromEntries(fields.flatMap((field) => (field in view ? [[field, view[field]]] : [])));
}
