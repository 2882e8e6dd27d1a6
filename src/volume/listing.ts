// Sorts and pages rows that a project has few of, in memory: types, backups, transfers, messages. Lists that can be long page
// in SQL (`paging.ts`).
import type { Call } from '#platform/http/api.ts';
import { ResourceNotFound } from './errors.ts';
import { readPage, type SortKey } from './paging.ts';

type Value = string | number | null;

export interface Listing<T> {
  /** `Backup`: for the message when the marker is gone. */
  readonly what: string;
  /** Sort key of the API → the row's value. */
  readonly sortable: Readonly<Record<string, (row: T) => Value>>;
  readonly maxLimit: number;
}

export interface RowPage<T> {
  readonly rows: readonly T[];
  /** It is full, so that there may be more rows after these. */
  readonly more: boolean;
}

/**
 * The page of `rows` that the query asks for. Newest first when it does not sort.
 * @throws InvalidInput for a limit, offset or sort that cannot be used; ResourceNotFound for a marker that is not there
 */
export function pageOf<T extends { readonly id: string }>(
  query: URLSearchParams,
  rows: readonly T[],
  listing: Listing<T>,
): RowPage<T> {
  const page = readPage(query, Object.keys(listing.sortable), listing.maxLimit);
  const sorted = sortRows(rows, page.sort, { id: (row: T) => row.id, ...listing.sortable });
  const at = page.marker === undefined ? 0 : sorted.findIndex((row) => row.id === page.marker) + 1;
  if (page.marker !== undefined && at === 0) throw new ResourceNotFound(listing.what, page.marker);
  const start = at + page.offset;
  const found = sorted.slice(start, start + page.limit);
  return { rows: found, more: found.length === page.limit };
}

function sortRows<T>(
  rows: readonly T[],
  order: readonly SortKey[],
  sortable: Readonly<Record<string, (row: T) => Value>>,
): T[] {
  return rows.toSorted((a, b) => {
    for (const { key, descending } of order) {
      const read = sortable[key]!; // readPage has looked
      const difference = compare(read(a), read(b));
      if (difference !== 0) return descending ? -difference : difference;
    }
    return 0;
  });
}

function compare(a: Value, b: Value): number {
  if (a === b) return 0;
  if (a === null || b === null) return a === null ? -1 : 1;
  return a < b ? -1 : 1;
}

/** `{ <name>_links: [next] }` when there is more after the page, else nothing. */
export function nextPageLink(
  call: Call,
  name: string,
  page: RowPage<{ readonly id: string }>,
): Record<string, unknown> {
  const last = page.rows.at(-1);
  if (!page.more || last === undefined) return {};
  const query = new URLSearchParams(call.query);
  query.delete('offset');
  query.set('marker', last.id);
  return { [`${name}_links`]: [{ rel: 'next', href: `${call.baseUrl}${call.path}?${query}` }] };
}
