// Answers as every resource of placement gives them: no caching, times from 1.15 on.
import { Reply, type Call } from '#platform/http/api.ts';
import { atLeast } from '#platform/microversion/microversion.ts';

/** 200 with a body. `changed`: the newest time in it, ISO 8601; now when it has none. */
export function ok(call: Call, body: unknown, changed: readonly string[] = [], status = 200): Reply {
  return new Reply(status, body, timeHeaders(call, changed));
}

export function timeHeaders(call: Call, changed: readonly string[] = []): Record<string, string> {
  if (!atLeast(call.microversion, '1.15')) return {};
  const newest = changed.toSorted().at(-1);
  const time = newest === undefined ? new Date() : new Date(newest);
  return { 'last-modified': time.toUTCString(), 'cache-control': 'no-cache' };
}

/** Addresses within placement, as links carry them. */
export const hrefOf = (path: string): string => `/placement${path}`;

/** The whole address of what was made, for the header `Location`: clients get it as it is. */
export const locationOf = (call: Pick<Call, 'baseUrl'>, path: string): string => call.baseUrl + path;
