// What lists of metadata definitions have in common: limit, order, and links.
import type { ImageConfig } from '../config.ts';
import { Invalid } from '../errors.ts';
import type { Page } from './store.ts';

export function pageOf<C extends string>(
  query: URLSearchParams,
  columns: readonly C[],
  config: Pick<ImageConfig, 'defaultLimit' | 'maxLimit'>,
): Page<C> {
  const limit = query.get('limit') ?? String(config.defaultLimit);
  if (!/^\d{1,15}$/.test(limit)) throw new Invalid('limit param must be a whole number from 0 on');
  const key = query.get('sort_key') ?? 'created_at';
  const column = columns.find((each) => each === key);
  if (!column)
    throw new Invalid(`Invalid sort key: ${key.slice(0, 50)}. It must be one of ${columns.join(', ')}.`);
  const dir = query.get('sort_dir') ?? 'desc';
  if (dir !== 'asc' && dir !== 'desc') throw new Invalid(`Invalid sort direction: ${dir.slice(0, 50)}`);
  return { sort: { column, dir }, limit: Math.min(Number(limit), config.maxLimit) };
}

/** `first`, and `next` when the page is full. */
export function links(
  path: string,
  query: URLSearchParams,
  { limit }: Pick<Page<string>, 'limit'>,
  names: readonly string[],
): { first: string; next?: string } {
  const linkTo = (marker?: string): string => {
    const params = new URLSearchParams(query);
    params.delete('marker');
    if (marker !== undefined) params.set('marker', marker);
    return params.size === 0 ? path : `${path}?${params}`;
  };
  const last = names.at(-1);
  return { first: linkTo(), ...(last !== undefined && names.length === limit ? { next: linkTo(last) } : {}) };
}
