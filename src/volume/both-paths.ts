// Every route of the volume API exists with and without the project in its path: `/v3/volumes` and `/v3/{project_id}/volumes`.
import { InvalidInput } from './errors.ts';
import type { VolumeRoute } from './deps.ts';

type Handler = NonNullable<VolumeRoute['handler']>;

/** @param routes with paths below the version: `/volumes/:id` */
export function bothPaths(routes: readonly VolumeRoute[]): VolumeRoute[] {
  return routes.flatMap((route) => [
    { ...route, path: `/v3${route.path}` },
    { ...guarded(route), path: `/v3/:project_id${route.path}` },
  ]);
}

function guarded(route: VolumeRoute): VolumeRoute {
  return {
    ...route,
    ...(route.handler ? { handler: inOwnProject(route.handler) } : {}),
    ...(route.actions
      ? { actions: route.actions.map((action) => ({ ...action, handler: inOwnProject(action.handler) })) }
      : {}),
  };
}

/** The path's project must be the token's: what a request may touch is decided by its token alone. */
function inOwnProject(handler: Handler): Handler {
  return async (call, deps) => {
    if (call.params['project_id'] !== call.principal.projectId)
      throw new InvalidInput(
        'Malformed request url: its project is not the one that the token is for.',
        'project-mismatch',
      );
    return handler(call, deps);
  };
}
