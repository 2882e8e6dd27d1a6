// The two links that every resource of compute shows: `self` with the version, `bookmark` without.
import type { Call } from '#platform/http/api.ts';

export interface Link {
  readonly rel: string;
  readonly href: string;
}

/** `path` is the resource's below the version: `servers/<id>`. */
export function linksOf(call: Pick<Call, 'baseUrl'>, path: string): Link[] {
  return [{ rel: 'self', href: `${call.baseUrl}/v2.1/${path}` }, bookmark(call, path)];
}

export function bookmark(call: Pick<Call, 'baseUrl'>, path: string): Link {
  return { rel: 'bookmark', href: `${call.baseUrl}/${path}` };
}
