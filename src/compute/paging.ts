// What lists of compute share: `limit`, and the link to the next page.
import type { Call } from '#platform/http/api.ts';
import { InvalidInput } from './errors.ts';
import { root } from './links.ts';

/** The page's size, never above `most`. @throws InvalidInput for what is no number from 0 on. */
export function readLimit(query: URLSearchParams, most: number): number {
  const text = query.get('limit');
  if (text === null) return most;
  if (!/^\d{1,18}$/.test(text)) {
    throw new InvalidInput(
      `Invalid input for query parameters limit. Value: ${text}. It must be an integer from 0 on.`,
    );
  }
  return Math.min(Number(text), most);
}

/**
 * `{ <name>_links: [...] }` when a full page means that there may be more, else nothing. `path` is the collection's in
 * the table of routes: `/v2.1/servers`.
 */
export function nextLink(
  call: Call,
  path: string,
  name: string,
  page: readonly string[],
  most: number,
  key = `${name}_links`,
): Record<string, unknown> {
  const last = page.at(-1);
  if (last === undefined || page.length < readLimit(call.query, most)) return {};
  const query = new URLSearchParams(call.query);
  query.set('marker', last);
  return { [key]: [{ rel: 'next', href: `${root(call)}${path.slice('/v2.1'.length)}?${query}` }] };
}
