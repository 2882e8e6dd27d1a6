// The two links that every resource of compute shows: `self` with the version, `bookmark` without. Both name what the
// request's own path names: the older version, and the project.
import type { Call } from '#platform/http/api.ts';

export interface Link {
  readonly rel: string;
  readonly href: string;
}

export type Linking = Pick<Call, 'baseUrl' | 'path' | 'maybePrincipal'>;

/** `path` is the resource's below the version: `servers/<id>`. */
export function linksOf(call: Linking, path: string): Link[] {
  return [{ rel: 'self', href: `${root(call)}/${path}` }, bookmark(call, path)];
}

export function bookmark(call: Linking, path: string): Link {
  return { rel: 'bookmark', href: `${call.baseUrl}${project(call)}/${path}` };
}

/** The address of the API as the request has it: `http://…/compute/v2.1`. */
export function root(call: Linking): string {
  return `${call.baseUrl}/${versionOf(call)}${project(call)}`;
}

function versionOf({ path }: Linking): string {
  return path.startsWith('/v2/') ? 'v2' : 'v2.1';
}

function project(call: Linking): string {
  const id = call.maybePrincipal?.projectId;
  return id !== undefined && call.path.startsWith(`/${versionOf(call)}/${id}/`) ? `/${id}` : '';
}
