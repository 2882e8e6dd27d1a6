// Follows a list's links from page to page, as clients do, in each service's form of links.
import type { JsonValue } from '#test/support/service-harness.ts';
import type { Asked } from './routes.ts';
import type { ListWorld } from './world.ts';

export interface Walk {
  readonly list: Asked;
  /** What names the items of the whole list, before anything was added. */
  readonly all: readonly string[];
  readonly seen: string[];
  readonly next: string;
}

const PAGE = 3;

/** The whole list and its first page. Undefined for a list that is not paged, or shorter than a page. */
export async function beginWalk(world: ListWorld, list: Asked): Promise<Walk | undefined> {
  const path = list.path(world.ids);
  const whole = await world.ok(list.service, 'GET', path, list);
  const limited = `${path}${path.includes('?') ? '&' : '?'}limit=${PAGE}`;
  const { status, body: first } = await world.ask(list.service, 'GET', limited, list);
  if (status === 400) return undefined; // this list knows no limit
  const next = nextOf(first);
  return next === undefined ? undefined : { list, all: itemsOf(whole), seen: itemsOf(first), next };
}

/** The other pages. @returns complaints: what is missing of the list as it was, and what came twice */
export async function endWalk(world: ListWorld, { list, all, seen, next }: Walk): Promise<string[]> {
  for (let link: string | undefined = next; link !== undefined;) {
    const page: JsonValue = await world.ok(list.service, 'GET', below(list, link), list);
    seen.push(...itemsOf(page));
    link = nextOf(page);
  }
  const missing = all.filter((item) => !seen.includes(item));
  const twice = seen.filter((item, at) => seen.indexOf(item) !== at);
  return [
    ...missing.map((item) => `${list.name}: ${item} is on no page`),
    ...twice.map((item) => `${list.name}: ${item} is on two pages`),
  ];
}

/** Links of services are whole addresses with the service's prefix; the image service's begin at the version. */
function below({ service }: Asked, link: string): string {
  const { pathname, search } = new URL(link, 'http://cloud.example');
  const prefix = `/${service}`;
  return (pathname.startsWith(`${prefix}/`) ? pathname.slice(prefix.length) : pathname) + search;
}

function nextOf(page: JsonValue): string | undefined {
  if (typeof page.next === 'string') return page.next;
  if (typeof page.links?.next === 'string') return page.links.next;
  const links = Object.entries(page).find(([key, value]) => key.endsWith('links') && Array.isArray(value));
  return (links?.[1] as JsonValue[] | undefined)?.find((link) => link.rel === 'next')?.href;
}

function itemsOf(page: JsonValue): string[] {
  const [, items] =
    Object.entries(page).find(([key, value]) => Array.isArray(value) && !key.endsWith('links')) ?? [];
  return ((items ?? []) as JsonValue[]).map((item) => {
    const inner = item.keypair ?? item;
    return String(
      inner.id ??
        inner.uuid ??
        inner.namespace ??
        inner.network_id ??
        inner.request_id ??
        inner.name ??
        JSON.stringify(inner),
    );
  });
}
