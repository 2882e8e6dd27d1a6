// What all lists of identity share: exact and inexact filters by query, pages by `limit` and `marker`, and their links.
import type { Call } from '#platform/http/api.ts';
import { Invalid } from './errors.ts';

type Item = Readonly<Record<string, unknown>>;

const COMPARATORS: Readonly<Record<string, (value: string, wanted: string) => boolean>> = {
  equals: (value, wanted) => value === wanted,
  contains: (value, wanted) => value.includes(wanted),
  startswith: (value, wanted) => value.startsWith(wanted),
  endswith: (value, wanted) => value.endsWith(wanted),
  iequals: (value, wanted) => value.toLowerCase() === wanted.toLowerCase(),
  icontains: (value, wanted) => value.toLowerCase().includes(wanted.toLowerCase()),
  istartswith: (value, wanted) => value.toLowerCase().startsWith(wanted.toLowerCase()),
  iendswith: (value, wanted) => value.toLowerCase().endsWith(wanted.toLowerCase()),
};

/** `true` unless the text says no, as upstream reads it. */
export function booleanOf(text: string): boolean {
  return !['0', 'false', 'no', 'off'].includes(text.toLowerCase());
}

/** The texts of those query parameters of `names` that were given, for a store's filter. */
export function exactFilters<N extends string>(call: Call, names: readonly N[]): Partial<Record<N, string>> {
  const filter: Partial<Record<N, string>> = {};
  for (const name of names) {
    const value = call.query.get(name);
    if (value !== null) filter[name] = value.replaceAll('\u0000', '\uFFFD');
  }
  return filter;
}

/**
 * The answer `{"<key>": […], "links": …}`. Applies `<field>__<comparator>` filters for `fields`, then the page.
 * `items` are the views, already filtered exactly.
 */
export function listAnswer<T extends object>(
  call: Call,
  key: string,
  items: readonly T[],
  fields: readonly string[] = ['name'],
): Record<string, unknown> {
  const filtered = inexact(call, items, fields);
  const { page, next } = pageOf(call, filtered);
  return { links: { self: selfLink(call), previous: null, next }, [key]: page };
}

export function selfLink(call: Call): string {
  const query = call.query.toString();
  return `${call.baseUrl}${call.path}${query === '' ? '' : `?${query}`}`;
}

function inexact<T extends object>(call: Call, items: readonly T[], fields: readonly string[]): readonly T[] {
  let left = items;
  for (const [parameter, wanted] of call.query) {
    const [field, name] = parameter.split('__');
    if (field === undefined || name === undefined || !fields.includes(field)) continue;
    const compare = Object.hasOwn(COMPARATORS, name) ? COMPARATORS[name] : undefined;
    if (compare) left = left.filter((item) => compare(String((item as Item)[field] ?? ''), wanted));
  }
  return left;
}

function pageOf<T extends object>(
  call: Call,
  items: readonly T[],
): { page: readonly T[]; next: string | null } {
  const text = call.query.get('limit');
  const marker = call.query.get('marker');
  const from = marker === null ? 0 : items.findIndex((item) => (item as Item)['id'] === marker) + 1;
  if (marker !== null && from === 0) throw new Invalid(`Marker ${marker} could not be found.`);
  if (text === null) return { page: items.slice(from), next: null };
  const limit = Number(text);
  if (!/^\d{1,9}$/.test(text) || limit < 1)
    throw new Invalid('Invalid input for field limit: a number above 0.');
  const page = items.slice(from, from + limit);
  const last = page.at(-1);
  if (!last || from + limit >= items.length) return { page, next: null };
  const query = new URLSearchParams(call.query);
  query.set('marker', String((last as Item)['id']));
  return { page, next: `${call.baseUrl}${call.path}?${query.toString()}` };
}
